"""The answers that a job has kept, side by side: read from its file, and compared word by word with what is right.

They may say what was personal in the training data, so they are for officers alone. What was asked and what is right come
from the corpus: the file has neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.conf import settings

from compliance.formats.canonical import sha256_hex
from compliance.formats.results import ANSWERS
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.models import Job

from .data import GROUPS, SETS

WORD = re.compile(r"\w+")
COLUMNS = ("group", "seed", "set", "example_id", "given", "answer")


class AnswersGoneError(Exception):
    """The file is not there, or is not the one that the result names: what it says is nobody's answer."""


@dataclass(frozen=True)
class Piece:
    """A stretch of an answer, and whether its words are as in the right answer."""

    text: str
    marked: bool = False


@dataclass(frozen=True)
class Compared:
    """An answer beside the right one."""

    pieces: tuple[Piece, ...]
    same: int
    """Words that are as in the right answer, in its order."""
    words: int
    """Words of the right answer."""


@dataclass(frozen=True)
class Answered:
    """What the three models answered to one example."""

    example_id: str
    name: str
    """Of its set."""
    given: int
    """Characters of the example's own text that the models were given; 0 if it has a prompt."""
    answers: Mapping[str, str]
    """By the groups of GROUPS."""

    def asked(self, example: Example) -> str:
        """Return what the models were given to answer or to go on from."""
        return example.prompt or example.completion[: self.given]

    def right(self, example: Example) -> str:
        """Return what the example says in its place."""
        return example.completion if example.prompt else example.completion[self.given :]


def answers_of(job: Job, files: Mapping[str, str]) -> list[Answered]:
    """Return the answers by example: those to be forgotten first.

    Args:
        job: the job whose folder they are in.
        files: the digests of its files, by path, as its result names them.

    Raises:
        AnswersGoneError: the file is gone or changed, or has another form.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        raw = (settings.ARTEFACTS / job.output / ANSWERS).read_bytes()
        if sha256_hex(raw) != files.get(ANSWERS):
            raise AnswersGoneError
        columns = parquet.read_table(pa.BufferReader(raw), columns=list(COLUMNS)).to_pydict()
        rows = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise AnswersGoneError from error
    found: dict[tuple[str, str], Answered] = {}
    for group, _seed, name, example_id, given, answer in rows:
        one = found.get((name, example_id), Answered(example_id, name, given, {}))
        found[name, example_id] = Answered(example_id, name, given, {**one.answers, group: answer})
    return sorted(found.values(), key=lambda one: (_place(one.name), one.example_id))


def _place(name: str) -> int:
    return SETS.index(name) if name in SETS else len(SETS)


def compared(answer: str, right: str) -> Compared:
    """Mark the words of an answer that stand in the right one too, in the same order."""
    said, wanted = list(WORD.finditer(answer)), [word.casefold() for word in WORD.findall(right)]
    matcher = SequenceMatcher(None, [word.group().casefold() for word in said], wanted, autojunk=False)
    same = [position for block in matcher.get_matching_blocks() for position in range(block.a, block.a + block.size)]
    pieces: list[Piece] = []
    at = 0
    for word in (said[position] for position in same):
        between = answer[at : word.start()]
        if pieces and not between.strip():  # neighbours are marked as one
            pieces[-1] = Piece(f"{pieces[-1].text}{between}{word.group()}", marked=True)
        else:
            pieces += [Piece(between), Piece(word.group(), marked=True)]
        at = word.end()
    pieces.append(Piece(answer[at:]))
    return Compared(tuple(piece for piece in pieces if piece.text), len(same), len(wanted))


def answer_rows(answered: Iterable[Answered], examples: Mapping[str, Example]) -> Iterable[Sequence[object]]:
    """Yield one row per example for CSV. An example that the corpus does not have leaves two cells empty."""
    for one in answered:
        example = examples.get(one.example_id)
        asked, right = (one.asked(example), one.right(example)) if example else (None, None)
        yield (one.name, one.example_id, asked, right, *(one.answers.get(group) for group in GROUPS))
