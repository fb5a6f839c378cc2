"""Methods whose verdict is known beforehand."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.translation import gettext_noop as _

from .entry import EVERY_FAMILY, MethodEntry

CONTROLS: Final = (
    MethodEntry(
        "nothing",
        _("Do nothing"),
        "control",
        EVERY_FAMILY,
        "A control of this system",
        _("Returns the model unchanged. An evaluation that does not fail it shows nothing."),
        cost=lambda _facts, _config: 0.0,
    ),
)
