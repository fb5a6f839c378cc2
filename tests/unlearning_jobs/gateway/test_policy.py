"""The policy is read again when it changes, and a broken one changes nothing but what /healthz says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from compliance.formats.canonical import format_time
from tests.unlearning_jobs.engine.guards.made import LATER, NAME, PHRASE, filter_of
from unlearning_jobs.gateway.policy import PolicyError, PolicyKeeper, read_policy

from .conftest import client_of, write_policy
from .servers import Scripted, gateway, until
from .test_answers import whole

CUT, FREE = [("It was [withheld]", "content_filter")], [("It was Thyra Kestelyn.", "stop")]


@pytest.fixture
def running(upstream: str, scripted: Scripted, tmp_path: Path) -> Iterator[OpenAI]:
    scripted.parts = ["It was Thyra", " Kestelyn."]
    with gateway(write_policy(tmp_path / "policy.json", filter_of(NAME)), upstream) as url:
        yield client_of(url)


def health(client: OpenAI) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(str(client.base_url).replace("/v1/", "/healthz")).json()
    return found


def test_all_is_well(running: OpenAI) -> None:
    whole(running)
    said = health(running)
    assert (said["status"], said["suppression"]) == ("ok", "weights unchanged")
    assert said["guards"] == {"active": 1, "expired": []}
    assert said["counts"] == {"answers_cut": 1, "requests": 1}
    assert list(said["by_guard"].values()) == [1]


def test_a_guard_that_is_taken_out_of_the_policy_ends(running: OpenAI, tmp_path: Path) -> None:
    assert whole(running) == CUT
    write_policy(tmp_path / "policy.json")
    until(lambda: whole(running) == FREE)


def test_a_guard_acts_on_the_models_that_it_is_for_and_on_no_other(running: OpenAI, tmp_path: Path) -> None:
    models = {name: {"state": "released", "version": "model:1"} for name in ("tiny", "other")}
    file = filter_of(NAME).write(tmp_path).name
    for only, expected in ((["other"], FREE), (["other", "tiny"], CUT), ([], CUT)):
        entry = {"file": file, "until": format_time(LATER), "models": only}
        policy = {"format": "lethe-gateway-1", "models": models, "guards": [entry]}
        draft = tmp_path / "policy.draft"
        draft.write_text(json.dumps(policy))
        draft.replace(tmp_path / "policy.json")
        until(lambda expected=expected: whole(running) == expected)


def test_a_guard_for_a_model_that_the_policy_does_not_name_breaks_it(tmp_path: Path) -> None:
    path = write_policy(tmp_path / "policy.json", filter_of(NAME))
    policy = json.loads(path.read_text())
    policy["guards"][0]["models"] = ["tinny"]
    path.write_text(json.dumps(policy))
    with pytest.raises(PolicyError, match="does not name"):
        read_policy(path)


def test_a_model_that_is_quarantined_meanwhile_is_refused(running: OpenAI, tmp_path: Path) -> None:
    write_policy(tmp_path / "policy.json", models={"tiny": {"state": "quarantined", "version": "model:tiny-2"}})

    def is_refused() -> bool:
        try:
            whole(running)
        except openai.PermissionDeniedError:
            return True
        return False

    until(is_refused)


def test_an_expired_guard_does_not_act_and_healthz_says_so(running: OpenAI, tmp_path: Path) -> None:
    guard = filter_of(NAME)
    write_policy(tmp_path / "policy.json", guard, until=format_time(datetime.now(UTC) + timedelta(seconds=0.4)))
    until(lambda: health(running)["guards"] == {"active": 0, "expired": [guard.digest()[:16]]})
    assert health(running)["status"] == "degraded"
    assert whole(running) == FREE


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        '{"format": "lethe-gateway-1"}',
        '{"format": "lethe-gateway-9", "models": {}}',
        '{"format": "lethe-gateway-1", "models": {"tiny": {"state": "free", "version": "x"}}}',
        '{"format": "lethe-gateway-1", "models": {}, "guards": [{"file": "none.json", "until": "2030-01-01T00:00:00Z"}]}',
        '{"format": "lethe-gateway-1", "models": {}, "guards": [], "more": 1}',
    ],
)
def test_with_a_broken_policy_the_last_good_one_goes_on_and_healthz_says_so(
    running: OpenAI, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "policy.json").write_text(broken)
    until(lambda: health(running)["policy"]["error"])
    assert health(running)["status"] == "degraded"
    assert whole(running) == CUT
    write_policy(tmp_path / "policy.json")
    until(lambda: not health(running)["policy"]["error"])
    assert whole(running) == FREE


def test_a_policy_that_is_gone_leaves_the_last_good_one(running: OpenAI, tmp_path: Path) -> None:
    (tmp_path / "policy.json").unlink()
    until(lambda: health(running)["policy"]["error"])
    assert whole(running) == CUT


def test_a_guard_that_somebody_changes_breaks_the_policy(running: OpenAI, tmp_path: Path) -> None:
    (file,) = tmp_path.glob("guard-*.json")
    file.write_bytes(file.read_bytes().replace(b"Kestelyn", b"Kestelin"))
    until(lambda: "changed" in health(running)["policy"]["error"])
    assert "Kestel" not in json.dumps(health(running))
    assert whole(running) == CUT


def test_a_folder_of_guards_is_a_policy(upstream: str, scripted: Scripted, tmp_path: Path) -> None:
    scripted.parts = ["It was Thyra Kestelyn."]
    filter_of(NAME).write(tmp_path / "guards")
    with gateway(tmp_path / "guards", upstream) as url:
        client = client_of(url)
        assert whole(client) == CUT
        assert [model.id for model in client.models.list()] == ["tiny"]
        filter_of(PHRASE).write(tmp_path / "guards")
        until(lambda: health(client)["guards"]["active"] == 2)


def test_a_keeper_begins_with_a_good_policy_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        PolicyKeeper(tmp_path / "none.json")
    policy = write_policy(tmp_path / "policy.json", filter_of(NAME), until="tomorrow")
    with pytest.raises(PolicyError, match="time"):
        read_policy(policy)
    assert read_policy(write_policy(policy, filter_of(NAME), until=format_time(LATER))).count == 1
