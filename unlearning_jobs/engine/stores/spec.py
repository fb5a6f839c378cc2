"""What an erasure is asked to do: which store, what to find in it, and what to ask afterwards. A JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.matching import Query, QueryError
from unlearning_jobs.engine.matching.kinds import MATCHERS

from .adapters import ADAPTERS

MOST_SHARE: Final = 0.5
CLOSENESS: Final = 0.8
KINDS: Final = ("exact", "name", "identifier")
"""Of queries; a column's value is a key, or in a field."""


@dataclass(frozen=True)
class Question:
    """What a model is asked without the store, and the words that its answer must not hold."""

    question: str
    answer: str


@dataclass(frozen=True)
class StoreSpec:
    """One erasure in one store."""

    kind: str
    settings: Mapping[str, Any]
    """Of the adapter: a path, a collection, an address."""
    keys: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()
    """Words, names and identifiers that a text or a field must hold."""
    meanings: tuple[str, ...] = ()
    closeness: float = CLOSENESS
    """Cosine from which on a document means the same."""
    lineage: tuple[str, ...] = ()
    """Fields that name the document from which one was made."""
    copies: bool = True
    """Documents with most of the text of one that was found, or with a part of it, go too."""
    paraphrases: tuple[str, ...] = ()
    """Asked afterwards: other words for what was erased."""
    encoder: Path | None = None
    """The one that the store's vectors were made with; of stores without vectors, any."""
    most_share: float = MOST_SHARE
    """Of the documents: a search that finds more names everything, and is refused."""
    caches: tuple[Path, ...] = ()
    """Folders that are read back as well: what other programs have kept of the store."""
    model: Path | None = None
    questions: tuple[Question, ...] = field(default=())


def read_spec(path: Path) -> StoreSpec:
    """Read a spec.

    Raises:
        SpecError: the file cannot be read, or says something that is not meant. The message quotes no value.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read as JSON ({type(error).__name__})."
        raise SpecError(message) from None
    try:
        return spec_from(stored)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path.name} is no spec of an erasure in a store ({type(error).__name__}); see docs/stores.md."
        raise SpecError(message) from None


def spec_from(stored: Mapping[str, Any]) -> StoreSpec:
    """Return the spec that a JSON object says.

    Raises:
        SpecError: it names an unknown kind, lacks or has too much, or searches for nothing.
        KeyError, TypeError, ValueError, AttributeError: something in it has another form.
    """
    find, store = stored.get("find", {}), dict(stored["store"])
    kind = store.pop("kind")
    _check_settings(kind, store)
    _check_known("the spec", stored, {"store", "find", "paraphrases", "encoder", "most_share", "caches", "closed_book"})
    _check_known("find", find, {"keys", "queries", "meanings", "closeness", "lineage", "copies"})
    book = stored.get("closed_book", {})
    spec = StoreSpec(
        kind=kind,
        settings=store,
        keys=_texts(find.get("keys", [])),
        queries=tuple(Query(f"query/{i}", one["kind"], one["value"]) for i, one in enumerate(find.get("queries", []), 1)),
        meanings=_texts(find.get("meanings", [])),
        closeness=float(find.get("closeness", CLOSENESS)),
        lineage=_texts(find.get("lineage", [])),
        copies=bool(find.get("copies", True)),
        paraphrases=_texts(stored.get("paraphrases", [])),
        encoder=Path(stored["encoder"]) if "encoder" in stored else None,
        most_share=float(stored.get("most_share", MOST_SHARE)),
        caches=tuple(map(Path, _texts(stored.get("caches", [])))),
        model=Path(book["model"]) if book else None,
        questions=tuple(Question(one["question"], one["answer"]) for one in book["questions"]) if book else (),
    )
    _check_searches(spec)
    return spec


def _check_settings(kind: str, settings: Mapping[str, Any]) -> None:
    if kind not in ADAPTERS:
        message = f"There is no store of this kind; there are {', '.join(ADAPTERS)}."
        raise SpecError(message)
    adapter = ADAPTERS[kind]
    if missing := sorted(set(adapter.needs) - set(settings)):
        message = f"A store of the kind {kind} needs {', '.join(missing)}."
        raise SpecError(message)
    _check_known(f"a store of the kind {kind}", settings, {*adapter.needs, *adapter.may})


def _check_known(where: str, stored: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(stored) - known):
        message = f"{len(unknown)} entries of {where} are not known; there are {', '.join(sorted(known))}."
        raise SpecError(message)


def _check_searches(spec: StoreSpec) -> None:
    if not all(text.strip() for text in (*spec.keys, *spec.meanings, *spec.paraphrases)):
        message = "A key, meaning or paraphrase is empty, which would name everything or nothing."
        raise SpecError(message, code="names_everything")
    if not (spec.keys or spec.queries or spec.meanings):
        message = "The spec searches for nothing: name keys, queries or meanings under find."
        raise SpecError(message)
    if (spec.meanings or spec.paraphrases) and spec.encoder is None:
        message = "Meanings and paraphrases need an encoder: the folder of the one that made the store's vectors."
        raise SpecError(message)
    if not (0 < spec.closeness <= 1 and 0 < spec.most_share <= 1):
        message = "closeness and most_share lie between 0 and 1."
        raise SpecError(message)
    for query in spec.queries:
        if query.kind not in KINDS:
            message = f"There is no query of this kind; there are {', '.join(KINDS)}."
            raise SpecError(message)
        try:
            MATCHERS[query.kind]([query])
        except QueryError as error:
            message = f"{query.id} cannot be searched for ({error.code})."
            raise SpecError(message) from None


def _texts(values: Any) -> tuple[str, ...]:
    if not (isinstance(values, list) and all(isinstance(value, str) for value in values)):
        raise TypeError
    return tuple(values)
