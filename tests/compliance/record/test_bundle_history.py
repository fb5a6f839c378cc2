"""An auditor links the bundles of a case offline, and reads in them when the log was started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.evidence.__main__ import main
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import canonical_json, parse_canonical
from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.errors import LogInconsistentError
from compliance.record.models import SignedCheckpoint
from compliance.record.recovery import log_recover
from compliance.record.selectors import trust_published
from compliance.record.signing import checkpoint_sign
from requests_app.services import decisions
from requests_app.services.releases import release_sign
from tests.personas import Staff
from tests.staging import Stage, corpus, trained

from .signed_log import append
from .superuser import superuser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing", "artefacts")]


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus())).searched()


def exported(stage: Stage, folder: Path) -> Path:
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, folder)
    return folder


@pytest.fixture
def bundles(stage: Stage, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two bundles of the case, before its release and after it, with other entries in between; and the trust file."""
    proposal = stage.signed()
    old = exported(stage, tmp_path / "old")
    append(3)
    checkpoint_sign()
    decisions.item_release(proposal=proposal, by=stage.staff.nils)
    release_sign(proposal_id=proposal.pk)
    new = exported(stage, tmp_path / "new")
    published = trust_published()
    assert published is not None
    (tmp_path / "trust.json").write_bytes(bytes(published.body))
    return old, new, tmp_path / "trust.json"


def consistency(*paths: Path) -> int:
    *arguments, trust = map(str, paths)
    return main(["consistency", *arguments, "--trust", trust])


def test_a_later_bundle_shows_offline_that_it_continues_an_earlier_one(
    bundles: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, trust = bundles
    assert consistency(old, new, trust) == 0
    assert "its first entries are the same" in capsys.readouterr().out
    verification = verify_bundle(new, trust.read_bytes())
    assert verification.passed, verification.summary
    assert "earlier checkpoints of it" in verification.steps[2].reason


def test_an_export_that_is_repeated_has_the_same_checkpoint(stage: Stage, tmp_path: Path) -> None:
    """Otherwise a later bundle could not know which checkpoints auditors have."""
    stage.signed()
    first = exported(stage, tmp_path / "first")
    append(2)
    checkpoint_sign()
    again = exported(stage, tmp_path / "again")
    assert (first / "checkpoint").read_bytes() == (again / "checkpoint").read_bytes()


def test_a_bundle_of_another_history_does_not_continue_it(bundles: tuple[Path, Path, Path]) -> None:
    old, new, trust = bundles
    lines = (new / "consistency.jsonl").read_bytes().splitlines()
    values = [parse_canonical(line) for line in lines]
    (new / "consistency.jsonl").write_bytes(
        b"".join(canonical_json(value | {"proof": values[-1]["proof"]}) + b"\n" for value in values)
    )
    assert verify_bundle(new, trust.read_bytes()).steps[2].status == "failed"
    assert consistency(old, new, trust) == 1


@pytest.mark.parametrize("content", [b"", b"{}\n", b"not a line", b"\n"])
def test_what_is_no_list_of_checkpoints_is_refused(bundles: tuple[Path, Path, Path], content: bytes) -> None:
    _old, new, trust = bundles
    (new / "consistency.jsonl").write_bytes(content)
    assert verify_bundle(new, trust.read_bytes()).steps[2].status == "failed"


def test_checkpoints_out_of_order_are_refused(bundles: tuple[Path, Path, Path]) -> None:
    _old, new, trust = bundles
    lines = (new / "consistency.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    (new / "consistency.jsonl").write_bytes(b"".join(reversed(lines)))
    assert verify_bundle(new, trust.read_bytes()).steps[2].status == "failed"


def test_a_bundle_says_when_and_why_the_log_was_started_again(stage: Stage, tmp_path: Path) -> None:
    stage.signed()
    checkpoint_sign()
    with superuser():
        SignedCheckpoint.objects.all().delete()
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()
    log_recover(reason="The disk was damaged; restored from a backup.")
    verification = verify_bundle(exported(stage, tmp_path / "bundle"))

    assert verification.passed, verification.summary
    assert "the log was started again" in verification.steps[4].reason
    assert "The disk was damaged; restored from a backup." in verification.steps[4].reason
