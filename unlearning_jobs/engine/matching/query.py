"""Queries, matches and spans: the input and output of matching."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from unlearning_jobs.engine.errors import EngineError

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Kana, Han."""


class QueryError(EngineError):
    """A query cannot be searched for. The code says why: one of `OBSTACLES`, or `bad_query`."""

    code = "bad_query"


OBSTACLES = ("nothing_to_search_for", "single_word", "script_without_spaces", "not_an_identifier")
"""Why a query cannot be searched for: it holds no letter or digit; it is a name of one word; its script puts no spaces
between words, and the matchers look for words; it is neither an address nor an account."""


@dataclass(frozen=True)
class Query:
    """Something to search for.

    The kinds are: exact, a phrase, or a work of which any longer passage counts; name, a person's full name; identifier, an
    e-mail address, a handle, or a web address; meaning, a description, or a text in other words; image, a picture.
    """

    id: str
    kind: Literal["exact", "name", "identifier", "key", "image", "meaning"]
    value: str
    image: bytes | None = None
    """PNG, JPEG or WebP, for a query of the kind image."""


@dataclass(frozen=True)
class ExampleMatch:
    """A place in an example: characters `start` to `end` of its `text`. The score is 1 for a full match, lower otherwise."""

    query: str
    example_id: str
    start: int
    end: int
    score: float
    method: str
    set: str
    """The set of the snapshot that the example belongs to: train, held_out, or an extra one."""
    because: tuple[str, ...] = ()
    """Codes of the rules by which this counts as found."""
    copied: int = 0
    """Number of consecutive words that are shared; 0 where it means nothing."""


@dataclass(frozen=True)
class Span:
    """A match within one text."""

    query: str
    start: int
    end: int
    score: float


def check_script(value: str, *, at_most: float = 0.0) -> None:
    """Raise QueryError if more than a share `at_most` of the letters belong to a script without spaces between words."""
    letters = sum(character.isalpha() for character in value)
    if len(UNSPACED.findall(value)) > at_most * letters:
        message = "The search looks for words, and this script puts no spaces between them."
        raise QueryError(message, code="script_without_spaces")
