"""What became of the examples that officers accepted, and how a request can end without unlearning: from stored facts alone.

Pages show it, services check it, and letters say it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from compliance.record.selectors import signed_report
from requests_app.models import Ending, ErasureRequest, Item, Match, Search
from requests_app.states import SETTLED, ItemState, RequestOutcome
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

LAPSES = (RequestOutcome.NO_INFLUENCE, RequestOutcome.ALREADY_ERASED, RequestOutcome.NOT_LEARNED)
"""Outcomes of items that lapsed. If those of a request differ, it closes with the first; its letter names all of them."""
LEARNED_SETS = frozenset({"train", ""})
"""Sets that models are trained on. Matches found before the set was kept have none, and count as training examples."""


@dataclass(frozen=True)
class Findings:
    """Accepted examples, by what models in use know of them."""

    learned: int = 0
    """A model in use was trained on them and has not unlearned them."""
    no_influence: int = 0
    """A model in use was trained on them, and a signed report says that doing nothing cannot be told from retraining."""
    already_erased: int = 0
    """Every model in use that was trained on them has unlearned them."""
    not_learned: int = 0
    """No model in use was trained on them: they are held out, or their models are no longer in use."""

    def facts(self) -> dict[str, int]:
        """Return what an ending keeps."""
        return {
            "already_erased": self.already_erased,
            "not_learned": self.not_learned,
            "no_influence": self.no_influence,
        }


def match_findings(request: ErasureRequest) -> Findings:
    """Count the accepted examples of a request."""
    accepted = request.matches.filter(decision=Match.Decision.ACCEPTED)
    return _count(accepted.values_list("snapshot_id", "example_id", "example_set"), active_versions())


def item_findings(item: Item) -> Findings:
    """Count the examples of an item by what the active version of its model knows."""
    versions = [version for version in active_versions() if version.name == item.model_name]
    sets = dict(item.request.matches.filter(snapshot=item.snapshot_id).values_list("example_id", "example_set"))
    findings = _count(((item.snapshot_id, one, sets.get(one, "")) for one in item.example_ids), versions)
    if findings.learned and _has_no_influence(item, versions):
        return replace(findings, learned=0, no_influence=findings.learned)
    return findings


def _has_no_influence(item: Item, versions: list[ModelVersion]) -> bool:
    """Return whether the item's last attempt found no measurable influence, and says so in a signed report.

    The finding is about the version that it measured, and about the examples that were approved: neither has changed.
    """
    last = item.proposals.select_related("job").order_by("number").last()
    if last is None or last.job is None or last.verdict != "no_influence":
        return False
    measured = set(JobSpec.from_json(last.job.spec).forget_ids)
    return (
        [version.pk for version in versions] == [last.base_id]
        and measured == set(remaining_examples(item, versions[0]))
        and signed_report(subject=item.request.subject, item=item.key, attempt=last.number) is not None
    )


def _count(examples: Iterable[tuple[int, str, str]], versions: list[ModelVersion]) -> Findings:
    counts = {"learned": 0, "already_erased": 0, "not_learned": 0}
    erased = {version: _gone(version) for version in versions}
    for snapshot_id, example_id, example_set in examples:
        knowing = [version for version in versions if version.snapshot_id == snapshot_id]
        if example_set not in LEARNED_SETS or not knowing:
            counts["not_learned"] += 1
        elif all(example_id in erased[version] for version in knowing):
            counts["already_erased"] += 1
        else:
            counts["learned"] += 1
    return Findings(**counts)


def _gone(version: ModelVersion) -> set[str]:
    """Return the examples that a version has unlearned, or was not trained on because they had been erased before."""
    return {*version.erased_ids, *version.left_out}


def active_versions() -> list[ModelVersion]:
    return list(ModelVersion.objects.filter(state=ModelState.ACTIVE).select_related("snapshot__corpus").order_by("name"))


def items_to_create(request: ErasureRequest) -> Iterator[Item]:
    """Yield, unsaved, an item for each active model that still knows accepted examples in no item of the request yet."""
    number = request.items.count()
    for version in active_versions():
        accepted = request.matches.filter(
            snapshot=version.snapshot, decision=Match.Decision.ACCEPTED, example_set__in=LEARNED_SETS
        )
        in_items = {
            one for ids in request.items.filter(model_name=version.name).values_list("example_ids", flat=True) for one in ids
        }
        still_known = set(accepted.values_list("example_id", flat=True)) - _gone(version) - in_items
        if still_known:
            number += 1
            yield Item(
                request=request,
                number=number,
                model_name=version.name,
                snapshot=version.snapshot,
                example_ids=sorted(still_known),
            )


def remaining_examples(item: Item, base: ModelVersion) -> tuple[str, ...]:
    """Return the examples of an item that a version still knows: some may have been erased or left out meanwhile."""
    erased = _gone(base)
    return tuple(example_id for example_id in item.example_ids if example_id not in erased)


def search_of(request: ErasureRequest) -> Search | None:
    """Return the last search for a request; None before the first, or if that was made before searches were kept."""
    return request.searches.order_by("number").last()


def search_covers_all(search: Search | None) -> bool:
    """Return whether a search was complete, and covers the training data of every model that is in use now."""
    if search is None or not search.complete:
        return False
    searched = {target["snapshot_sha256"] for target in search.targets}
    in_use = {version.snapshot.digest for version in active_versions()}
    return bool(in_use) and in_use <= searched


def closing_outcome(request: ErasureRequest) -> RequestOutcome | None:
    """Return the only outcome with which a reviewed request can be closed without an item; None if it cannot."""
    findings = match_findings(request)
    if findings.learned or request.items.exists() or request.matches.filter(decision=Match.Decision.OPEN).exists():
        return None
    if findings.already_erased:
        return RequestOutcome.ALREADY_ERASED
    if findings.not_learned:
        return RequestOutcome.NOT_LEARNED
    return RequestOutcome.NO_MATCH if search_covers_all(search_of(request)) else RequestOutcome.NOT_SEARCHED


def lapse_outcome(item: Item) -> RequestOutcome | None:
    """Return the outcome of an item that no model in use knows an example of, measurably; None while one does."""
    findings = item_findings(item)
    if findings.learned:
        return None
    if findings.no_influence:
        return RequestOutcome.NO_INFLUENCE
    return RequestOutcome.ALREADY_ERASED if findings.already_erased else RequestOutcome.NOT_LEARNED


def settled_outcome(request: ErasureRequest, supposing: Ending | None = None) -> RequestOutcome | None:
    """Return the outcome with which a request closes because nothing in it is open; None while something is.

    Args:
        request: the request.
        supposing: an ending that waits, or is about to be proposed: the answer is as if it were approved.
    """
    if supposing and supposing.item is None:
        return RequestOutcome(supposing.outcome)
    states = dict(request.items.values_list("pk", "state"))
    lapses = set(
        request.endings.filter(item__state=ItemState.LAPSED, approved_by__isnull=False).values_list("outcome", flat=True)
    )
    if supposing and supposing.item:
        states[supposing.item.pk] = ending_state(supposing)
        lapses.add(supposing.outcome)
    ended = set(states.values())
    if ended - SETTLED or not ended:
        return None
    if ItemState.RELEASED in ended:
        return RequestOutcome.COMPLETED
    if ItemState.REFUSED in ended:
        return RequestOutcome.REFUSED
    return next(outcome for outcome in LAPSES if outcome in lapses)


def ending_state(ending: Ending) -> ItemState:
    """Return the state to which an ending brings its item."""
    return ItemState.REFUSED if ending.outcome == RequestOutcome.REFUSED else ItemState.LAPSED
