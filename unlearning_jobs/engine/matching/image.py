"""The index part that finds copies of an image: scaled, compressed, lightened, mirrored, turned, or cropped a little.

Hashes choose candidates, and the correlation of small squares of grey decides. How high it must be is measured on the
corpus. Where the images are so much alike that their hashes say little, such as digits of 8 x 8 pixels, all squares are
compared as they are, in eight orientations and without crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.corpora.create import example_id

from .image_hashes import BOXES, Hashes, crops, distances, hashes, orientations
from .image_pixels import SIDE, centred, image_of, image_read, is_image, square
from .index.part import Answer
from .index.sealed import PartError, building, seal, unseal
from .query import ExampleMatch, Query, QueryError

SQUARES, HASHES = "squares.u1", "hashes.u8"
AT_ONCE: Final = 256
RADIUS: Final = 34
"""Bits, of 128, in which the hashes of a candidate may differ."""
MOST_CANDIDATES: Final = 500
MOST_IMAGES: Final = 200
LOWEST, HIGHEST = 0.85, 0.995
"""Bounds of the correlation that a copy needs."""
COPY: Final = 0.99
"""From here on, another example is a copy and says nothing about how much alike different images are."""
SAMPLE: Final = 32
ALIKE: Final = 0.02
"""Share of the examples within the radius from which on hashes cannot tell images apart."""
FEW: Final = 4
"""So many within the radius say nothing: they may be copies."""


class ImagePart:
    """Hashes and squares of all examples that are images."""

    name: ClassVar[str] = "images"
    kind: ClassVar[str] = "image"
    version: ClassVar[str] = "1"

    def build(
        self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callable[[int, int], None]
    ) -> None:
        """Hash all images. It is quick, so an interrupted build begins again, and `previous` is not used."""
        del previous
        with building(folder):
            if self._finished(snapshot, folder):
                return
            _write(snapshot, folder, on_progress)
            about = _Images(folder).calibrated()
            seal(folder, (SQUARES, HASHES), part=self._part, snapshot=snapshot.info.digest, about=about)

    def check(self, snapshot: Snapshot, folder: Path, *, verify: bool = True) -> None:
        """Raise PartError unless the part is of this snapshot. With `verify`, every file is read."""
        unseal(folder, part=self._part, snapshot=snapshot.info.digest, verify=verify)

    def obstacle(self, query: Query) -> str:
        """Return why the query cannot be searched for; empty if it can."""
        try:
            _query_square(query)
        except QueryError as error:
            return error.code
        return ""

    def answers(
        self, snapshot: Snapshot, folder: Path, queries: Sequence[Query], *, verify: bool = True
    ) -> Iterator[Answer]:
        """Yield an answer to each query of the kind `image`.

        Raises:
            PartError: the part is damaged or of another snapshot.
            QueryError: a query's image cannot be read, or is of one colour.
        """
        about = unseal(folder, part=self._part, snapshot=snapshot.info.digest, verify=verify)
        images = _Images(folder)
        asked = [(query, _query_square(query)) for query in queries if query.kind == self.kind]
        for query, content in asked:
            yield self._answer(snapshot, images, about, query, content)

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield pairs of query id and example id."""
        for answer in self.answers(snapshot, folder, queries):
            yield from ((answer.query, match.example_id) for match in answer.matches)

    @property
    def _part(self) -> str:
        return f"{self.name}/{self.version}"

    def _finished(self, snapshot: Snapshot, folder: Path) -> bool:
        try:
            unseal(folder, part=self._part, snapshot=snapshot.info.digest)
        except PartError:
            return False
        return True

    def _answer(
        self, snapshot: Snapshot, images: _Images, about: dict[str, Any], query: Query, content: NDArray[np.uint8]
    ) -> Answer:
        rows, scores = images.similar(content, alike=about["alike"])
        kept = np.flatnonzero(scores >= about["floor"])
        best = kept[np.argsort(-scores[kept], kind="stable")][:MOST_IMAGES]
        examples = snapshot.get(example_id(int(rows[i])) for i in best)
        notes = {"more_above_floor": len(kept) > MOST_IMAGES or len(rows) == MOST_CANDIDATES, "images_alike": about["alike"]}
        return Answer(
            query=query.id,
            matches=tuple(_match(query, e, float(scores[i])) for e, i in zip(examples, best, strict=True)),
            compared=len(images.squares),
            floor=about["floor"],
            notes=("not_exhaustive", *(note for note, holds in notes.items() if holds)),
        )


