"""Images from examples and from uploads, reduced to small squares of grey."""

from __future__ import annotations

from io import BytesIO
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from unlearning_jobs.engine.corpora import FeatureFormat

from .query import QueryError

Squares = NDArray[np.float32]

SIDE: Final = 32
"""Pixels of a square's side. Proportions are lost, on both sides of a comparison alike."""
CHANNELS: Final = (1, 3)
FORMATS: Final = ("PNG", "JPEG", "WEBP")
MOST_BYTES: Final = 5 << 20
MOST_PIXELS: Final = 25_000_000
"""An image that claims more is not decoded: a few bytes may claim terabytes."""
SMALL: Final = 256
TILE: Final = 16
"""Reduced pixels of a tile's side."""
ORIENTATION: Final = 0x0112
"""The tag of the Exif standard that says how the camera was held."""


def is_image(form: FeatureFormat | None) -> bool:
    """Return whether a format is that of images: height x width, or channels x height x width with 1 or 3 channels."""
    shape = form.shape if form else ()
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in CHANNELS)  # noqa: PLR2004  # dimensions


def image_of(features: bytes, form: FeatureFormat) -> Image.Image:
    """Return an example's image. Values that are not bytes are scaled: the smallest is black and the largest white."""
    # shape: height x width, or channels x height x width
    values = np.frombuffer(features, dtype=form.dtype).reshape(form.shape)
    if form.dtype != "uint8":
        low, high = float(values.min()), float(values.max())
        values = ((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    if values.ndim == 3:  # noqa: PLR2004  # channels first
        # Pillow wants height x width, or height x width x channels.
        values = values[0] if len(values) == 1 else np.moveaxis(values, 0, -1)
    return Image.fromarray(np.ascontiguousarray(values))


def image_read(content: bytes) -> Image.Image:
    """Decode an upload: the first picture in it, upright, on white, its longer side reduced to at most 511 pixels.

    What strangers send is read in a process of its own, within limits (`image_process.py`).

    Raises:
        QueryError: it is no PNG, JPEG or WebP, is damaged, or is too large.
    """
    if len(content) > MOST_BYTES:
        message = f"The image is larger than {MOST_BYTES >> 20} MiB; send a smaller copy."
        raise QueryError(message, code="image_too_large")
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)  # reads the size, and no pixel
        upright = _upright(image) if image.width * image.height <= MOST_PIXELS else None
    except Image.DecompressionBombError:
        upright = None
    except MemoryError:  # says nothing about the image
        raise
    except Exception:  # noqa: BLE001  # decoders raise whatever damaged bytes lead to
        message = "The file is no readable PNG, JPEG or WebP image."
        raise QueryError(message, code="not_an_image") from None
    if upright is None:
        message = f"The image has more than {MOST_PIXELS // 10**6} million pixels; send a smaller copy."
        raise QueryError(message, code="image_too_large")
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Decode and reduce. Colours are converted tile by tile: there is never a second copy of all pixels."""
    factor = max(1, max(image.size) // SMALL)
    image.draft("RGB", (max(1, image.width // factor), max(1, image.height // factor)))  # a JPEG is decoded smaller
    factor = max(1, max(image.size) // SMALL)
    reduced = Image.new("RGBA", (-(-image.width // factor), -(-image.height // factor)))
    for left, top in product(range(0, reduced.width, TILE), range(0, reduced.height, TILE)):
        right, bottom = min(image.width, (left + TILE) * factor), min(image.height, (top + TILE) * factor)
        tile = image.crop((left * factor, top * factor, right, bottom))
        if tile.mode.startswith("I"):  # greys of 16 bits, of which a conversion would keep the darkest 256
            tile = tile.point(lambda grey: grey * (1 / 256))
        reduced.paste(tile.convert("RGBA").reduce(factor), (left, top))
    reduced.getexif()[ORIENTATION] = image.getexif().get(ORIENTATION, 1)
    return ImageOps.exif_transpose(reduced)


def square(image: Image.Image) -> NDArray[np.uint8]:
    """Return the image as a square of grey: side x side."""
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def centred(squares: NDArray[np.generic]) -> Squares:
    """Return squares without their mean and with length 1, so that a dot product is a correlation; flat ones are zeros."""
    rows = squares.reshape(*squares.shape[:-2], -1).astype(np.float32)
    rows -= rows.mean(axis=-1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.where(lengths > 1, rows / np.maximum(lengths, 1), 0), dtype=np.float32)
