"""Whether the site lives, and where each role starts."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.personas import Staff, client_of
from tests.web.pages import signed_in

pytestmark = pytest.mark.django_db


def test_health_answers_anybody_while_the_database_does(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_health_says_when_the_database_does_not_answer(client: Client) -> None:
    with patch.object(connection, "cursor", side_effect=OperationalError):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (503, b"database does not answer\n")


@pytest.mark.parametrize(("name", "start"), [("omar", "/cases/"), ("eva", "/jobs/"), ("iris", "/record/reports/")])
def test_each_role_starts_at_its_own_work(staff: Staff, name: str, start: str) -> None:
    assert client_of(getattr(staff, name)).get("/home/")["Location"] == start


def test_an_administrator_sees_the_accounts_and_no_request(staff: Staff) -> None:
    page = signed_in(staff.max).get("/home/")
    assert f"omar {staff.omar.opaque} Officer active" in page.words
    assert "has not published its keys yet" in page.words


def test_home_is_for_those_who_are_signed_in(client: Client) -> None:
    assert client.get("/home/")["Location"] == "/sign-in/?next=/home/"
