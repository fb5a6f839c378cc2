"""Which examples of a request are accepted now, by content, and which models know them or are about to learn them.

Items, ends, letters and previews all follow from this: nothing keeps a second list that could fall behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError
from requests_app.models import ErasureRequest, Item, Match
from requests_app.states import SETTLED, ItemState
from unlearning_jobs.contents import ContentsUnknownError, contents_key, contents_of, require_key, training_places
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.origins import is_from_elsewhere
from unlearning_jobs.selectors import never_learned
from unlearning_jobs.states import JobState, ModelState

FIELDS = ("request", "snapshot", "example_id", "example_set", "content", "content_key", "decision")
"""Of a match, what is asked of thousands at once."""
LEARNED_SETS = frozenset({"train", ""})
"""Sets that models are trained on. Matches found before the set was kept have none, and count as training examples."""


@dataclass(frozen=True)
class Learner:
    """A model in use, or a training that is under way: what has learned from a snapshot, or is about to."""

    name: str
    snapshot: CorpusSnapshot
    gone: frozenset[str]
    """Examples that it has unlearned, or leaves out."""
    version: ModelVersion | None = None
    """The active version; None for a training."""
    checkpoint: str = ""
    """Digest of the checkpoint that it started from; empty if from random weights."""
    declared: bool = False
    """Whether it was trained elsewhere, so that what it was trained on is what somebody said."""
    never: frozenset[str] = frozenset()
    """Examples that are gone from it although nothing erased them: it was not trained on them, or is not to be."""


def active_versions() -> list[ModelVersion]:
    related = ("snapshot__corpus", "recipe__checkpoint")
    return list(ModelVersion.objects.filter(state=ModelState.ACTIVE).select_related(*related).order_by("name"))


def learners(name: str = "") -> list[Learner]:
    """Return every model in use and every training or import that is queued or running; only of one model, if named."""
    in_use = [
        Learner(
            *(version.name, version.snapshot, gone_from(version), version, started_from(version.recipe)),
            declared=is_from_elsewhere(version),
            never=never_learned(version.snapshot, version.left_out),
        )
        for version in active_versions()
    ]
    jobs = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).exclude(kind=Job.Kind.UNLEARN)
    trained = [
        Learner(
            *(job.model_name, job.snapshot, frozenset(job.spec.get("exclude_ids", ())), None, started_from(job.recipe)),
            declared=job.kind == Job.Kind.IMPORT,
            never=never_learned(job.snapshot, job.spec.get("exclude_ids", ())),
        )
        for job in jobs.select_related("snapshot__corpus", "recipe__checkpoint").order_by("model_name")
    ]
    return [learner for learner in in_use + trained if name in ("", learner.name)]


def started_from(recipe: RegisteredRecipe) -> str:
    """Return the digest of the checkpoint that models of a recipe start from; empty if from random weights."""
    return recipe.checkpoint.digest if recipe.checkpoint else ""


def gone_from(version: ModelVersion) -> frozenset[str]:
    """Return the examples that a version has unlearned, or was not trained on.

    Of a version that was trained elsewhere, that is what was declared.
    """
    return frozenset([*version.erased_ids, *version.left_out])


@dataclass
class Accepted:
    """The accepted matches of a request as they are now, each with its content."""

    matches: list[Match]
    places_read: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def of(cls, request: ErasureRequest) -> Accepted:
        """Return the accepted matches of a request.

        Raises:
            ContentsUnknownError: the content of one was never noted, and its corpus cannot be read.
        """
        return cls.among(request.matches.filter(decision=Match.Decision.ACCEPTED))

    @classmethod
    def among(cls, rows: QuerySet[Match]) -> Accepted:
        # A snapshot is read once and not with each match: there may be thousands.
        matches = list(rows.only(*FIELDS).prefetch_related("snapshot__corpus").order_by("snapshot", "id"))
        contents_fill(matches)
        return cls(matches)

    def known_by(self, learner: Learner) -> set[str]:
        """Return the training examples of a learner's snapshot that have an accepted content and are not gone from it."""
        return {one for match in self.matches for one in self.places(match, learner.snapshot)} - learner.gone

    def places(self, match: Match, snapshot: CorpusSnapshot) -> set[str]:
        """Return the training examples of a snapshot that have the content of a match.

        Raises:
            ContentsUnknownError: what the snapshot contains was never noted.
        """
        own = {match.example_id} if match.snapshot_id == snapshot.pk and match.example_set in LEARNED_SETS else set()
        if snapshot.pk not in self.places_read:
            self.places_read[snapshot.pk] = training_places(snapshot, {one.content for one in self.matches})
        return own.union(self.places_read[snapshot.pk].get(match.content, ()))


def contents_fill(matches: Iterable[Match]) -> list[Match]:
    """Read the content of those matches of which it is not noted; return them, unsaved.

    Raises:
        ContentsUnknownError: the corpus of one cannot be read, or its content was noted under a key that is gone.
    """
    rows = list(matches)
    for key_id in {match.content_key for match in rows}:
        require_key(key_id)
    unknown = sorted((match for match in rows if not match.content_key), key=lambda match: match.snapshot_id)
    for snapshot, group in groupby(unknown, key=lambda match: match.snapshot):
        own = list(group)
        try:
            found = contents_of(snapshot, [match.example_id for match in own])
        except CorpusError as error:
            raise ContentsUnknownError.of(snapshot) from error
        key_id = contents_key().id
        for match in own:
            match.content, match.content_key = found[match.example_id], key_id
    return unknown


def accepted_examples(item: Item) -> list[str]:
    """Return the examples of an item that are accepted now: a later review may have rejected some."""
    accepted = item.request.matches.filter(decision=Match.Decision.ACCEPTED, snapshot=item.snapshot_id)
    ids = set(accepted.values_list("example_id", flat=True))
    return [one for one in item.example_ids if one in ids]


def items_to_correct(request: ErasureRequest) -> list[Item]:
    """Return the items, not settled, that hold examples which are not accepted any more: two officers must take them out."""
    items = request.items.exclude(state__in=SETTLED).select_related("request").order_by("number")
    return [item for item in items if len(accepted_examples(item)) < len(item.example_ids)]


def require_corrected(request: ErasureRequest) -> None:
    """Raise StaleStateError while an item holds what is not accepted any more: no review and no request ends like this."""
    if lose := items_to_correct(request):
        message = _("Item %(number)d holds examples that are rejected now. Propose to take them out, or accept them again.")
        raise StaleStateError(message % {"number": lose[0].number})


def matches_in_no_item(request: ErasureRequest) -> QuerySet[Match]:
    """Return the accepted matches that no open or decided item holds. What no model knows of them is withheld at the end.

    Whoever approves a method or an end sees them, and the entry about it says how many.
    """
    in_items = Q(pk__in=[])
    for item in request.items.exclude(state=ItemState.LAPSED):
        in_items |= Q(snapshot=item.snapshot_id, example_id__in=item.example_ids)
    return request.matches.filter(decision=Match.Decision.ACCEPTED).exclude(in_items)


def leaving_matches(request: ErasureRequest) -> QuerySet[Match]:
    """Return the matches that are not accepted any more and are still in items."""
    in_items = Q(pk__in=[])
    for item in items_to_correct(request):
        in_items |= Q(snapshot=item.snapshot_id, example_id__in=item.example_ids)
    return request.matches.filter(in_items).exclude(decision=Match.Decision.ACCEPTED)
