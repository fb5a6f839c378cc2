"""Queries, matches and spans: the input and output of matching."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final, Literal

from unlearning_jobs.engine.errors import EngineError


class QueryError(EngineError):
    """A query cannot be searched for. The code says why: one of `OBSTACLES`, or `bad_query`."""

    code = "bad_query"


OBSTACLES = ("nothing_to_search_for", "single_word", "not_an_identifier", "not_an_image", "image_too_large")
"""Why a query cannot be searched for: it holds no letter or digit; it is a name of one word; it is neither an address nor an
account; it is no picture that can be read; it is a picture with too many bytes or pixels."""
FORMER_OBSTACLES = ("script_without_spaces",)
"""Reasons that earlier versions had. Stored searches still name them: the matchers looked for words between spaces."""


@dataclass(frozen=True)
class Query:
    """Something to search for.

    The kinds are: exact, a phrase, or a work of which any longer passage counts; name, a person's full name; identifier, an
    e-mail address, a handle, or a web address; key, a value of a column ("column=value"); image, a picture; meaning, what
    texts with other words may say. The matchers are in `kinds.MATCHERS`; images and meaning have none, and are answered by
    parts of an index (`index.part.AnsweringPart`).
    """

    id: str
    kind: Literal["exact", "name", "identifier", "key", "image", "meaning"]
    value: str
    image: bytes | None = None
    """PNG, JPEG or WebP, for a query of the kind image."""


class Every(Container[str]):
    """Holds every query."""

    def __contains__(self, query: object) -> bool:
        return True


EVERY: Final = Every()


@dataclass(frozen=True)
class Span:
    """A match within one text."""

    query: str
    start: int
    end: int
    score: float
    """1 if the place is exactly what was asked for; for passages, the share of the place that is copied."""
    because: tuple[str, ...] = ()
    """Codes of the rules by which it counts as found, if it is not written as it was asked for."""
    copied: int = 0
    """Number of words (letters, in scripts without spaces) that a passage shares; 0 where that means nothing."""


@dataclass(frozen=True)
class ExampleMatch:
    """A place in an example: characters `start` to `end` of its `document`. The rest is as in `Span`."""

    query: str
    example_id: str
    start: int
    end: int
    score: float
    method: str
    set: str
    """The set of the snapshot that the example belongs to: train, held_out, or an extra one."""
    because: tuple[str, ...] = ()
    copied: int = 0
