"""Which examples hold a word: a tantivy index without the texts, and one of the distinct words by the keys of each.

Names are written in many ways, so a query does not name words but keys, under which the vocabulary files each word once.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

import numpy as np
import tantivy

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.candidates import text_terms
from unlearning_jobs.engine.matching.filing import filed
from unlearning_jobs.engine.matching.kinds import query_needs
from unlearning_jobs.engine.matching.needs import Needs
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.time_limit import Deadline, in_time
from unlearning_jobs.engine.matching.vectorised import Block, split

from .batches import batches
from .part import Callback, State, folder_state

WORDS: Final = "words"
POSITION: Final = "position"
KEYS: Final = "keys"
SPELLED: Final = "spelled"
VOCABULARY: Final = "vocabulary"
"""The folder of the second index, and the file beside it that lists the words in it."""
HEAP: Final = 128 << 20
"""Bytes that tantivy may hold before it writes them."""
LIMIT: Final = 1000
MOST_SPELLED: Final = 1_000_000
UNREAD: Final = "#unread"
"""Stands for the words of an example that could not be read in time: it is read for every query. No text has such a word."""


class WordsPart:
    """Names the examples that hold the words of a name, an identifier, a short phrase or a key."""

    name: ClassVar[str] = "words"
    version: ClassVar[str] = "tantivy-words/6"

    def build(self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callback) -> None:
        """Add the examples that the previous index lacks to a copy of it."""
        if previous is not None:
            shutil.copytree(previous, folder, dirs_exist_ok=True)
        index, vocabulary = _index(folder), _Vocabulary(folder)
        index.reload()
        done = index.searcher().num_docs
        writer = index.writer(HEAP, 1)
        spelled: dict[int, str] = {}
        for texts in batches(islice(snapshot.examples(), done, None)):
            for first, terms in in_time(texts, lambda read, deadline: _terms(read, deadline, vocabulary, spelled)):
                for place, held in enumerate([frozenset({UNREAD})] if terms is None else terms, start=done + first):
                    document = tantivy.Document()
                    document.add_text(WORDS, " ".join(held))
                    document.add_unsigned(POSITION, place)
                    writer.add_document(document)
            done += len(texts)
            on_progress(done, len(snapshot))
        writer.commit()
        writer.wait_merging_threads()
        vocabulary.close()
        for lock in folder.rglob(".tantivy-*.lock"):
            lock.unlink()

    def narrows(self, query: Query) -> bool:
        needs = query_needs(query)
        return needs is not None and bool(needs.groups)

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield the examples that hold a word for each group that the query needs."""
        del snapshot
        words = _opened(folder, folder_state(folder))
        schema, searcher, keys = words.index.schema, words.searcher, words.keys
        unread = list(_positions(searcher, _any_of(schema, [UNREAD])))
        for query in queries:
            needs = query_needs(query)
            asked = _asked(schema, needs, keys) if needs else tantivy.Query.empty_query()
            for position in (*_positions(searcher, asked), *unread):
                yield query.id, example_id(position)


def _terms(
    texts: Sequence[str], deadline: Deadline, vocabulary: _Vocabulary, spelled: dict[int, str]
) -> list[frozenset[str]]:
    """Return the words of each text, which the vocabulary then has."""
    block = split(texts)
    held = _spelled(block, spelled)
    vocabulary.add(held, deadline)
    bounds = zip(block.firsts.tolist(), block.firsts[1:].tolist(), strict=False)
    found = []
    for (first, last), text in zip(bounds, texts, strict=True):
        deadline.check()
        hidden = text_terms(text)
        vocabulary.add(hidden, deadline)
        found.append(hidden.union(held[first:last]))
    return found


def _positions(searcher: tantivy.Searcher, asked: tantivy.Query) -> Iterator[int]:
    """Yield the positions of the examples that hold what is asked for."""
    hits = searcher.search(asked, LIMIT).hits
    if len(hits) == LIMIT:
        hits = searcher.search(asked, searcher.num_docs).hits
    for position in searcher.fast_field_values(POSITION, [address for _score, address in hits]) if hits else ():
        yield int(position or 0)


