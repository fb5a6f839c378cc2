"""The base of the engine's contracts: `compliance.formats.contracts` with the engine's own error."""

from __future__ import annotations

from typing import Self

from compliance.formats import contracts
from compliance.formats.contracts import ADDED_LATER, Digested, chosen_by, formerly
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.errors import SpecError

__all__ = ["ADDED_LATER", "Digested", "EngineContract", "chosen_by", "formerly"]


class EngineContract(contracts.Contract):
    """A frozen dataclass that crosses the border of the engine as JSON."""

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the instance that `data` describes.

        Raises:
            SpecError: a field is unknown, missing or of the wrong type; the message names it.
        """
        try:
            return super().from_json(data)
        except FormatError as error:
            raise SpecError(str(error)) from error
