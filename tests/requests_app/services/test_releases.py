"""What the signer says about a release is what the record says."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from compliance.evidence.statements import RELEASE, Release
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import ContradictionError, LogInconsistentError, StaleStateError
from compliance.record.models import Attestation
from compliance.record.selectors import alarm_standing, attestation_read
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from requests_app.models import Proposal
from requests_app.services.decisions import item_release
from requests_app.services.releases import release_sign
from tests.compliance.record.signed_log import drop_checkpoints
from tests.compliance.record.superuser import superuser
from tests.staging import Stage
from unlearning_jobs.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


@pytest.fixture
def released(stage: Stage) -> Proposal:
    return item_release(proposal=stage.signed(), by=stage.staff.nils)


def assert_not_signed(proposal: Proposal, reason: str) -> None:
    with pytest.raises(StaleStateError, match=reason):
        release_sign(proposal_id=proposal.pk)
    assert not Attestation.objects.filter(predicate_type=RELEASE).exists()


def assert_alarm(proposal: Proposal, reason: str) -> None:
    with pytest.raises(ContradictionError, match=reason):
        release_sign(proposal_id=proposal.pk)
    assert not Attestation.objects.filter(predicate_type=RELEASE).exists()
    assert alarm_standing() is not None


def test_a_release_is_signed_with_its_models_and_people(stage: Stage, released: Proposal) -> None:
    predicate = attestation_read(release_sign(proposal_id=released.pk)).statement.predicate
    assert isinstance(predicate, Release)
    assert predicate.replaced_model_sha256 == stage.model.digest
    assert (predicate.approved_by, predicate.released_by) == (stage.staff.lena.opaque, stage.staff.nils.opaque)


def test_what_was_not_released_is_not_signed(stage: Stage) -> None:
    assert_not_signed(stage.signed(), "no release to sign")


def test_nothing_is_released_while_the_signing_process_has_raised_its_alarm(stage: Stage) -> None:
    proposal = stage.signed()
    raise_alarm()
    with pytest.raises(StaleStateError, match="the signing process has raised its alarm"):
        item_release(proposal=proposal, by=stage.staff.nils)
    assert ModelVersion.objects.get(state="active") == stage.model


def test_no_release_is_signed_while_an_alarm_stands(released: Proposal) -> None:
    raise_alarm()
    with pytest.raises(LogInconsistentError, match="is missing or changed"):
        release_sign(proposal_id=released.pk)
    assert not Attestation.objects.filter(predicate_type=RELEASE).exists()


def raise_alarm() -> None:
    """The signing process finds that the log is not the one that it signed."""
    with superuser():
        drop_checkpoints()
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()


def test_a_model_whose_weights_were_swapped_is_not_released(stage: Stage) -> None:
    proposal = stage.signed()
    swap_weights(proposal)
    with pytest.raises(StaleStateError, match="are not those that its job left"):
        item_release(proposal=proposal, by=stage.staff.nils)


def test_no_release_is_signed_of_weights_that_were_swapped_since(released: Proposal) -> None:
    swap_weights(released)
    assert_alarm(released, "released changed, or went")


def swap_weights(proposal: Proposal) -> None:
    assert proposal.job is not None
    assert proposal.job.result_version is not None
    weights = settings.ARTEFACTS / proposal.job.result_version.path / "model.safetensors"
    weights.write_bytes(b"those of the original")


@pytest.mark.parametrize(("version", "reason"), [(2, "released changed, or went"), (1, "the replaced model is not")])
def test_a_model_that_was_swapped_in_the_database_is_not_signed(released: Proposal, version: int, reason: str) -> None:
    with superuser("unlearning_jobs_modelversion"):
        ModelVersion.objects.filter(number=version).update(digest="5" * 64)
    assert_alarm(released, reason)


def test_another_releaser_than_the_recorded_one_is_not_signed(stage: Stage, released: Proposal) -> None:
    with superuser("requests_app_proposal"):
        Proposal.objects.filter(pk=released.pk).update(released_by=stage.staff.omar)
    assert_alarm(released, "the release names another releaser")


def test_a_release_by_its_approver_is_not_signed_even_if_the_database_let_it_through(stage: Stage) -> None:
    proposal, lena = stage.signed(), stage.staff.lena
    assert proposal.job is not None
    assert proposal.job.result_version is not None
    record_append(
        subject=stage.request.subject,
        kind=RecordKind.ERASURE_ENTERED,
        actor=lena.opaque,
        data={"item": "item-1", "attempt": 1, "examples": 4, "entries_sha256": "0" * 64},
    )
    data = {"model_sha256": proposal.job.result_version.digest, "replaced_sha256": proposal.base.digest, "copies": []}
    record_append(
        subject=stage.request.subject,
        kind=RecordKind.ITEM_RELEASED,
        actor=lena.opaque,
        data={"item": "item-1", "attempt": 1, **data},
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE requests_app_proposal DROP CONSTRAINT proposal_releaser_is_not_approver")
    with superuser("requests_app_proposal"):
        Proposal.objects.filter(pk=proposal.pk).update(released_by=lena, released_at=timezone.now())
    assert_alarm(proposal, "approved the attempt and released it")