def _any_of(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    return tantivy.Query.const_score_query(tantivy.Query.term_set_query(schema, WORDS, words), 1.0)


def _index(folder: Path) -> tantivy.Index:
    """Open the index in the folder, or create it."""
    fields = tantivy.SchemaBuilder()
    fields.add_text_field(WORDS, tokenizer_name=WORDS, index_option="basic")
    fields.add_unsigned_field(POSITION, fast=True)
    index = tantivy.Index(fields.build(), path=str(folder))
    index.register_tokenizer(WORDS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


class _Vocabulary:
    """Files every distinct word of the corpus under its keys."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{VOCABULARY}.txt"
        self._writer = _vocabulary(folder).writer(HEAP, 1)
        self._known = set(self._path.read_text(encoding="utf-8").split("\n")) if self._path.exists() else set()

    def add(self, words: Collection[str], deadline: Deadline) -> None:
        new = {word for word in set(words) - self._known if word and not word.startswith("#")}  # an end is its own key
        for word, keys in filed(new) if new else ():
            deadline.check()
            self._known.add(word)
            document = tantivy.Document()
            document.add_text(KEYS, " ".join(keys))
            document.add_text(SPELLED, word)
            self._writer.add_document(document)

    def close(self) -> None:
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._path.write_text("\n".join(sorted(self._known)), encoding="utf-8")


def _vocabulary(folder: Path) -> tantivy.Index:
    """Open the index of the distinct words in the folder, or create it."""
    (folder / VOCABULARY).mkdir(exist_ok=True)
    fields = tantivy.SchemaBuilder()
    fields.add_text_field(KEYS, tokenizer_name=WORDS, index_option="basic")
    fields.add_text_field(SPELLED, stored=True, tokenizer_name="raw", index_option="basic")
    index = tantivy.Index(fields.build(), path=str(folder / VOCABULARY))
    index.register_tokenizer(WORDS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


@dataclass(frozen=True)
class _Keys:
    """Looks up the words that are filed under keys."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher

    def words(self, keys: Collection[str]) -> set[str]:
        asked = tantivy.Query.const_score_query(tantivy.Query.term_set_query(self.schema, KEYS, sorted(keys)), 1.0)
        hits = self.searcher.search(asked, LIMIT).hits
        if len(hits) == LIMIT:
            hits = self.searcher.search(asked, self.searcher.num_docs).hits
        filed = {str(self.searcher.doc(address)[SPELLED][0]) for _score, address in hits}
        return filed | {key for key in keys if key.startswith("#")}


@dataclass(frozen=True)
class _Words:
    """The index, opened for searches."""

    links: TemporaryDirectory[str]
    """Removed together with this object."""
    index: tantivy.Index
    searcher: tantivy.Searcher
    keys: _Keys


@lru_cache(maxsize=16)
def _opened(folder: Path, _state: State) -> _Words:
    """Keep the index open from one search to the next.

    Tantivy writes a lock file even to read. It reads through a folder of links, so that the index stays as it was built, and
    may be where nobody can write.
    """
    links = TemporaryDirectory(prefix="index-", ignore_cleanup_errors=True)
    place = Path(links.name)
    (place / VOCABULARY).mkdir()
    for path in folder.rglob("*"):
        if path.is_file():
            (place / path.relative_to(folder)).symlink_to(path.resolve())
    index, vocabulary = _index(place), _vocabulary(place)
    return _Words(links, index, index.searcher(), _Keys(vocabulary.schema, vocabulary.searcher()))


def _asked(schema: tantivy.Schema, needs: Needs, keys: _Keys) -> tantivy.Query:
    groups: list[Collection[str]] = []
    for place, group in enumerate(needs.groups):
        held = keys.words(group) if needs.filed else group
        groups.append([word for word in held if needs.agrees(place, word)] if needs.agrees else held)
    if not all(groups):
        return tantivy.Query.empty_query()
    asked = [tantivy.Query.term_set_query(schema, WORDS, sorted(group)) for group in groups]
    return tantivy.Query.const_score_query(tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in asked]), 1.0)


def _spelled(block: Block, known: dict[int, str]) -> list[str]:
    """Return the folded words of the block; `known` remembers them by their numbers."""
    numbers = block.identities.tolist()
    if len(known) > MOST_SPELLED:
        known.clear()
    if new := set(numbers) - known.keys():
        distinct, places = np.unique(block.identities, return_index=True)
        first = dict(zip(distinct.tolist(), places.tolist(), strict=True))
        known.update((number, block.spelled(first[number])) for number in new)
    return list(map(known.__getitem__, numbers))
