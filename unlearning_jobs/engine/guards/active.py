"""Guards at work: together they rewrite what a model is asked, refuse questions, and cut answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from unlearning_jobs.engine.matching.encoder import Encoder

from .artefact import Guard
from .asked import Asked
from .errors import GuardError
from .finders.finder import Tail
from .patterns import FilterSettings
from .scanner import Scan, Scanner

NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Refused:
    """What stands in the place of what is kept back, and the guard that keeps it."""

    guard: Guard
    text: str


class ActiveGuards:
    """Guards that act, each until its time. A guard that has expired does nothing, without being taken out.

    Args:
        guards: each with its time.
        encoder: for guards that compare meanings.
        models: for each guard the models that it is for, in the same order; every model where none is named.

    Raises:
        GuardError: one of them compares meanings by an encoder that is not there.
    """

    def __init__(
        self,
        guards: Sequence[tuple[Guard, datetime]],
        encoder: Encoder | None = None,
        models: Sequence[Collection[str]] = (),
    ) -> None:
        self._guards = [guard for guard, _until in guards]
        self._until = [min(until, guard.acts_until) for guard, until in guards]
        self._models = [frozenset(names) for names in models] or [frozenset[str]()] * len(self._guards)
        self._named = frozenset[str]().union(*self._models)
        self._now: dict[str, GuardsNow] = {}
        self._readers = {
            what: Scanner(
                {
                    number: guard.settings
                    for number, guard in enumerate(self._guards)
                    if isinstance(guard.settings, FilterSettings) and guard.of_kind.reads == what
                },
                encoder,
            )
            for what in ("questions", "answers")
        }

    def acting(self, now: datetime | None = None, *, model: str = "") -> GuardsNow:
        """Return the guards that act now on a model, for one question and its answer."""
        moment = now or datetime.now(UTC)
        name = model if model in self._named else ""  # clients may name what they like, and all others are alike
        known = self._now.get(name)
        if known is None or not known.since <= moment < known.until:
            own = [number for number, models in enumerate(self._models) if not models or name in models]
            left = {number for number in own if self._until[number] > moment}
            known = GuardsNow(self, left, moment, min((self._until[number] for number in left), default=NEVER))
            self._now[name] = known
        return known

    def expired(self, now: datetime | None = None) -> list[Guard]:
        """Return the guards that no longer act."""
        moment = now or datetime.now(UTC)
        return [guard for guard, until in zip(self._guards, self._until, strict=True) if until <= moment]

    def guard(self, number: int) -> Guard:
        """Return the guard with this number."""
        return self._guards[number]

    def reader(self, what: str) -> Scanner:
        """Return what looks for the patterns of filters of questions or of answers."""
        return self._readers[what]


class GuardsNow:
    """The guards that act for a while: until one of them expires."""

    def __init__(self, guards: ActiveGuards, numbers: Collection[int], since: datetime, until: datetime) -> None:
        self._guards, self.numbers, self.since, self.until = guards, numbers, since, until
        acting = [guards.guard(number) for number in sorted(numbers)]
        self.read_questions = any(guard.of_kind.reads == "questions" for guard in acting)
        self.read_answers = any(guard.of_kind.reads == "answers" for guard in acting)
        self.compare_meanings = any(guard.needs_encoder for guard in acting)
        """Whether one of them asks an encoder, which takes much longer than all else."""
        self._rewriting = [guard for guard in acting if guard.of_kind.rewrite]

    def rewritten(self, asked: Asked) -> Asked:
        """Return what the model is asked instead."""
        for guard in self._rewriting:
            if guard.of_kind.rewrite:
                asked = guard.of_kind.rewrite(guard.settings, asked)
        return asked

    def refuses(self, texts: Iterable[str]) -> Refused | None:
        """Return the refusal of a question in which a filter finds a pattern; None if none does."""
        found = self._guards.reader("questions").first(texts, self.numbers)
        return None if found is None else self._refused(found)

    def answer(self) -> GuardedAnswer:
        """Return what an answer is read through."""
        scan = self._guards.reader("answers").begin(self.numbers) if self.read_answers else None
        return GuardedAnswer(scan, self._refused)

    def cut(self, text: str) -> tuple[str, Refused | None]:
        """Return a whole answer as it may be given, and why it was cut, if it was."""
        answer = self.answer()
        return answer.read(text, final=True), answer.refused

    def _refused(self, number: int) -> Refused:
        guard = self._guards.guard(number)
        if not isinstance(guard.settings, FilterSettings):
            message = "Only filters refuse."
            raise GuardError(message)
        return Refused(guard, guard.settings.refusal)


class GuardedAnswer:
    """An answer that is read as it arrives, and given on as far as nothing in it can still become a match.

    However it is divided, the same answer is given: up to where the first match begins, and then the refusal.
    """

    def __init__(self, scan: Scan | None, refused: Callable[[int], Refused]) -> None:
        self._scan, self._refusal = scan, refused
        self._tail = Tail()
        self.refused: Refused | None = None
        """Why the answer was cut; from then on, nothing more is given."""

    def read(self, text: str, *, final: bool = False) -> str:
        """Return what may be given on of what has been read so far."""
        if self.refused:
            return ""
        if self._scan is None:
            return text
        self._scan.read(text, final=final)
        self._tail.text += text
        found = self._scan.found
        end = self._tail.end if final else self._scan.held
        if found and found.start <= end:
            self.refused = self._refusal(found.guard)
            return self._tail.between(self._tail.start, found.start) + self.refused.text
        given = self._tail.between(self._tail.start, end)
        self._tail.forget_before(end)
        return given
