"""A real bundle: made by the services, signed with real keys. The engine's files are staged."""

from __future__ import annotations

from pathlib import Path

from compliance.record.bundles import bundle_seal, bundle_write
from compliance.record.keys import signing_keys
from compliance.record.signing import checkpoint_sign
from requests_app.models import Proposal
from requests_app.services import decisions, mapping, matches
from requests_app.services.messages import message_send
from requests_app.services.releases import release_sign
from tests.factories import PROTOCOL
from tests.personas import Staff
from tests.staging import NPO, Stage, corpus, job_completed, trained
from unlearning_jobs.models import Job
from unlearning_jobs.services.reports import report_sign

from .retold import Real


def made(folder: Path) -> Real:
    """Make the bundle: one of four matches was rejected, one attempt failed, and another officer released the next one."""
    staff = Staff.hired()
    stage = Stage.opened(staff, trained(corpus())).searched()
    for message in stage.request.messages.all():
        message_send(message_id=message.pk)
    ids = list(stage.request.matches.order_by("example_id").values_list("pk", flat=True))
    matches.matches_decide(request=stage.request, match_ids=ids[:3], accept=True, by=staff.omar)
    matches.matches_decide(request=stage.request, match_ids=ids[3:], accept=False, by=staff.omar)
    stage.request = mapping.review_complete(request=stage.request, by=staff.omar)
    decisions.item_grant(item=stage.item, ground="17_1_b", reasons="She withdrew.", by=staff.omar)
    _attempt(stage, "failed")
    proposal = decisions.item_release(proposal=_attempt(stage, "passed"), by=staff.nils)
    release_sign(proposal_id=proposal.pk)
    bundle_seal(subject=stage.request.subject, actor="system")
    checkpoint_sign()
    bundle_write(stage.request.subject, folder)
    return Real(folder, signing_keys())


def _attempt(stage: Stage, outcome: str) -> Proposal:
    """Proposed, approved, run, evaluated and reported."""
    proposal = decisions.proposal_submit(item=stage.item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    proposal = decisions.proposal_approve(proposal=proposal, by=stage.staff.lena)
    assert proposal.job is not None
    job_completed(proposal.job, outcome)
    decisions.proposal_evaluated(job=Job.objects.get(pk=proposal.job.pk))
    report_sign(job_id=proposal.job.pk)
    proposal.refresh_from_db()
    return proposal
