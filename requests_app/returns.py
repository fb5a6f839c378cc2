"""Which models know erased examples again, from what is stored: what the ledger found, what is worked on, what was refused.

That a model knows an example that was erased from another is no return while an open request deals with it, or if two
officers have decided for the same request to leave it in this model: refused, or without measurable influence.
"""

from __future__ import annotations

from dataclasses import dataclass

from unlearning_jobs.models import ErasedExample, Job, ModelVersion
from unlearning_jobs.selectors import known_erased
from unlearning_jobs.states import JobState, ModelState

from .models import Item, Match
from .services.accepted import LEARNED_SETS
from .services.findings import items_without_influence
from .states import SETTLED, ItemState, RequestState


@dataclass(frozen=True)
class Return:
    """A model version that knows erased examples for which nothing is under way."""

    version: ModelVersion
    example_ids: tuple[str, ...]
    references: tuple[str, ...]
    """The requests that they were erased for, or with whose end they were to stay unlearned."""
    busy: bool
    """Whether an open request deals with examples of this model, or the model is being trained: neither may be cut short."""

    @property
    def in_use(self) -> bool:
        return self.version.state == ModelState.ACTIVE


def returns_standing() -> list[Return]:
    """Return the models in use that know returned examples, and those out of use that only knew such versions."""
    found = [back for version in _watched() if (back := _return_of(version))]
    return sorted(found, key=lambda back: str(back.version))


def _watched() -> list[ModelVersion]:
    """Return the active version of every model; the newest trained one of a model that has no active version.

    Quarantined versions that others replaced are on their way out and cannot come back.
    """
    newest: dict[str, ModelVersion] = {}
    versions = ModelVersion.objects.select_related("snapshot").prefetch_related("snapshot__erased_examples")
    gone = [ModelState.DESTROYING, ModelState.DESTROYED]
    for version in versions.exclude(state__in=gone).order_by("name", "number"):
        before = newest.get(version.name)
        if before is None or before.state != ModelState.ACTIVE:
            newest[version.name] = version
    return list(newest.values())


def _return_of(version: ModelVersion) -> Return | None:
    known = known_erased(version)
    items = list(
        Item.objects.filter(model_name=version.name, snapshot=version.snapshot).select_related("request") if known else ()
    )
    worked = _worked_on(version, items)
    left = {
        (item.request.subject, example_id)
        for item in items
        if item.state == ItemState.REFUSED or item in items_without_influence(item.request)
        for example_id in item.example_ids
    }
    places = ErasedExample.objects.filter(snapshot=version.snapshot, example_id__in=known - worked)
    back = {
        (subject, example_id)
        for subject, example_id in places.values_list("entry__subject", "example_id")
        if (subject, example_id) not in left
    }
    if not back:
        return None
    trained = Job.objects.filter(model_name=version.name, state__in=[JobState.QUEUED, JobState.RUNNING])
    trained = trained.exclude(kind=Job.Kind.UNLEARN)
    return Return(
        version=version,
        example_ids=tuple(sorted({example_id for _subject, example_id in back})),
        references=tuple(sorted({subject.removeprefix("request:") for subject, _example_id in back})),
        busy=bool(worked) or trained.exists(),
    )


def _worked_on(version: ModelVersion, items: list[Item]) -> set[str]:
    """Return the examples that open requests deal with: in items that are not settled, or accepted and in no item yet."""
    open_items = {item for item in items if item.request.state != RequestState.CLOSED}
    settled = {(item.request_id, one) for item in open_items if item.state in SETTLED for one in item.example_ids}
    accepted = Match.objects.filter(
        snapshot=version.snapshot, decision=Match.Decision.ACCEPTED, example_set__in=LEARNED_SETS
    ).exclude(request__state=RequestState.CLOSED)
    dealt_with = {one for item in open_items if item.state not in SETTLED for one in item.example_ids}
    return dealt_with | {one for request, one in set(accepted.values_list("request_id", "example_id")) - settled}
