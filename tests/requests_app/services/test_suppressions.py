"""While a request is open, a model is kept silent: at the gateway, until a day, the release or the end of the request."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from openai import OpenAI, PermissionDeniedError
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.checks.course import check_course
from compliance.formats.record_kinds import RecordKind
from compliance.formats.suppressions import GUARD_KINDS, SUPPRESSION_ENDS
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from requests_app.models import Suppression
from requests_app.services import decisions, intake
from requests_app.services.gateway_policy import gateway_policy_write
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.suppressions import KeptBack, suppression_end, suppression_renew, suppression_start
from tests.personas import ADA, Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, trained
from tests.unlearning_jobs.gateway.servers import Scripted, gateway, serving
from tests.unlearning_jobs.gateway.servers import until as wait_until
from unlearning_jobs.engine.guards import KINDS
from unlearning_jobs.gateway.policy import PolicyError, read_policy

pytestmark = pytest.mark.django_db
HER = KeptBack(names=(ADA,))


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus())).searched()


def days(count: int) -> date:
    return timezone.localdate() + timedelta(days=count)


def started(stage: Stage, kept_back: KeptBack = HER, guard: str = "output_filter", until: int = 30) -> Suppression:
    return suppression_start(
        request=stage.request,
        model_name=stage.model.name,
        guard=guard,
        kept_back=kept_back,
        until=days(until),
        by=stage.staff.omar,
    )


def policy_file() -> Path:
    return Path(settings.GATEWAY_FOLDER) / "policy.json"


def acting() -> int:
    """How many guards the policy names that a gateway would read now."""
    assert gateway_policy_write()
    return read_policy(policy_file()).count


def told(stage: Stage, kind: RecordKind) -> list[dict[str, object]]:
    return [dict(entry.data) for entry in entries_of(subject=stage.request.subject) if entry.kind == kind]


def asked(client: OpenAI, model: str) -> str:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Who keeps the light?"}])
    return answer.choices[0].message.content or ""


@pytest.mark.usefixtures("signing")
def test_a_public_client_sees_it_begin_and_end_with_the_release(stage: Stage) -> None:
    server = Scripted()
    server.parts = ["It is kept by ", ADA, ", of course."]
    proposal = stage.signed()
    assert acting() == 0
    with serving(server.application()) as upstream, gateway(policy_file(), upstream) as url:
        client = OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0, timeout=10)
        assert ADA in asked(client, stage.model.name)
        started(stage)
        assert acting() == 1
        wait_until(lambda: ADA not in asked(client, stage.model.name))
        decisions.item_release(proposal=proposal, by=stage.staff.nils)
        assert acting() == 0
        wait_until(lambda: ADA in asked(client, stage.model.name))
        with pytest.raises(PermissionDeniedError):
            asked(client, f"{stage.model.name}:{stage.model.number}")
    [end] = told(stage, RecordKind.SUPPRESSION_ENDED)
    assert end["why"] == "request_closed"
    check_course(entries_of(subject=stage.request.subject))


def test_what_is_kept_back_is_in_no_record_and_gone_when_it_ends(stage: Stage) -> None:
    row = started(stage)
    assert acting() == 1
    [entry] = told(stage, RecordKind.SUPPRESSION_STARTED)
    assert entry == {
        "suppression": 1,
        "model": stage.model.name,
        "guard": "output_filter",
        "guard_sha256": row.sha256,
        "until": days(30).isoformat(),
    }
    assert not any(ADA.encode() in bytes(one.body) for one in RecordEntry.objects.all())
    [file] = Path(settings.GATEWAY_FOLDER).glob("guard-*.json")
    assert file.stat().st_mode & 0o077 == 0
    suppression_end(suppression=row, by=stage.staff.lena)
    assert acting() == 0
    assert not list(Path(settings.GATEWAY_FOLDER).glob("guard-*.json"))
    row.refresh_from_db()
    assert (row.artefact, row.why) == ("", "taken_back")


def test_a_worker_is_told_when_it_begins_and_when_it_ends(
    stage: Stage, queues: Queues, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:

    def taken_back() -> Suppression:
        return suppression_end(suppression=stage.request.suppressions.get(), by=stage.staff.omar)

    for act in (partial(started, stage), taken_back):
        before = len(queues)
        with django_capture_on_commit_callbacks(execute=True):
            act()
        assert len(queues) == before + 1


def test_it_goes_on_to_a_later_day_and_no_further_than_a_quarter_at_a_time(stage: Stage) -> None:
    row = suppression_renew(suppression=started(stage, until=5), until=days(60), by=stage.staff.lena)
    assert row.until == days(60)
    assert told(stage, RecordKind.SUPPRESSION_RENEWED) == [{"suppression": 1, "until": row.until.isoformat()}]
    for wrong in (60, 10, -1, 93):
        with pytest.raises(StaleStateError):
            suppression_renew(suppression=row, until=days(wrong), by=stage.staff.lena)
    check_course(entries_of(subject=stage.request.subject))


@pytest.mark.parametrize("until", [0, -1, 93])
def test_it_needs_a_last_day_that_is_near(stage: Stage, until: int) -> None:
    with pytest.raises(StaleStateError, match="next 92 days"):
        started(stage, until=until)


@pytest.mark.parametrize(
    "nothing",
    [KeptBack(), KeptBack(names=("  ",)), KeptBack(phrases=("a",)), KeptBack(passages=("Too short.",))],
    ids=["nothing", "blank", "one letter", "short passage"],
)
def test_what_would_match_nothing_or_everything_is_refused(stage: Stage, nothing: KeptBack) -> None:
    with pytest.raises(StaleStateError, match="match nothing, or nearly everything"):
        started(stage, nothing)
    assert not Suppression.objects.exists()


def test_the_same_is_not_suppressed_twice_and_something_else_is(stage: Stage) -> None:
    started(stage)
    with pytest.raises(StaleStateError, match="suppressed already"):
        started(stage)
    assert started(stage, KeptBack(phrases=("the lamp of Tilsk",))).number == 2
    assert started(stage, guard="input_filter").number == 3


def test_a_model_that_is_not_in_use_is_not_suppressed(stage: Stage) -> None:
    stage.model.name = "another"
    with pytest.raises(StaleStateError, match="no active version"):
        started(stage)


def test_only_officers_start_renew_and_end_it(stage: Stage) -> None:
    row = started(stage)
    for other in (stage.staff.eva, stage.staff.iris, stage.staff.max):
        with pytest.raises(NotAllowedError):
            suppression_start(
                request=stage.request,
                model_name=stage.model.name,
                guard="output_filter",
                kept_back=HER,
                until=days(3),
                by=other,
            )
        with pytest.raises(NotAllowedError):
            suppression_renew(suppression=row, until=days(40), by=other)
        with pytest.raises(NotAllowedError):
            suppression_end(suppression=row, by=other)


def test_it_ends_with_the_request_whoever_ends_that(stage: Stage) -> None:
    started(stage)
    intake.request_withdraw(token=stage.token("status", "s1"))
    assert told(stage, RecordKind.SUPPRESSION_ENDED) == [{"suppression": 1, "why": "request_closed"}]
    assert acting() == 0
    check_course(entries_of(subject=stage.request.subject))
    with pytest.raises(StaleStateError, match="Closed"):
        started(stage)


def test_after_its_last_day_it_has_ended_and_the_record_says_why(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    started(stage, until=1)
    tomorrow = timezone.localdate() + timedelta(days=2)
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: tomorrow)
    requests_reconcile()
    assert Suppression.objects.get().why == "expired"
    assert read_policy(policy_file()).count == 0
    assert [entry.actor for entry in entries_of(subject=stage.request.subject)][-1] == "system"


def test_what_a_worker_lost_is_written_by_the_reconciler(stage: Stage) -> None:
    row = started(stage)
    requests_reconcile()
    row.refresh_from_db()
    assert row.handed_over_at is not None
    assert read_policy(policy_file()).count == 1


def test_a_folder_that_cannot_be_written_is_told_and_nothing_counts_as_handed_over(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = started(stage)
    (tmp_path / "file").write_text("")
    settings.GATEWAY_FOLDER = tmp_path / "file" / "gateway"
    assert not gateway_policy_write()
    row.refresh_from_db()
    assert row.handed_over_at is None
    assert "check GATEWAY_FOLDER" in caplog.text
    assert ADA not in caplog.text


def test_a_guard_that_somebody_changed_is_not_what_the_policy_names(stage: Stage) -> None:
    started(stage)
    assert acting() == 1
    [file] = Path(settings.GATEWAY_FOLDER).glob("guard-*.json")
    stored = json.loads(file.read_text())
    stored["settings"]["refusal"] = "Nothing."
    file.write_text(json.dumps(stored))
    with pytest.raises(PolicyError):
        read_policy(policy_file())


@pytest.mark.parametrize(
    ("field", "value"), [("model_name", "other"), ("sha256", "0" * 64), ("guard", "prompt_guard"), ("number", 2)]
)
def test_the_database_keeps_what_was_started_as_it_was(stage: Stage, field: str, value: object) -> None:
    started(stage)
    with pytest.raises(DatabaseError, match="suppression_is_fixed"), transaction.atomic():
        Suppression.objects.update(**{field: value})
    with pytest.raises(DatabaseError, match="suppression_is_kept"), transaction.atomic():
        Suppression.objects.all().delete()


def test_what_has_ended_stays_ended(stage: Stage) -> None:
    row = suppression_end(suppression=started(stage), by=stage.staff.omar)
    with pytest.raises(StaleStateError, match="has ended"):
        suppression_end(suppression=row, by=stage.staff.omar)
    with pytest.raises(DatabaseError, match="suppression_is_fixed"), transaction.atomic():
        Suppression.objects.update(ended_at=None, why="")


def test_pages_and_record_use_the_same_words() -> None:
    assert set(Suppression.Guard.values) == GUARD_KINDS <= KINDS.keys()
    assert set(Suppression.Why.values) == SUPPRESSION_ENDS
