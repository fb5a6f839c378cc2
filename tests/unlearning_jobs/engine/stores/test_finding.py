"""How documents are found: by key, text, field and meaning, and whatever was made from them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from unlearning_jobs.engine.stores import StoreError, finding, spec_from
from unlearning_jobs.engine.stores.asking import ask_again
from unlearning_jobs.engine.stores.finding import look_for
from unlearning_jobs.engine.stores.spec import StoreSpec
from unlearning_jobs.engine.stores.store import Description, Document, Vector

LONG = (
    "In the spring of that year Zoë Quill bought the old harbour office and turned it into a school for sailors of all ages"
)


class InMemory:
    """A store in memory that searches exactly."""

    def __init__(self, *documents: Document) -> None:
        self.held = list(documents)

    def describe(self) -> Description:
        return Description("memory", len(self.held), 2)

    def documents(self) -> Any:
        return iter(self.held)

    def get(self, keys: Any) -> list[Document]:
        return [one for one in self.held if one.key in keys]

    def nearest(self, vector: Vector, most: int) -> list[str]:
        ordered = sorted(self.held, key=lambda one: -float(np.dot(vector, one.vector)))  # type: ignore[arg-type]  # all have one
        return [one.key for one in ordered][:most]


class TwoDirections:
    """An encoder that knows two meanings."""

    dimensions = 2

    def encode(self, texts: Any) -> Vector:
        rows = [[1.0, 0.0] if "boat" in text or "ship" in text else [0.0, 1.0] for text in texts]
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def two_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "encoder_open", lambda _folder: TwoDirections())


def test_documents_are_found_by_key() -> None:
    assert _found(_spec(keys=["b"]), Document("a", "x"), Document("b", "y")) == {"b": "key"}


def test_documents_are_found_by_names_and_identifiers_in_texts_and_fields() -> None:
    spec = _spec(queries=[{"kind": "name", "value": "Zoë Quill"}, {"kind": "identifier", "value": "zq@example.org"}])
    documents = (
        Document("a", "A letter to Quill, Zoe."),
        Document("b", "A letter.", None, {"from": "ZQ@example.org", "pages": 3}),
        Document("c", "A letter to somebody else."),
    )
    assert _found(spec, *documents) == {"a": "text", "b": "text"}


def test_what_was_made_from_a_document_is_found_by_its_lineage_and_so_is_what_was_made_from_that() -> None:
    documents = (
        Document("a", "the source"),
        Document("summary", "short", None, {"source": "a"}),
        Document("summary of both", "shorter", None, {"source": json.dumps(["z", "summary"])}),
        Document("list", "other", None, {"source": ["summary of both", "z"]}),
        Document("number", "another", None, {"source": 7}),
        Document("other", "another", None, {"title": "a"}),
    )
    found = _found(_spec(keys=["a"], lineage=["source"]), *documents)
    assert found == {"a": "key", "summary": "lineage", "summary of both": "lineage", "list": "lineage"}


def test_chunks_and_copies_are_found_by_their_text_and_what_only_quotes_is_not() -> None:
    middle = " ".join(LONG.split()[4:16])
    documents = (
        Document("a", LONG),
        Document("chunk", middle),
        Document("copy", f"{LONG.upper()} and so on"),
        Document("quotes", f"{' '.join(f'word{i}' for i in range(60))} {' '.join(LONG.split()[:9])}"),
    )
    assert _found(_spec(keys=["a"]), *documents) == {"a": "key", "chunk": "copy", "copy": "copy"}


def test_texts_by_one_template_are_no_copies_of_each_other() -> None:
    words = LONG.split()
    other = " ".join(["Max", "Bolt", *words[2:12], "tiny", *words[13:]])
    assert _found(_spec(keys=["a"]), Document("a", LONG), Document("b", other)) == {"a": "key"}


def test_copies_stay_where_the_spec_says_so() -> None:
    documents = (Document("a", LONG), Document("copy", LONG))
    assert _found(_spec(keys=["a"], copies=False), *documents) == {"a": "key"}


@pytest.mark.usefixtures("two_directions")
def test_documents_are_found_by_meaning_by_their_own_vectors_or_their_texts() -> None:
    boat, house = np.array([3, 0.1], dtype=np.float32), np.array([0, 1], dtype=np.float32)
    documents = (Document("a", "?", boat), Document("b", "?", house), Document("c", "a ship", None))
    assert _found(_spec(meanings=["a boat"], encoder="x"), *documents) == {"a": "meaning", "c": "meaning"}


@pytest.mark.usefixtures("two_directions")
def test_an_encoder_of_other_vectors_is_refused() -> None:
    with pytest.raises(StoreError) as refused:
        _found(_spec(meanings=["a boat"], encoder="x"), Document("a", "?", np.ones(3, dtype=np.float32)))
    assert refused.value.code == "other_encoder"


@pytest.mark.usefixtures("two_directions")
def test_a_paraphrase_that_still_leads_to_a_deleted_document_is_counted() -> None:
    kept = Document("a", "a boat", np.array([1, 0], dtype=np.float32))
    spec = _spec(keys=["z"], encoder="x", paraphrases=["my ship"])
    asked = ask_again(InMemory(kept), spec, [kept])  # type: ignore[arg-type]  # all that asking needs
    assert (asked["by_paraphrase"], asked["paraphrases_asked"]) == (1, 1)
    gone = ask_again(InMemory(Document("b", "x", np.ones(2))), spec, [kept])  # type: ignore[arg-type]  # as above
    assert (gone["by_paraphrase"], gone["by_key"], gone["by_vector"]) == (0, 0, 0)


def _spec(encoder: str | None = None, paraphrases: Any = (), **find: Any) -> StoreSpec:
    more = {"encoder": encoder} if encoder else {}
    stored = {"store": {"kind": "folder", "path": "x"}, "find": find, "paraphrases": list(paraphrases), **more}
    return spec_from(stored)


def _found(spec: StoreSpec, *documents: Document) -> dict[str, str]:
    return look_for(InMemory(*documents), spec).how  # type: ignore[arg-type]  # all that finding needs
