"""Sign the statement that a model was released. Runs in the signing process."""

from __future__ import annotations

from compliance.evidence.statements import MODEL_SUBJECT, UNLEARNING_REPORT, Release, Statement, Subject
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import ContradictionError, StaleStateError
from compliance.record.head import alarm_on_inconsistency
from compliance.record.models import Attestation, RecordEntry
from compliance.record.selectors import request_mappers
from compliance.record.signing import attestation_sign, checkpoint_sign, entry_require
from requests_app.models import Proposal
from unlearning_jobs.selectors import is_intact
from unlearning_jobs.states import ModelState

HAS_FILES = frozenset({ModelState.ACTIVE, ModelState.QUARANTINED})


def release_sign(*, proposal_id: int) -> Attestation:
    """Sign a statement of who released which model in place of which, and a checkpoint of the log that covers it.

    Raises:
        StaleStateError: the proposal has not been released.
        ContradictionError: the record says something else about the release, or the model's files are not those that were
            released; nothing is signed, and an alarm stands.
    """
    # 1. The release, and the report that it rests on.
    proposal = Proposal.objects.select_related(
        "item__request", "job__result_version", "base", "approved_by", "released_by"
    ).get(pk=proposal_id)
    job, approver, releaser = proposal.job, proposal.approved_by, proposal.released_by
    if job is None or job.result_version is None or approver is None or releaser is None:
        message = "There is no release to sign."
        raise StaleStateError(message)
    request = proposal.item.request
    report = Attestation.objects.get(
        subject=request.subject,
        item=proposal.item.key,
        attempt=proposal.number,
        predicate_type=UNLEARNING_REPORT,
    )
    # 2. The record must know of it; signing compares what it says.
    attempt = (proposal.item.key, proposal.number)
    approval = entry_require(subject=request.subject, kind=RecordKind.PROPOSAL_APPROVED, attempt=attempt)
    entry_require(subject=request.subject, kind=RecordKind.ITEM_RELEASED, attempt=attempt)
    with alarm_on_inconsistency():
        # A model that was destroyed since, on purpose, has no files to compare.
        if job.result_version.state in HAS_FILES and not is_intact(job.result_version):
            message = f"The model that attempt {proposal.number} at {proposal.item.key} released changed, or went."
            raise ContradictionError(message)
    # 3. Sign it. A second call returns the envelope of the first.
    predicate = Release(
        request=request.reference,
        item=proposal.item.key,
        attempt=proposal.number,
        report_envelope_sha256=report.sha256,
        released_model_sha256=job.result_version.digest,
        replaced_model_sha256=proposal.base.digest,
        # What later reviews add is not released with it, and has approvals of its own.
        mapped_by=request_mappers(subject=request.subject, before=approval.number),
        approved_by=approver.opaque,
        released_by=releaser.opaque,
        record_entries=RecordEntry.objects.filter(subject=request.subject).count(),
    )
    statement = Statement((Subject(MODEL_SUBJECT, job.result_version.digest),), predicate)
    attestation = attestation_sign(statement=statement, subject=request.subject, files={})
    # 4. Cover the entry of the signature by a checkpoint.
    checkpoint_sign()
    return attestation
