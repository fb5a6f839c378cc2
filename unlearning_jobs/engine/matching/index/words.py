"""Which examples hold a word, or one that is a typing error away: a tantivy index without the texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

import tantivy

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.kinds import query_needs
from unlearning_jobs.engine.matching.needs import Needs, Term
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.vectorised import Block, split

from .batches import batches
from .part import Callback

WORDS: Final = "words"
POSITION: Final = "position"
HEAP: Final = 128 << 20
"""Bytes that tantivy may hold before it writes them."""
LIMIT: Final = 1000
MOST_SPELLED: Final = 1_000_000


class WordsPart:
    """Names the examples that hold the words of a name, an identifier, a short phrase or a key."""

    name: ClassVar[str] = "words"
    version: ClassVar[str] = "tantivy-words/1"

    def build(self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callback) -> None:
        """Add the examples that the previous index lacks to a copy of it."""
        if previous is not None:
            shutil.copytree(previous, folder, dirs_exist_ok=True)
        index = _index(folder)
        index.reload()
        done = index.searcher().num_docs
        writer = index.writer(HEAP, 1)
        spelled: dict[int, str] = {}
        for texts in batches(islice(snapshot.examples(), done, None)):
            block = split(texts)
            held = _spelled(block, spelled)
            for place, (first, last) in enumerate(zip(block.firsts.tolist(), block.firsts[1:].tolist(), strict=False)):
                document = tantivy.Document()
                document.add_text(WORDS, " ".join(held[first:last]))
                document.add_unsigned(POSITION, done + place)
                writer.add_document(document)
            done += len(texts)
            on_progress(done, len(snapshot))
        writer.commit()
        writer.wait_merging_threads()
        for lock in folder.glob(".tantivy-*.lock"):
            lock.unlink()

    def answers(self, query: Query) -> bool:
        needs = query_needs(query)
        return needs is not None and bool(needs.groups)

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield the examples that hold a term of each group that the query needs."""
        del snapshot
        index, searcher = _opened(folder, folder.stat().st_ino)
        schema = index.schema
        for query in queries:
            needs = query_needs(query)
            asked = _asked(schema, needs) if needs else tantivy.Query.empty_query()
            hits = searcher.search(asked, LIMIT).hits
            if len(hits) == LIMIT:
                hits = searcher.search(asked, searcher.num_docs).hits
            for position in searcher.fast_field_values(POSITION, [address for _score, address in hits]) if hits else ():
                yield query.id, example_id(int(position or 0))


def _index(folder: Path) -> tantivy.Index:
    """Open the index in the folder, or create it."""
    fields = tantivy.SchemaBuilder()
    fields.add_text_field(WORDS, tokenizer_name=WORDS, index_option="basic")
    fields.add_unsigned_field(POSITION, fast=True)
    index = tantivy.Index(fields.build(), path=str(folder))
    index.register_tokenizer(WORDS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


@lru_cache(maxsize=16)
def _opened(folder: Path, _inode: int) -> tuple[tantivy.Index, tantivy.Searcher]:
    """Keep the index open from one search to the next. Another index in the same place has another inode."""
    index = _index(folder)
    return index, index.searcher()


def _asked(schema: tantivy.Schema, needs: Needs) -> tantivy.Query:
    groups = [_any(schema, sorted(group, key=lambda term: term.word)) for group in needs.groups]
    return tantivy.Query.const_score_query(tantivy.Query.boolean_query([(tantivy.Occur.Must, g) for g in groups]), 1.0)


def _any(schema: tantivy.Schema, terms: Sequence[Term]) -> tantivy.Query:
    asked = [
        tantivy.Query.fuzzy_term_query(schema, WORDS, term.word, distance=term.edits)
        if term.edits
        else tantivy.Query.term_query(schema, WORDS, term.word, index_option="basic")
        for term in terms
    ]
    return asked[0] if len(asked) == 1 else tantivy.Query.boolean_query([(tantivy.Occur.Should, one) for one in asked])


def _spelled(block: Block, known: dict[int, str]) -> list[str]:
    """Return the folded words of the block; `known` remembers them by their numbers."""
    numbers = block.numbers.tolist()
    if len(known) > MOST_SPELLED:
        known.clear()
    for place, number in enumerate(numbers):
        if number not in known:
            known[number] = block.spelled(place)
    return [known[number] for number in numbers]
