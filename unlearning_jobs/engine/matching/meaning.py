"""The index part that finds texts by meaning: in other words, as a description, as what a model said.

What it returns are candidates and never all there are: the closest windows above a floor, as many as a person can read. How
close is close depends on the corpus, so the floor is measured on it (see `meaning_neighbours.near`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.create import example_id

from .encoder import Encoder, Vectors
from .encoder_folder import encoder_open, installed_encoder
from .index.part import Answer
from .index.sealed import PartError, building, seal, unseal
from .meaning_neighbours import ALL_COMPARED, FEWEST, GRAPH, Near, graph_build, near
from .meaning_store import BUILDING, FILES, Store, store_build
from .meaning_windows import SENTENCE, TOKENS, knows_a_word, windows
from .query import ExampleMatch, Query, QueryError

NOTHING: Final = "nothing_to_search_for"
MOST_TEXTS: Final = 50
"""Different windows that a query returns."""
MOST_EXAMPLES: Final = 1_000
"""Examples that a query returns; identical windows are in many."""
MOST_QUERY_WINDOWS: Final = 64
"""Windows of a long query that are searched for, spread evenly over it."""


class MeaningPart:
    """Vectors of the windows of all examples."""

    name: ClassVar[str] = "meaning"
    kind: ClassVar[str] = "meaning"
    version: ClassVar[str] = "1"

    def __init__(self, encoder: Encoder, *, all_compared: int = ALL_COMPARED, threads: int = 1) -> None:
        self._encoder, self._all_compared, self._threads = encoder, all_compared, threads

    @classmethod
    def installed(cls, *, threads: int = 1) -> Self | None:
        """Return the part with the encoder of the optional package, or None if that is not installed."""
        folder = installed_encoder()
        return None if folder is None else cls(encoder_open(folder, threads=threads), threads=threads)

    def build(
        self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callable[[int, int], None]
    ) -> None:
        """Encode all examples; windows whose text is in `previous` are not encoded again.

        A finished part of the same snapshot and encoder stays as it is, and an interrupted build goes on.
        """
        with building(folder):
            if self._about(folder, snapshot.info.digest) is not None:
                return
            earlier = None
            if previous is not None and self._about(previous, None) is not None:
                earlier = Store(previous, self._encoder.dimensions)
            store_build(snapshot, folder, self._encoder, earlier=earlier, on_progress=on_progress)
            self._seal(snapshot, folder)
            (folder / BUILDING).unlink()

    def check(self, snapshot: Snapshot, folder: Path, *, verify: bool = True) -> None:
        """Raise PartError unless the part is of this snapshot and this encoder. With `verify`, every file is read."""
        self._checked(snapshot, folder, verify=verify)

    def obstacle(self, query: Query) -> str:
        """Return why the query cannot be searched for; empty if it can."""
        return "" if knows_a_word(self._encoder, query.value) else NOTHING

    def answers(
        self, snapshot: Snapshot, folder: Path, queries: Sequence[Query], *, verify: bool = True
    ) -> Iterator[Answer]:
        """Yield an answer to each query of the kind `meaning`.

        Raises:
            PartError: the part is damaged, or of another snapshot or another encoder.
            QueryError: a query holds nothing that the encoder knows.
            EncoderError: the encoder ended.
        """
        about = self._checked(snapshot, folder, verify=verify)
        store = Store(folder, self._encoder.dimensions)
        asked = [(query, *self._query_vectors(query)) for query in queries if query.kind == self.kind]
        for query, vectors, shortened in asked:
            found = near(store.vectors, vectors, folder, graph=about["graph"], at_most=MOST_TEXTS)
            yield _answer(query, found, _matches(snapshot, store, query, found), store, about, shortened=shortened)

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield pairs of query id and example id."""
        for answer in self.answers(snapshot, folder, queries):
            yield from ((answer.query, match.example_id) for match in answer.matches)

    def _seal(self, snapshot: Snapshot, folder: Path) -> None:
        vectors = Store(folder, self._encoder.dimensions).vectors
        graph = graph_build(vectors, folder, all_compared=self._all_compared, threads=self._threads)
        about = {
            "encoder": self._encoder.digest,
            "encoder_name": self._encoder.name,
            "graph": graph,
            "window_tokens": TOKENS,
        }
        files = (*FILES, GRAPH) if graph else FILES
        seal(folder, files, part=self._part, snapshot=snapshot.info.digest, about=about)

    @property
    def _part(self) -> str:
        return f"{self.name}/{self.version}"

    def _checked(self, snapshot: Snapshot, folder: Path, *, verify: bool) -> dict[str, Any]:
        about = unseal(folder, part=self._part, snapshot=snapshot.info.digest, verify=verify)
        if about["encoder"] != self._encoder.digest:
            message = "The index by meaning was built with another encoder; build the index again, or name that encoder."
            raise PartError(message, code="index_of_another_version")
        return about

    def _about(self, folder: Path, snapshot: str | None) -> dict[str, Any] | None:
        """Return what a part says about itself; None if it is unusable with this encoder and snapshot."""
        try:
            about = unseal(folder, part=self._part, snapshot=snapshot)
        except PartError:
            return None
        return about if about["encoder"] == self._encoder.digest else None

    def _query_vectors(self, query: Query) -> tuple[Vectors, bool]:
        """Return a vector for each window of the query, and whether the query has more windows than are searched for."""
        sizes = (TOKENS, SENTENCE)
        places = sorted({place for size in sizes for place in windows(self._encoder, query.value, size)})
        shortened = len(places) > MOST_QUERY_WINDOWS
        if shortened:
            places = [places[i * len(places) // MOST_QUERY_WINDOWS] for i in range(MOST_QUERY_WINDOWS)]
        texts = [query.value[start:end] for start, end in places]
        known = [text for text in texts if knows_a_word(self._encoder, text)]
        if not known:
            message = "The text to search for by meaning holds no word that the encoder knows."
            raise QueryError(message, code=NOTHING)
        return self._encoder.encode(known), shortened


def _answer(
    query: Query, found: Near, matches: tuple[ExampleMatch, ...], store: Store, about: dict[str, Any], *, shortened: bool
) -> Answer:
    notes = {
        "query_shortened": shortened,
        "more_above_floor": found.above > MOST_TEXTS or len(matches) == MOST_EXAMPLES,
        "not_all_compared": about["graph"],
        "no_background": len(store.vectors) < FEWEST,
    }
    return Answer(
        query=query.id,
        matches=matches,
        compared=len(store.windows),
        floor=found.floor,
        notes=("not_exhaustive", *(note for note, holds in notes.items() if holds)),
    )


def _matches(snapshot: Snapshot, store: Store, query: Query, found: Near) -> tuple[ExampleMatch, ...]:
    """Return the closest window of each example that has one of the vectors, the closest first."""
    cosines = {int(row): float(cosine) for row, cosine in zip(found.rows, found.cosines, strict=True)}
    places = store.places(found.rows).tolist()
    places.sort(key=lambda place: (-cosines[place[0]], place[1], place[2]))
    best: dict[int, tuple[float, int, int]] = {}
    for row, position, start, end in places:
        best.setdefault(position, (cosines[row], start, end))
    chosen = list(best.items())[:MOST_EXAMPLES]
    examples = snapshot.get(example_id(position) for position, _ in chosen)
    return tuple(
        ExampleMatch(query.id, example.id, start, end, min(1.0, round(cosine, 4)), "meaning", example.set, ("meaning",))
        for example, (_, (cosine, start, end)) in zip(examples, chosen, strict=True)
    )
