"""From an item to a released model: grant, propose, approve, release. `permissions.py` keeps the people apart."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.selectors import alarm_standing
from compliance.record.services import SYSTEM, record_append
from requests_app.models import Item, Proposal
from requests_app.states import GRANT_GROUNDS, Ground, ItemState, RequestState
from unlearning_jobs.engine.catalogue import method_guarantee, metric_problems
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.selectors import attacks_obstacles, method_obstacles, twins_obstacle
from unlearning_jobs.services.model_versions import model_version_release, unlearning_start
from unlearning_jobs.states import JOB_TRANSITIONS, JobState, ModelState

from .accepted import matches_in_no_item
from .copies_due import copies_to_name
from .findings import remaining_examples
from .letters import Letter, letter
from .mail_reasons import outcome_template
from .permissions import require_approver, require_officer, require_releaser
from .reasons import require_explanation
from .requests import item_lock, item_move, request_close_when_settled, request_end_lock, require_item_transition
from .results import rejected_since, release_obstacle, report_is_signed, under_way
from .suppression_ends import suppressions_end_with_release

RELEASE_SIGN_TASK = "requests_app.release_sign"


@transaction.atomic
def item_grant(*, item: Item, ground: str, reasons: str, by: Account) -> Item:
    """Grant an item on a legal ground. Refusals are in `endings.py`.

    Raises:
        NotAllowedError: `by` is not an officer.
        StaleStateError: the item has been decided, or the ground does not grant.
    """
    # 1. The ground must fit the decision.
    require_officer(by)
    if ground not in GRANT_GROUNDS[item.request.kind]:
        raise StaleStateError(_("Choose a ground that fits the decision."))
    # 2. Decide, and record it. The reasons stay out of the record: they may name people.
    item = item_lock(item)
    item.ground, item.reasons, item.decided_by, item.decided_at = Ground(ground), reasons.strip(), by, timezone.now()
    data = {"granted": True, "ground": ground}
    return item_move(item=item, to=ItemState.GRANTED, kind=RecordKind.ITEM_DECIDED, actor=by.opaque, data=data)


@transaction.atomic
def proposal_submit(*, item: Item, method: MethodChoice, protocol: Protocol, by: Account) -> Proposal:
    """Propose a method and an evaluation protocol, for another officer to approve.

    Raises:
        NotAllowedError: `by` is not an officer.
        SpecError: the method cannot run here, or the protocol cannot lead to a verdict; says why.
        StaleStateError: the item is not waiting for a method, or its model has no active version.
    """
    # 1. Lock the item, so that two proposals at once cannot get the same number.
    require_officer(by)
    item = item_lock(item)
    require_item_transition(item, RecordKind.PROPOSAL_SUBMITTED, ItemState.AWAITING_APPROVAL)
    # 2. Check that the method can run on the active version, and that the protocol can decide something.
    base = ModelVersion.objects.filter(name=item.model_name, state=ModelState.ACTIVE).first()
    if base is None:
        raise StaleStateError(_("The model has no active version."))
    remaining = remaining_examples(item, base)
    if not remaining:
        message = _(
            "The model has unlearned these examples already, or was trained, or declared to have been trained, without them."
        )
        raise StaleStateError(message)
    problems = [
        *(_protocol_problems(protocol, method, base) or metric_problems(protocol, base.recipe.family)),
        *method_obstacles(method.name, base, remaining),
        *attacks_obstacles(protocol, base, remaining),
        *filter(None, [twins_obstacle(protocol, base, remaining)]),
    ]
    if problems:
        raise SpecError(" ".join(problems))
    if base.seed in {*protocol.replicate_seeds, *protocol.oracle_seeds}:
        raise SpecError(_("The protocol uses the production model’s own seed. Choose different seeds."))
    # 3. Fix the choice, and hand it to another officer.
    proposal = Proposal.objects.create(
        item=item,
        number=item.proposals.count() + 1,
        base=base,
        method=method.to_json(),
        protocol=protocol.to_json(),
        protocol_sha256=protocol.digest(),
        proposed_by=by,
    )
    data = {"attempt": proposal.number, "method": method.name, "protocol_sha256": protocol.digest()}
    item_move(item=item, to=ItemState.AWAITING_APPROVAL, kind=RecordKind.PROPOSAL_SUBMITTED, actor=by.opaque, data=data)
    return proposal


@transaction.atomic
def proposal_approve(*, proposal: Proposal, by: Account) -> Proposal:
    """Approve a proposal as a second officer, and start its job.

    Raises:
        NotAllowedError: `by` is not an officer, or proposed this, reviewed the matches, or submitted the request.
        StaleStateError: it is no longer waiting, or its model version is no longer active.
    """
    # 1. Lock the proposal. Only the item's latest one can be approved, and only by somebody uninvolved.
    proposal = _locked(proposal)
    require_approver(proposal, by)
    _require_latest(proposal)
    ModelVersion.objects.select_for_update(no_key=True).get(pk=proposal.base_id)  # before the record's number
    # 2. Record the intent before the job exists.
    item = proposal.item
    proposal.approved_by, proposal.approved_at = by, timezone.now()
    data = {"attempt": proposal.number, "method": proposal.method["name"], "protocol_sha256": proposal.protocol_sha256}
    data |= {"beside": matches_in_no_item(item.request).count()}
    item_move(item=item, to=ItemState.RUNNING, kind=RecordKind.PROPOSAL_APPROVED, actor=by.opaque, data=data)
    proposal.save()
    # 3. Create the job; a worker is told on commit.
    proposal.job = unlearning_start(
        base=proposal.base,
        forget_ids=remaining_examples(item, proposal.base),
        method=MethodChoice.from_json(proposal.method),
        protocol=Protocol.from_json(proposal.protocol),
        subject=item.request.subject,
        item=item.key,
        attempt=proposal.number,
        actor=by.opaque,
    )
    proposal.save()
    return proposal


@transaction.atomic
def proposal_decline(*, proposal: Proposal, reason: str, by: Account) -> Proposal:
    """Decline a proposal, or take one's own back; the method is chosen again.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it is no longer waiting, or no reason is given.
    """
    require_officer(by)
    require_explanation(reason)
    proposal = _locked(proposal)
    _require_latest(proposal)
    data = {"attempt": proposal.number}
    item_move(item=proposal.item, to=ItemState.GRANTED, kind=RecordKind.PROPOSAL_DECLINED, actor=by.opaque, data=data)
    proposal.declined_by, proposal.declined_at, proposal.decline_reason = by, timezone.now(), reason.strip()
    proposal.save()
    return proposal


@transaction.atomic
def proposal_evaluated(*, job: Job) -> None:
    """Apply the verdict of a finished job: a passed result waits for release, anything else goes back to the officer.

    An item that has lapsed meanwhile, because its request was withdrawn or its examples have left it, stays as it is.

    Raises:
        StaleStateError: the job has not ended, or no proposal waits for it: it trains a model, or its verdict is known.
    """
    # 1. Lock the proposal. An earlier attempt's job says nothing about an item that runs again under a later one.
    if JOB_TRANSITIONS[JobState(job.state)]:
        reason = f"Job {job.pk} has not ended."
        raise StaleStateError(reason)
    waiting = Proposal.objects.filter(job=job).first()
    proposal = _locked(waiting) if waiting else None
    if proposal is None or proposal.verdict:
        reason = f"No proposal waits for job {job.pk}."
        raise StaleStateError(reason)
    # 2. Keep the verdict; a job without one (failed, cancelled) leaves its state instead.
    proposal.verdict = job.verdict if job.state == JobState.COMPLETED else job.state
    proposal.save(update_fields=["verdict"])
    # 3. Move the item: to its release, or back to the choice of a method.
    item, kind, data = proposal.item, RecordKind.ITEM_EVALUATED, {"attempt": proposal.number, "verdict": proposal.verdict}
    if item.state == ItemState.LAPSED:
        record_append(subject=item.request.subject, kind=kind, actor=SYSTEM, data={"item": item.key} | data)
        return
    to = ItemState.AWAITING_RELEASE if proposal.verdict == "passed" else ItemState.GRANTED
    item_move(item=item, to=to, kind=kind, actor=SYSTEM, data=data)


@transaction.atomic
def item_release(*, proposal: Proposal, by: Account) -> Proposal:
    """Release the unlearned model in place of the old one. Needs the signed report.

    Raises:
        NotAllowedError: `by` is not an officer, or approved this.
        StaleStateError: no passed and signed result is waiting, its base is no longer the active version, or the signing
            process has raised its alarm.
    """
    # 1. Lock the proposal. It must have passed, and its report must be signed, in a record that can be trusted.
    request_end_lock(proposal.item.request_id)
    proposal = _locked(proposal)
    require_releaser(proposal, by)
    if alarm_standing():
        raise StaleStateError(alarm_text())
    item = proposal.item
    if proposal.verdict != "passed" or proposal.job is None or proposal.job.result_version is None:
        raise StaleStateError(_("Only a result whose evaluation passed can be released."))
    if not report_is_signed(proposal):
        raise StaleStateError(_("The report has not been signed yet. Wait for the signing process."))
    _require_latest(proposal)
    require_item_transition(item, RecordKind.ITEM_RELEASED, ItemState.RELEASED)
    if rejected_since(proposal):
        raise StaleStateError(
            _("A later review rejected examples that it unlearned. Give it up, and choose a method again.")
        )
    # 2. Swap the models. Raises if the version that the job started from is no longer active.
    version = model_version_release(version=proposal.job.result_version, actor=by.opaque, under_way=under_way(item))
    # 3. Settle the item, and name the copies that are to be settled now. The last one to be settled closes the request.
    proposal.released_by, proposal.released_at = by, timezone.now()
    proposal.copies = copies_to_name(proposal)
    proposal.save()
    data = {"attempt": proposal.number, "model_sha256": version.digest, "replaced_sha256": proposal.base.digest}
    data |= {"copies": proposal.copies}
    item_move(item=item, to=ItemState.RELEASED, kind=RecordKind.ITEM_RELEASED, actor=by.opaque, data=data)
    request_close_when_settled(request=item.request, actor=by.opaque)
    # 4. What was suppressed until then is over; the signing process signs the release.
    suppressions_end_with_release(request=item.request, model_name=item.model_name, actor=by.opaque)
    enqueue_on_commit(RELEASE_SIGN_TASK, proposal.pk, queue="signing")
    return proposal


def release_letter(*, proposal: Proposal, by: Account) -> Letter | None:
    """Return the letter that a release would queue; None if the request stays open, and none is queued.

    It releases the result, reads what that has queued, and takes everything back: so the preview is what the act does.

    Raises:
        NotAllowedError, StaleStateError: as `item_release`.
    """
    with transaction.atomic():
        request = item_release(proposal=proposal, by=by).item.request
        closed = request.state == RequestState.CLOSED
        written = letter(request, outcome_template(request.outcome)) if closed else None
        transaction.set_rollback(True)
    return written


@transaction.atomic
def item_reopen(*, proposal: Proposal, by: Account) -> Item:
    """Give up a result that can no longer be released; the method is chosen again.

    `release_obstacle` says when that is so: for good, or for as long as its report is not signed.

    Raises:
        NotAllowedError: `by` is not an officer.
        StaleStateError: no result waits for release, or it can still be released.
    """
    require_officer(by)
    proposal = _locked(proposal)
    _require_latest(proposal)
    require_item_transition(proposal.item, RecordKind.ITEM_REOPENED, ItemState.GRANTED)
    if not release_obstacle(proposal):
        raise StaleStateError(_("This result can still be released."))
    data = {"attempt": proposal.number}
    return item_move(item=proposal.item, to=ItemState.GRANTED, kind=RecordKind.ITEM_REOPENED, actor=by.opaque, data=data)


def _protocol_problems(protocol: Protocol, method: MethodChoice, base: ModelVersion) -> list[str]:
    has_held_out = base.snapshot.counts.get("held_out", 0) > 0
    problems = protocol.problems(method_guarantee(method.name), held_out=has_held_out, seed=base.seed)
    if protocol.assurance != base.assurance:
        problems.append(_("The protocol is for a model that came about otherwise. Choose the method again."))
    return problems


def alarm_text() -> str:
    """Return what officers read while the signing process's alarm stands."""
    return _("Nothing can be released: the signing process has raised its alarm. Tell whoever runs the installation.")


def _require_latest(proposal: Proposal) -> None:
    """Raise StaleStateError if the item has a later proposal: the item's state is about that one."""
    if proposal.item.proposals.filter(number__gt=proposal.number).exists():
        raise StaleStateError(_("A later attempt has taken this one's place."))


def _locked(proposal: Proposal) -> Proposal:
    """Lock a proposal, after its request and item, and return it as it is now."""
    item = item_lock(Item.objects.get(pk=proposal.item_id))
    rows = Proposal.objects.select_for_update(no_key=True, of=("self",)).select_related("job", "base")
    locked = rows.get(pk=proposal.pk)
    locked.item = item
    return locked
