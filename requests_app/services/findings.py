"""What models in use know of the examples that officers accepted: from stored facts alone.

Pages show it, services check it, and letters say it. How a request can end then: `outcomes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.record.selectors import signed_report
from requests_app.models import Ending, ErasureRequest, Item, Match, Search
from requests_app.states import ItemState, RequestOutcome
from unlearning_jobs.contents import ContentsUnknownError
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState
from unlearning_jobs.wording import ids_named

from .accepted import LEARNED_SETS, Accepted, Learner, accepted_examples, active_versions, gone_from, learners

MOST_NAMED = 5
"""How many example ids a sentence names."""
SINGLE_BYTES = 256
"""Size of a vocabulary that was made from no data."""


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
    """No model in use was trained on them: they are held out, or of a draw's other half, or their models are out of use."""
    vocabularies: int = 0
    """Models in use whose vocabulary was made from accepted examples that no model is trained on."""

    def facts(self) -> dict[str, int]:
        """Return what an ending keeps."""
        return {
            "already_erased": self.already_erased,
            "not_learned": self.not_learned,
            "no_influence": self.no_influence,
            "vocabularies": self.vocabularies,
        }


def match_findings(accepted: Accepted) -> Findings:
    """Count accepted examples, by content."""
    counts = dict.fromkeys(("learned", "already_erased", "not_learned"), 0)
    everything = learners()
    for match in accepted.matches:
        counts[_knowledge((accepted.places(match, learner.snapshot), learner) for learner in everything)] += 1
    return Findings(**counts, vocabularies=vocabularies(accepted.matches))


def item_findings(item: Item) -> Findings:
    """Count the examples of an item by what the active version of its model knows, or a training of it is to learn."""
    sets = dict(item.request.matches.filter(snapshot=item.snapshot_id).values_list("example_id", "example_set"))
    own, counts = learners(item.model_name), dict.fromkeys(("learned", "already_erased", "not_learned"), 0)
    for one in item.example_ids:
        place = {one} if sets.get(one, "") in LEARNED_SETS else set()
        counts[_knowledge((place, learner) for learner in own if learner.snapshot.pk == item.snapshot_id)] += 1
    findings = Findings(**counts)
    if findings.learned and _has_no_influence(item, own):
        return replace(findings, learned=0, no_influence=findings.learned)
    return findings


def _knowledge(places: Iterable[tuple[set[str], Learner]]) -> str:
    """Return what became of an example, from the training examples with its content that each learner's snapshot has.

    A training that leaves it out has erased nothing: only models in use have.
    """
    had = [(learned, learner) for ids, learner in places if (learned := ids - learner.never)]
    if any(ids - learner.gone for ids, learner in had):
        return "learned"
    return "already_erased" if any(learner.version for _, learner in had) else "not_learned"


def vocabularies(accepted: Iterable[Match]) -> int:
    """Count the models in use whose vocabulary was made from accepted examples: those that no model is trained on."""
    made_from = {match.snapshot_id for match in accepted if match.example_set not in LEARNED_SETS}
    versions = ModelVersion.objects.filter(state=ModelState.ACTIVE, snapshot__in=made_from).select_related("recipe")
    return sum(version.recipe.body.get("vocabulary_size", 0) > SINGLE_BYTES for version in versions)


def _has_no_influence(item: Item, own: list[Learner]) -> bool:
    """Return whether the item's last attempt found no measurable influence, and says so in a signed report.

    The finding is about the version that it measured, and about the examples that were approved: neither has changed.
    """
    last = item.proposals.select_related("job").order_by("number").last()
    if last is None or last.job is None or last.verdict != "no_influence":
        return False
    versions = [learner.version for learner in own]
    measured = set(JobSpec.from_json(last.job.spec).forget_ids)
    return (
        versions == [last.base]
        and measured == set(remaining_examples(item, last.base))
        and signed_report(subject=item.request.subject, item=item.key, attempt=last.number) is not None
    )


def items_to_create(request: ErasureRequest) -> Iterator[Item]:
    """Yield, unsaved, an item for each active model that still knows accepted examples in no item of the request yet."""
    number, accepted = request.items.count(), Accepted.of(request)
    # What an item lapsed for may be so no longer: a model in use that knows its examples all the same needs a new one.
    lasting = [*request.items.exclude(state=ItemState.LAPSED), *items_without_influence(request)]
    for version in active_versions():
        ids = {match.example_id for match in accepted.matches if _is_learned(match, version)}
        in_items = {one for item in lasting if item.model_name == version.name for one in item.example_ids}
        if still_known := ids - gone_from(version) - in_items:
            number += 1
            yield Item(
                request=request,
                number=number,
                model_name=version.name,
                snapshot=version.snapshot,
                example_ids=sorted(still_known),
            )


def _is_learned(match: Match, version: ModelVersion) -> bool:
    return match.snapshot_id == version.snapshot_id and match.example_set in LEARNED_SETS


