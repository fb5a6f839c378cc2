"""What stands against the release of a result: said on its page, checked by the release, and asked before it is given up."""

from __future__ import annotations

from django.utils.translation import gettext as _

from compliance.record.selectors import signed_report
from requests_app.models import Item, Proposal
from requests_app.states import SETTLED
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

from .accepted import Accepted, Learner, accepted_examples, gone_from


def report_is_signed(proposal: Proposal) -> bool:
    item = proposal.item
    return signed_report(subject=item.request.subject, item=item.key, attempt=proposal.number) is not None


def rejected_since(proposal: Proposal) -> bool:
    """Return whether a later review has rejected an example that the proposal's job unlearned."""
    job = proposal.job
    return job is not None and not set(job.spec["forget_ids"]) <= set(accepted_examples(proposal.item))


def under_way(item: Item) -> set[str]:
    """Return the examples that other items are to remove from the same model."""
    others = Item.objects.filter(model_name=item.model_name).exclude(pk=item.pk).exclude(state__in=SETTLED)
    return {example_id for other in others for example_id in other.example_ids}


def release_obstacle(proposal: Proposal) -> str:
    """Return why a result cannot be released as things are, so that it may be given up; empty if it can."""
    base, result = ModelVersion.objects.get(pk=proposal.base_id), proposal.job.result_version if proposal.job else None
    if base.state != ModelState.ACTIVE or result is None or result.state != ModelState.CANDIDATE:
        return _("The model has changed since the job started.")
    if rejected_since(proposal):
        return _("A later review rejected examples that it unlearned.")
    if copies := _copies(proposal, result):
        return _("%(model)s still knows the same content in other examples: %(examples)s.") % {
            "model": result,
            "examples": ", ".join(copies),
        }
    return "" if report_is_signed(proposal) else _("Its report has not been signed.")


def _copies(proposal: Proposal, result: ModelVersion) -> list[str]:
    """Return the training examples with the content of what was unlearned that the result knows and no item removes."""
    item, forget_ids = proposal.item, proposal.job.spec["forget_ids"] if proposal.job else []
    forgotten = Accepted.among(item.request.matches.filter(snapshot=result.snapshot_id, example_id__in=forget_ids))
    known = forgotten.known_by(Learner(result.name, result.snapshot, gone_from(result), result))
    return sorted(known - under_way(item))
