"""Reads pictures: the files of a folder, and any encoded image as an array."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import Broken, Picture, Row, SourceFile

FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Formats that are pictures and nothing else; Pillow would start other programs for some."""
LARGEST_FILE: Final = 64 << 20
MAX_PIXELS: Final = 50_000_000
MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
SAID: Final = {270: "ImageDescription", 315: "Artist", 33432: "Copyright"}
"""Tags of the Exif standard in which pictures name people and works."""


class PictureError(ValueError):
    """A picture cannot become an array; the message says why, without the picture's file."""


def picture_file(file: SourceFile, options: ReadOptions) -> Iterator[Row]:  # noqa: ARG001  # a reader's signature
    """Yield the one picture of a file, with the class that its folder names and what a table beside it says."""
    if file.size > LARGEST_FILE:
        yield 1, Broken(f"a picture of more than {LARGEST_FILE} bytes; make it smaller")
        return
    with file.open() as stream:
        fields: dict[str, Any] = {"image": Picture(stream.read(), file.name), **(file.about or {})}
    if file.label:
        fields.setdefault("label", file.label)
    yield 1, fields


def decode(picture: Picture, options: ReadOptions) -> tuple[NDArray[np.uint8], Mapping[str, str]]:
    """Return the picture as bytes (channels, height, width), and the texts that the file carries.

    Every picture gets three channels, or one with `greyscale`, is turned as its camera was held, and loses transparency.

    Raises:
        PictureError: it is damaged, too large, animated, or of numbers that do not fit into bytes.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # slow to load, and only pictures need it

    try:
        with warnings.catch_warnings(), Image.open(BytesIO(picture.content), formats=FORMATS) as image:
            warnings.simplefilter("ignore")  # the size is checked below, before anything is decoded
            _check(image)
            said = _said(image)
            ImageOps.exif_transpose(image, in_place=True)
            upright = image.convert("L" if options.greyscale else "RGB")
            if options.image_size:
                height, width = options.image_size
                upright = upright.resize((width, height), Image.Resampling.BICUBIC)
            values = np.asarray(upright, dtype=np.uint8)
    except UnidentifiedImageError:
        message = f"a picture is in none of the formats {', '.join(FORMATS)}; convert it"
        raise PictureError(message) from None
    except PictureError:
        raise
    except Exception as error:  # noqa: BLE001  # decoders raise anything for damaged files
        message = f"a picture cannot be decoded ({type(error).__name__}); export it again"
        raise PictureError(message) from None
    return (values[np.newaxis] if values.ndim == 2 else np.moveaxis(values, -1, 0)), said  # noqa: PLR2004  # height x width


def _check(image: Any) -> None:
    if image.width * image.height > MAX_PIXELS:
        message = f"a picture has more than {MAX_PIXELS} pixels; make it smaller before you register it"
        raise PictureError(message)
    if getattr(image, "n_frames", 1) > 1:
        message = "a picture has several frames; store each as a picture"
        raise PictureError(message)
    if image.mode not in MODES:
        message = f"a picture has the mode {image.mode}, whose numbers do not fit into bytes; store it with 8 bits a channel"
        raise PictureError(message)


def _said(image: Any) -> Mapping[str, str]:
    exif = image.getexif()
    said = {f"picture.{name}": str(exif[tag]).strip("\0 ") for tag, name in SAID.items() if tag in exif}
    texts = {f"picture.{name}": value for name, value in getattr(image, "text", {}).items() if isinstance(value, str)}
    return said | texts
