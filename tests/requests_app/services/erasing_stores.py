"""Erasures in data stores, brought to each stage by the services and the engine, on a folder of letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.record.selectors import entries_of
from requests_app.models import ErasureRequest, StoreErasure
from requests_app.services.store_erasures import (
    store_erasure_approve,
    store_erasure_order,
    store_erasure_settle,
)
from requests_app.store_runner import store_erasure_execute
from tests.personas import ADA
from tests.staging import Stage
from tests.stores import documents, store
from unlearning_jobs.models import DataStore

SOUGHT = {"queries": [{"kind": "name", "value": ADA}], "keys": [], "paraphrases": [], "questions": []}


def letters(tmp_path: Path) -> DataStore:
    """Eight letters about stones, and two about Ada."""
    return store(documents(tmp_path / "letters"))


def ordered(stage: Stage, kept: DataStore, **said: Any) -> StoreErasure:
    """Omar has ordered it."""
    given: dict[str, Any] = {"ground": "17_1_b", "sought": SOUGHT, "by": stage.staff.omar} | said
    return store_erasure_order(request=stage.request, store=kept, **given)


def worked(row: StoreErasure) -> StoreErasure:
    """A worker has done what waits."""
    store_erasure_execute(erasure_id=row.pk)
    return now(row)


def now(row: StoreErasure) -> StoreErasure:
    return StoreErasure.objects.select_related("request", "store").get(pk=row.pk)


def listed(stage: Stage, kept: DataStore, **said: Any) -> StoreErasure:
    return worked(ordered(stage, kept, **said))


def approved(stage: Stage, kept: DataStore) -> StoreErasure:
    """Lena has approved the list."""
    row = listed(stage, kept)
    return store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=stage.staff.lena)


def ended(stage: Stage, kept: DataStore) -> StoreErasure:
    return worked(approved(stage, kept))


def settled(stage: Stage, kept: DataStore) -> StoreErasure:
    """Nils has accepted the result."""
    return store_erasure_settle(row=ended(stage, kept), by=stage.staff.nils)


def state(stage: Stage) -> tuple[str, str]:
    row = ErasureRequest.objects.get(pk=stage.request.pk)
    return row.state, row.outcome


def told(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    """What the record says of erasures in stores, without the number of each."""
    entries = entries_of(subject=stage.request.subject)
    mine = [entry for entry in entries if entry.kind.startswith("store_erasure.")]
    return [(one.kind.partition(".")[2], {k: v for k, v in one.data.items() if k != "store_erasure"}) for one in mine]


def order(stage: Stage) -> dict[str, Any]:
    return {
        "request": stage.request,
        "store": letters(settings.ARTEFACTS),
        "ground": "17_1_b",
        "sought": SOUGHT,
        "by": stage.staff.omar,
    }


def approve_list(stage: Stage) -> dict[str, Any]:
    row = listed(stage, letters(settings.ARTEFACTS))
    return {"row": row, "listing_sha256": row.listing_sha256, "by": stage.staff.lena}


def resume(stage: Stage) -> dict[str, Any]:
    """The store was away when a worker came."""
    row = ordered(stage, letters(settings.ARTEFACTS))
    (settings.ARTEFACTS / "letters").rename(settings.ARTEFACTS / "away")
    return {"row": worked(row), "by": stage.staff.nils}


def give_up(stage: Stage) -> dict[str, Any]:
    return {"row": ordered(stage, letters(settings.ARTEFACTS)), "by": stage.staff.nils}


def settle_result(stage: Stage) -> dict[str, Any]:
    return {"row": ended(stage, letters(settings.ARTEFACTS)), "by": stage.staff.nils}
