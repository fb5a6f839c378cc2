"""Facts about what unlearning cost: its shares of the cost of retraining follow from both."""

from __future__ import annotations

from typing import Any, Final

from compliance.formats.efficiency import Efficiency, ResourceUsage

from .again import close
from .agreement import Agreement
from .facts import of_report
from .story import ToldReport


def _efficiency(told: ToldReport) -> Efficiency | None:
    stated = told.result.get("efficiency") if told.result else None
    return Efficiency.from_json(stated) if stated else None


def _stated(told: ToldReport) -> Any:
    found = _efficiency(told)
    if found is None:
        return None
    shares = {"wall": found.wall_share, "device": found.device_share, "examples": found.examples_share}
    return shares | {"retrained": found.retrainings > 0}


def _worked_out(told: ToldReport) -> Any:
    found = _efficiency(told)
    if found is None:
        return None
    spent, total = found.unlearning, found.retraining or ResourceUsage(0.0)
    shares = {
        "wall": _share(spent.wall_seconds, total.wall_seconds),
        "device": _share(spent.device_seconds, total.device_seconds),
        "examples": _share(spent.examples, total.examples),
    }
    return shares | {"retrained": found.retraining is not None}


def _share(part: float | None, total: float | None) -> float | None:
    return part / total if part is not None and total else None


_OF: Final = "result.json efficiency"
COST: Final = Agreement(
    of_report(
        f"{_OF}, shares",
        _stated,
        *(f"{_OF}.{name}" for name in ("wall_share", "device_share", "examples_share", "retrainings")),
    ),
    of_report(f"{_OF}, unlearning and retraining", _worked_out, f"{_OF}.unlearning", f"{_OF}.retraining"),
    "the shares of the cost of retraining do not follow from both costs",
    close,
)
