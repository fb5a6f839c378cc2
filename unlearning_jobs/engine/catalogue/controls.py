"""Controls: methods whose verdict is known in advance."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .entry import MethodEntry, every_family

CONTROLS: Final = (
    MethodEntry(
        "nothing",
        _("Do nothing"),
        "control",
        every_family,
        "A control of this system",
        _("Returns the model unchanged. An evaluation that this does not fail shows nothing."),
        cost=lambda _facts, _config: 0.0,
    ),
)
