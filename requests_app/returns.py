"""Which models know erased examples again, from what is stored: what the ledger found, what is worked on, what was refused.

That a model knows an example that was erased from another is no return while an item of its own is under way, or while the
request's own item for this model was refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from unlearning_jobs.models import ErasedExample, Job, ModelVersion
from unlearning_jobs.selectors import known_erased
from unlearning_jobs.states import JobState, ModelState

from .models import Item
from .states import SETTLED, ItemState, RequestState


@dataclass(frozen=True)
class Return:
    """A model version that knows erased examples for which nothing is under way."""

    version: ModelVersion
    example_ids: tuple[str, ...]
    references: tuple[str, ...]
    """The requests that they were erased for."""
    busy: bool
    """Whether an item of this model is under way, or the model is being trained: neither may be cut short."""

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
    under_way = [
        item for item in items if item.request.state == RequestState.IN_PROGRESS and ItemState(item.state) not in SETTLED
    ]
    worked = {example_id for item in under_way for example_id in item.example_ids}
    refused = {
        (item.request.subject, example_id)
        for item in items
        if item.state == ItemState.REFUSED
        for example_id in item.example_ids
    }
    places = ErasedExample.objects.filter(snapshot=version.snapshot, example_id__in=known - worked)
    back = {
        (subject, example_id)
        for subject, example_id in places.values_list("entry__subject", "example_id")
        if (subject, example_id) not in refused
    }
    if not back:
        return None
    trained = Job.objects.filter(model_name=version.name, kind=Job.Kind.TRAIN, state__in=[JobState.QUEUED, JobState.RUNNING])
    return Return(
        version=version,
        example_ids=tuple(sorted({example_id for _subject, example_id in back})),
        references=tuple(sorted({subject.removeprefix("request:") for subject, _example_id in back})),
        busy=bool(under_way) or trained.exists(),
    )
