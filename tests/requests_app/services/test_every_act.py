"""Every service that changes something is pressed by many at once (`presses.py`), or has a reason not to be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from django.db.transaction import Atomic

import requests_app.services

from .presses import ACTS

PART: Final = "part of the acts: they hold what it needs, and `test_presses_at_once.py` presses them"
WORKER: Final = "a worker's, under a lease: of several, one holds it (`test_search_leases.py`, `test_sample_draws.py`)"
NO_CASE: Final = "it is about no case"
NOT_PRESSED: Final = {
    "request_move": PART,
    "request_close": PART,
    "request_close_when_settled": PART,
    "item_move": PART,
    "item_correct": PART,
    "message_queue": PART,
    "searches_claim": WORKER,
    "search_complete": WORKER,
    "search_fail": WORKER,
    "search_run_lost": WORKER,
    "sample_claim": WORKER,
    "sample_draw": WORKER,
    "sample_fail": WORKER,
    "sample_run_lost": WORKER,
    **dict.fromkeys(
        (
            *("store_erasure_claim", "store_erasure_list", "store_erasure_nothing", "store_erasure_result"),
            *("store_erasure_fail", "store_erasure_run_lost"),
        ),
        "a worker's, under a lease: of several, one holds it (`test_store_runs.py`)",
    ),
    "sample_mark": "work in progress without an entry: it can be said again until the sample is finished",
    "message_resend": "about a message, which is locked alone (`test_messages.py`)",
    "email_index_rebuild": NO_CASE,
    "uses_forget": NO_CASE,
}


def atomic_services() -> Iterator[Callable[..., object]]:
    """What is public in the services, and a transaction."""
    for module in iter_modules(requests_app.services.__path__, "requests_app.services."):
        for name, service in vars(import_module(module.name)).items():
            own = inspect.isfunction(service) and service.__module__ == module.name
            if own and not name.startswith("_") and is_atomic(service):
                yield service


def is_atomic(service: Callable[..., object]) -> bool:
    return any(isinstance(cell.cell_contents, Atomic) for cell in getattr(service, "__closure__", None) or ())


def test_every_service_is_pressed_or_has_a_reason_not_to_be() -> None:
    pressed = {act.service.__name__ for act in ACTS.values()}
    found = {service.__name__ for service in atomic_services()}
    assert not pressed & NOT_PRESSED.keys()
    assert found == pressed | NOT_PRESSED.keys()
