"""The role that the application connects as: it writes what services write, and cannot turn off what refuses changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.signing import checkpoint_sign
from requests_app.models import ErasureRequest
from requests_app.services import decisions
from requests_app.services.releases import release_sign
from tests.personas import Staff
from tests.staging import Stage, corpus, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
APPEND_ONLY = {
    *("compliance_attestation", "compliance_recordentry", "compliance_recordleaf", "compliance_recordnode"),
    *("compliance_signedcheckpoint", "compliance_signeralarm", "compliance_trustmanifest"),
    *("requests_app_search", "unlearning_jobs_erasedexample", "unlearning_jobs_erasureentry"),
}


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def role() -> str:
    """A second role of this PostgreSQL, made by the command; it goes when the test's transaction is rolled back."""
    name = f"lethe_app_{os.getpid()}"
    call_command("database_role", name, verbosity=0)
    return name


@pytest.fixture
def as_application(role: str) -> Iterator[None]:
    """Everything from here on is done with the rights of the second role."""
    run(f"SET LOCAL ROLE {role}")
    yield
    run("RESET ROLE")


@pytest.mark.usefixtures("signing", "as_application")
def test_a_case_goes_from_its_submission_to_a_signed_release(staff: Staff, tmp_path: Path) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    proposal = decisions.item_release(proposal=stage.signed(), by=staff.nils)
    release_sign(proposal_id=proposal.pk)
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, tmp_path / "bundle")
    assert ErasureRequest.objects.get().outcome == "completed"
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


FORBIDDEN = {
    "a trigger": "ALTER TABLE requests_app_proposal DISABLE TRIGGER ALL",
    "a trigger of the record": "ALTER TABLE compliance_recordentry DISABLE TRIGGER refuse_change",
    "every trigger": "SET LOCAL session_replication_role = replica",
    "a trigger's function": "CREATE OR REPLACE FUNCTION record_refuse_change() RETURNS trigger LANGUAGE sql AS ''",
    "a constraint": "ALTER TABLE requests_app_proposal DROP CONSTRAINT proposal_only_passed_is_released",
    "a table": "CREATE TABLE another (id int)",
    "a table in the way of another": "CREATE TEMPORARY TABLE requests_app_ending (id int)",
    "a schema": "CREATE SCHEMA another",
    "emptying a table": "TRUNCATE requests_app_message CASCADE",
    "another role": "CREATE ROLE another",
    "the list of migrations": "DELETE FROM django_migrations",
    "reading files": "COPY django_migrations FROM PROGRAM 'true'",
}


@pytest.mark.usefixtures("as_application")
@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_it_can_change_nothing_that_refuses_changes(statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"must be owner|permission denied"):
        run(statement)


@pytest.mark.usefixtures("as_application")
@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_it_can_only_read_and_add_to_what_is_append_only(table: str) -> None:
    run(f"SELECT * FROM {table}")  # noqa: S608  # a name from the list above
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = 1", f"TRUNCATE {table} CASCADE"):  # noqa: S608  # likewise
        with pytest.raises(DatabaseError, match="permission denied"):
            run(statement.replace("id = 1", '"index" = 1') if table == "compliance_recordleaf" else statement)


def test_what_is_append_only_follows_from_the_triggers(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname <> 'django_migrations' AND NOT has_table_privilege(%s, oid, 'UPDATE, DELETE')",
            [role],
        )
        assert {table for (table,) in cursor.fetchall()} == APPEND_ONLY


def test_tables_of_later_migrations_can_be_used_until_the_command_runs_again(role: str) -> None:
    run("CREATE TABLE later (id serial PRIMARY KEY)")
    run("CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON later FOR EACH ROW EXECUTE FUNCTION record_refuse_change()")
    run(f"SET LOCAL ROLE {role}; INSERT INTO later DEFAULT VALUES; RESET ROLE")
    call_command("database_role", role, verbosity=0)
    run(f"SET LOCAL ROLE {role}")
    with pytest.raises(DatabaseError, match="permission denied"):
        run("DELETE FROM later")


def test_running_it_again_takes_back_what_was_granted_meanwhile(role: str) -> None:
    run(f"GRANT ALL ON compliance_recordentry TO {role}; ALTER ROLE {role} CREATEROLE")
    call_command("database_role", role, verbosity=0)
    with pytest.raises(DatabaseError, match="permission denied"):
        run(f"SET LOCAL ROLE {role}; TRUNCATE compliance_recordentry CASCADE")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = %s", [role])
        assert cursor.fetchone() == (False,)


def test_a_role_that_owns_tables_or_may_act_as_their_owner_is_refused(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (owner,) = cursor.fetchone()
    with pytest.raises(CommandError, match="owns tables"):
        call_command("database_role", owner)
    run(f"GRANT {owner} TO {role}")
    with pytest.raises(CommandError, match="may act as a role that does"):
        call_command("database_role", role)


def test_its_password_is_read_from_a_file(role: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("it's a secret\n", encoding="utf-8")
    call_command("database_role", role, password_file=tmp_path / "password", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword LIKE 'SCRAM-SHA-256%%' FROM pg_authid WHERE rolname = %s", [role])
        assert cursor.fetchone() == (True,)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("database_role", role, password_file=tmp_path / "nowhere")


@pytest.mark.usefixtures("as_application")
def test_re_encrypting_as_it_says_that_the_owner_must_do_it() -> None:
    """It was a traceback of the database, in the middle of the work."""
    with pytest.raises(CommandError, match="does not own the tables"):
        call_command("data_keys_rotate")