class _Images:
    """The squares and hashes of a part, read from disk as needed."""

    def __init__(self, folder: Path) -> None:
        self.squares: NDArray[np.uint8] = _map(folder / SQUARES, np.dtype(np.uint8)).reshape(-1, SIDE, SIDE)
        self.hashes: Hashes = _map(folder / HASHES, np.dtype(np.uint64)).reshape(-1, len(BOXES), 2)
        if len(self.squares) != len(self.hashes):
            message = "The index of images has files of different lengths; build the index again."
            raise PartError(message)

    def similar(self, query: NDArray[np.uint8], *, alike: bool) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows, and the correlation of each with the query in the orientation and crop that fit best."""
        turned = orientations(query)
        if alike:
            return np.arange(len(self.squares)), self._correlations(turned)
        rows = self._candidates(turned)
        return rows, self._best_fits(rows, turned)

    def calibrated(self) -> dict[str, Any]:
        """Return whether hashes cannot tell the images apart, and the correlation that a copy needs.

        Nine of ten sampled images have no different image that correlates more than that.
        """
        chosen = np.unique(np.linspace(0, len(self.squares) - 1, min(SAMPLE, len(self.squares))).astype(int))
        sample = [self.squares[row] for row in chosen if centred(self.squares[row]).any()]
        crowd = max(FEW, min(ALIKE * len(self.squares), MOST_CANDIDATES))
        within = [len(self._candidates(orientations(one))) for one in sample]
        alike = bool(sample) and float(np.median(within)) >= crowd
        found = [self.similar(one, alike=alike) for one in sample]
        nearest = [float(scores[scores < COPY].max(initial=0)) for _rows, scores in found]
        floor = float(np.quantile(nearest, 0.9)) if nearest else LOWEST
        return {"alike": alike, "floor": round(min(max(floor, LOWEST), HIGHEST), 4)}

    def _candidates(self, turned: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the rows whose hashes are within the radius, the nearest first."""
        differing = distances(hashes(turned), self.hashes)
        rows = np.flatnonzero(differing <= RADIUS)
        return rows[np.argsort(differing[rows], kind="stable")][:MOST_CANDIDATES]

    def _correlations(self, turned: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compare all squares as they are."""
        queries = centred(turned)
        blocks = range(0, len(self.squares), 1 << 14)
        found = [(centred(self.squares[at : at + (1 << 14)]) @ queries.T).max(axis=1) for at in blocks]
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def _best_fits(self, rows: NDArray[np.int64], turned: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compare the query's crops with whole examples, and the examples' crops with the whole query."""
        whole, cropped = centred(turned), centred(crops(turned)).reshape(-1, SIDE * SIDE)
        best = np.zeros(len(rows), np.float32)
        for at in range(0, len(rows), AT_ONCE):
            squares = self.squares[rows[at : at + AT_ONCE]].astype(np.float32)
            forwards = (centred(squares) @ cropped.T).max(axis=1)
            backwards = (centred(crops(squares)) @ whole.T).max(axis=(1, 2))
            best[at : at + AT_ONCE] = np.maximum(forwards, backwards)
        return best


def _query_square(query: Query) -> NDArray[np.uint8]:
    """Read a query's image.

    Raises:
        QueryError: it cannot be read, or is of one colour.
    """
    content = square(image_read(query.image or b""))
    if not centred(content).any():
        message = "The image is of one colour; there is nothing in it to search for."
        raise QueryError(message, code="nothing_to_search_for")
    return content


def _write(snapshot: Snapshot, folder: Path, on_progress: Callable[[int, int], None]) -> None:
    done = 0
    with (folder / SQUARES).open("wb") as squares_file, (folder / HASHES).open("wb") as hashes_file:
        for squares in _squares(snapshot):
            squares_file.write(squares.tobytes())
            hashes_file.write(hashes(squares.astype(np.float32)).tobytes())
            done += len(squares)
            on_progress(done, len(snapshot))


def _squares(snapshot: Snapshot) -> Iterator[NDArray[np.uint8]]:
    form = snapshot.info.features
    examples = snapshot.examples() if is_image(form) else iter(())
    while batch := list(islice(examples, AT_ONCE)):
        yield np.stack([square(image_of(e.features or b"", form)) for e in batch if form])


def _match(query: Query, example: Example, score: float) -> ExampleMatch:
    return ExampleMatch(query.id, example.id, 0, 0, min(1.0, round(score, 4)), "image", example.set, ("image",))


def _map(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    return np.memmap(path, kind, mode="r") if path.stat().st_size else np.zeros(0, kind)
