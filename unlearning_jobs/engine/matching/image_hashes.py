"""Perceptual hashes of squares of grey: 64 bits of where low frequencies are strong, 64 of where it gets lighter rightwards.

The first is the pHash of Zauner (2010), the second the dHash of Krawetz (2013). Both change in few bits when an image is
scaled, compressed or brightened, and in many when it is turned, mirrored or cropped. So a query is hashed in all eight
orientations, and both the query and the examples in several crops. A crop of a square is a product with a small matrix on
each side; no picture is decoded twice.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .image_pixels import SIDE, Squares

Hashes = NDArray[np.uint64]

BITS: Final = 8
"""Rows and columns of bits."""
CENTRE: Final = (0.93, 0.86, 0.78)
"""Shares of each side that crops around the centre keep."""
EDGE: Final = (0.92, 0.85)
"""The same for crops at an edge or a corner."""


def _boxes() -> list[tuple[float, float, float, float]]:
    """List crops as (top, bottom, left, right) in shares of the side; the first is the whole image."""
    boxes = [(0.0, 1.0, 0.0, 1.0)]
    boxes += [((1 - r) / 2, (1 + r) / 2, (1 - r) / 2, (1 + r) / 2) for r in CENTRE]
    for r in EDGE:
        whole, parts = (0.0, 1.0), ((0.0, r), (1 - r, 1.0))
        boxes += [
            (*rows, *columns) for rows, columns in product((whole, *parts), repeat=2) if (rows, columns) != (whole, whole)
        ]
    return boxes


def _sampling(low: float, high: float, points: int) -> Squares:
    """Return a matrix that samples a side between two shares at `points` places, by linear interpolation."""
    places = np.clip((low + (high - low) * (np.arange(points) + 0.5) / points) * SIDE - 0.5, 0, SIDE - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(SIDE)[None, :])), dtype=np.float32)


def _averaging(low: float, high: float, points: int) -> Squares:
    """Return a matrix that averages a side between two shares into `points` places."""
    edges = (low + (high - low) * np.arange(points + 1) / points) * SIDE
    covered = np.minimum(edges[1:, None], np.arange(1, SIDE + 1)) - np.maximum(edges[:-1, None], np.arange(SIDE))
    return np.asarray(np.maximum(covered, 0) / (edges[1:] - edges[:-1])[:, None], dtype=np.float32)


BOXES: Final = _boxes()
CROPS: Final = [(_sampling(t, b, SIDE), _sampling(l, r, SIDE)) for t, b, l, r in BOXES]  # noqa: E741  # left and right
GRADIENTS: Final = [(_averaging(t, b, BITS), _averaging(l, r, BITS + 1)) for t, b, l, r in BOXES]  # noqa: E741  # left and right


@cache
def _frequencies() -> list[tuple[Squares, Squares]]:
    """Return the matrices that take a crop's low frequencies, without the constant one."""
    from scipy.fft import dct  # loads much of scipy, which a web process does without

    cosines = dct(np.eye(SIDE, dtype=np.float32), axis=0)[1 : BITS + 1].astype(np.float32, copy=False)
    return [(cosines @ rows, cosines @ columns) for rows, columns in CROPS]


def hashes(squares: Squares) -> Hashes:
    """Return both hashes of every crop of every square: (squares, crops, 2)."""
    crops = []
    for (up, across), (rows, columns) in zip(_frequencies(), GRADIENTS, strict=True):
        strengths = (up @ squares @ across.T).reshape(len(squares), -1)
        lightness = rows @ squares @ columns.T
        phash = strengths > np.median(strengths, axis=1, keepdims=True)
        dhash = (lightness[:, :, 1:] > lightness[:, :, :-1]).reshape(len(squares), -1)
        crops.append(np.stack([_packed(phash), _packed(dhash)], axis=1))
    return np.stack(crops, axis=1)


def _packed(bits: NDArray[np.bool_]) -> Hashes:
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def crops(squares: Squares) -> Squares:
    """Return every crop of every square: (squares, crops, side, side)."""
    return np.stack([rows @ squares @ columns.T for rows, columns in CROPS], axis=1)


def orientations(square: NDArray[np.generic]) -> Squares:
    """Return the square turned and mirrored in all eight ways."""
    turned = [np.rot90(square, quarter) for quarter in range(4)]
    return np.stack([*turned, *(np.fliplr(one) for one in turned)]).astype(np.float32)


def distances(query: Hashes, examples: Hashes) -> NDArray[np.uint8]:
    """Return for each example the fewest bits, of 128, in which it differs from the query.

    One side is always whole: the query's crops are compared with whole examples, the examples' crops with the whole query.
    """
    nearest = np.full(len(examples), 255, np.uint8)
    for box in range(len(BOXES)):
        whole, cropped = np.ascontiguousarray(examples[:, 0].T), np.ascontiguousarray(examples[:, box].T)
        for orientation in query:
            for one, others in ((orientation[box], whole), (orientation[0], cropped)):
                differing = np.bitwise_count(one[0] ^ others[0]) + np.bitwise_count(one[1] ^ others[1])
                np.minimum(nearest, differing, out=nearest)
    return nearest