def review_goes_on(request: ErasureRequest) -> bool:
    """Return whether the items of a request still hold something: decided for good, or an example that is accepted now."""
    decided = {ItemState.RELEASED, ItemState.REFUSED}
    return any(accepted_examples(item) or item.state in decided for item in request.items.all())


def remaining_examples(item: Item, base: ModelVersion) -> tuple[str, ...]:
    """Return the examples of an item that a version still knows: some may have been erased or left out meanwhile."""
    gone = gone_from(base)
    return tuple(example_id for example_id in item.example_ids if example_id not in gone)


def search_of(request: ErasureRequest) -> Search | None:
    """Return the last search for a request; None before the first, or if that was made before searches were kept."""
    return request.searches.order_by("number").last()


def search_covers_all(search: Search | None) -> bool:
    """Return whether a search was complete, and covers all that models in use, or trainings under way, learn from now."""
    return search is not None and search.complete and not _unsearched(search)


def _unsearched(search: Search) -> list[Learner]:
    """Return the models in use and the trainings under way whose data a search did not even try to read."""
    tried = {target["snapshot_sha256"] for target in search.targets}
    return [learner for learner in learners() if learner.snapshot.digest not in tried]


def closing_obstacle(request: ErasureRequest, supposing: Ending | None = None) -> str:
    """Return why a request has to stay open although nothing in it is open, and what to do; empty if it may be closed.

    Nobody is told how a request ended while a model in use knows, or a training is to learn, what was accepted and not
    decided about; nor while a model is in use, or a training under way, whose data were not searched.
    """
    try:
        learner, known = next(_known(request, supposing), (None, set()))
    except ContentsUnknownError as error:  # a result can be released all the same: the request stays open
        return str(error)
    if learner:
        sentence = (
            ngettext(
                "%(model)s is in use and knows what was accepted in %(n)d example that is in no item (%(examples)s)."
                " Search again, and accept it.",
                "%(model)s is in use and knows what was accepted in %(n)d examples that are in no item (%(examples)s)."
                " Search again, and accept them.",
                len(known),
            )
            if learner.version
            else ngettext(
                "A training or an import of %(model)s is under way, which would know %(n)d accepted example (%(examples)s)."
                " Wait for its end, or cancel it; then search again.",
                "A training or an import of %(model)s is under way, which would know %(n)d accepted examples (%(examples)s)."
                " Wait for its end, or cancel it; then search again.",
                len(known),
            )
        )
        named = ids_named(known, MOST_NAMED)
        return sentence % {"model": learner.version or learner.name, "n": len(known), "examples": named}
    search = search_of(request)
    if search and (unsearched := _unsearched(search)):
        sentence = (
            _("%(model)s is in use, and its training data were not searched. Search again.")
            if unsearched[0].version
            else _("A training or an import of %(model)s is under way, and its data were not searched. Search again.")
        )
        return sentence % {"model": unsearched[0].version or unsearched[0].name}
    return ""


def _known(request: ErasureRequest, supposing: Ending | None) -> Iterator[tuple[Learner, set[str]]]:
    """Yield what knows accepted contents that nobody has decided about, or is about to learn them, and in which examples.

    What two officers refused in a model is decided by its content: so is a copy of it there that one officer rejected. That
    an example has no measurable influence says nothing about its copies.
    """
    accepted = Accepted.of(request)
    supposed = [supposing.item] if supposing and supposing.item and supposing.outcome == RequestOutcome.REFUSED else []
    refused = examples_by_model([*request.items.filter(state=ItemState.REFUSED), *supposed])
    without_influence = examples_by_model(items_without_influence(request, supposing))
    for learner in learners() if accepted.matches else ():
        own = {one for name, one in refused if name == learner.name}
        left = {
            match.content for match in accepted.matches if match.snapshot == learner.snapshot and match.example_id in own
        }
        others = replace(accepted, matches=[match for match in accepted.matches if match.content not in left])
        known = others.known_by(learner) - {one for name, one in without_influence if name == learner.name}
        if known:
            yield learner, known


def examples_by_model(items: Iterable[Item]) -> set[tuple[str, str]]:
    return {(item.model_name, one) for item in items for one in item.example_ids}


def items_without_influence(request: ErasureRequest, supposing: Ending | None = None) -> list[Item]:
    """Return the items that ended because they had no measurable influence on a version that is in use now.

    About another version of the model, which came into use since, nothing was measured.
    """
    ends = {"outcome": RequestOutcome.NO_INFLUENCE, "approved_by__isnull": False}
    rows = request.items.filter(state=ItemState.LAPSED, endings__in=request.endings.filter(**ends))
    supposed = [supposing.item] if supposing and supposing.item and supposing.outcome == RequestOutcome.NO_INFLUENCE else []
    return [item for item in [*rows.distinct(), *supposed] if _measured_in_use(item)]


def _measured_in_use(item: Item) -> bool:
    last = item.proposals.select_related("base").order_by("number").last()
    return last is not None and last.base.state == ModelState.ACTIVE
