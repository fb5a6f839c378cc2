"""Makes the settings of guards from files. Texts come from files alone: a command line is seen by others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from compliance.formats.canonical import parse_json
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.errors import SpecError

from .few_shot_guard import FewShotSettings, Shown
from .finders.classifier import train_classifier
from .finders.near_copies import copies_of
from .finders.similar import meanings_of
from .icul import IculSettings, Labelled
from .kinds import KINDS, Settings
from .patterns import FilterSettings, Pattern, Person, Texts
from .prompt_guard import PromptSettings

if TYPE_CHECKING:
    from unlearning_jobs.engine.matching.encoder import Encoder

T = TypeVar("T")
REFUSALS: Final = {"input_filter": "I cannot answer that.", "output_filter": "[withheld]"}


def settings_of(kind: str, options: argparse.Namespace, encoder: Callable[[], Encoder]) -> Settings:
    """Return the settings of a guard of this kind, from the files that the options name.

    Raises:
        SpecError: there is no such kind; a file is missing, cannot be read, or is for another kind.
        GuardError: no such pattern can be made of its texts.
    """
    if kind not in KINDS:
        message = f"There is no such kind of guard; the kinds are {', '.join(KINDS)}."
        raise SpecError(message)
    of_kind = {"prompt_guard": _prompt, "few_shot_guard": _few_shot, "icul": _icul}
    return of_kind[kind](options) if kind in of_kind else _filter(kind, options, encoder)


def _prompt(options: argparse.Namespace) -> Settings:
    return PromptSettings(_read(_named(options, "instruction")).strip())


def _few_shot(options: argparse.Namespace) -> Settings:
    return FewShotSettings(tuple(_rows(_named(options, "examples"), Shown.from_json)))


def _icul(options: argparse.Namespace) -> Settings:
    forget, retain = (tuple(_rows(_named(options, name), Labelled.from_json)) for name in ("forget", "retain"))
    return IculSettings(forget, retain, options.template.replace("\\n", "\n"))


def _filter(kind: str, options: argparse.Namespace, encoder: Callable[[], Encoder]) -> Settings:
    refusal = REFUSALS[kind] if options.refusal is None else options.refusal
    return FilterSettings(tuple(_patterns(options, encoder)), refusal)


def _patterns(options: argparse.Namespace, encoder: Callable[[], Encoder]) -> Iterator[Pattern]:
    if options.exact:
        yield Pattern("exact", Texts(_lines(options.exact)))
    if options.normalised:
        yield Pattern("normalised", Texts(_lines(options.normalised)))
    if options.near_copy:
        yield Pattern("near_copy", copies_of(_lines(options.near_copy)))
    if options.names:
        yield from map(person_pattern, _lines(options.names))
    if options.similar:
        yield Pattern("similar", meanings_of(_lines(options.similar), encoder(), options.threshold))
    if options.forget or options.retain:
        forget, retain = (_lines(_named(options, name)) for name in ("forget", "retain"))
        yield Pattern("classifier", train_classifier(forget, retain))


def person_pattern(line: str) -> Pattern:
    """Return the pattern of a person, whose other names stand behind semicolons."""
    name, *aliases = (part.strip() for part in line.split(";"))
    return Pattern("name", Person(name, tuple(filter(None, aliases))))


def _named(options: argparse.Namespace, name: str) -> Path:
    path: Path | None = getattr(options, name)
    if path is None:
        message = f"Name a file as --{name}; `guard make --help` says what it holds."
        raise SpecError(message)
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read as text ({type(error).__name__})."
        raise SpecError(message) from None


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in _read(path).splitlines() if line.strip())


def _rows(path: Path, make: Callable[[Any], T]) -> Iterator[T]:
    for number, line in enumerate(_lines(path), 1):
        try:
            yield make(parse_json(line.encode()))
        except (SpecError, FormatError):
            message = f"{path.name}, line {number} does not have the fields that it needs."
            raise SpecError(message) from None
