"""Numbered steps of a verification: each runs a check, keeps its result, and hands what it established to later ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from compliance.formats.errors import EvidenceError

from .agreements import NotRecomputableError

T = TypeVar("T")
Status = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class StepResult:
    """A numbered step: what was checked, the result, and why."""

    number: int
    title: str
    status: Status
    reason: str

    @property
    def passed(self) -> bool:
        return self.status == "passed"


class NotEstablishedError(Exception):
    """A step relies on what an earlier step should have established but did not."""


@dataclass(frozen=True)
class Finding(Generic[T]):
    """What a step established. Reading `value` raises NotEstablishedError if the step did not pass."""

    number: int
    values: tuple[T, ...]
    """One value, or none if the step did not pass. (The value itself may be None.)"""

    @property
    def value(self) -> T:
        if not self.values:
            message = f"step {self.number} did not pass"
            raise NotEstablishedError(message)
        return self.values[0]


class Steps:
    """Runs checks one after the other and keeps their results."""

    def __init__(self) -> None:
        self.results: list[StepResult] = []

    def run(self, title: str, check: Callable[[], T], describe: Callable[[T], str] = lambda _value: "") -> Finding[T]:
        """Run `check`; `describe` puts what it established into words for the reader."""
        try:
            value = check()
            self._note(title, "passed", describe(value))
            return Finding(len(self.results), (value,))
        except (NotEstablishedError, NotRecomputableError) as error:
            self._note(title, "not checked", str(error))
        except MemoryError:  # says nothing about the bundle
            self._note(title, "not checked", "it takes more memory than there is here")
        except EvidenceError as error:
            self._note(title, "failed", str(error))
        except RecursionError:
            self._note(title, "failed", "The JSON is nested too deeply.")
        except OSError as error:
            self._note(title, "failed", f"A file cannot be read: {error.strerror}.")
        except Exception as error:  # noqa: BLE001  # whatever the input, the reader gets a named step and no traceback
            self._note(title, "failed", f"The check itself broke on this input ({type(error).__name__}).")
        return Finding(len(self.results), ())

    def _note(self, title: str, status: Status, reason: str) -> None:
        self.results.append(StepResult(len(self.results) + 1, title, status, reason))
