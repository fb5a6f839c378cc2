"""Pictures for tests: drawn by a seed, encoded as files, and as corpora."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 72


def drawn(seed: int) -> Image.Image:
    """A picture of patches of colour, some large and some small."""
    rng = np.random.default_rng(seed)
    large, small = (
        Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        for n in (4, 9)
    )
    return Image.blend(large, small, 0.35)


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    out = BytesIO()
    picture.save(out, form)
    return out.getvalue()


def of_many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan stands there so many times more."""
    out = BytesIO()
    drawn(1).save(out, "JPEG", progressive=True)
    head, scan = out.getvalue()[:-2].rsplit(b"\xff\xda", 1)
    return head + (b"\xff\xda" + scan) * (count + 1) + b"\xff\xd9"


def kept(picture: Image.Image) -> str:
    """As a request keeps it."""
    return base64.b64encode(encoded(picture)).decode()


def pictures_file(path: Path, count: int = 40) -> Path:
    """A corpus of these pictures, as an NPZ file."""
    arrays = np.stack([np.moveaxis(np.asarray(drawn(n)), -1, 0) for n in range(count)])
    np.savez(path, x=arrays, y=np.array([f"kind {n % 2}" for n in range(count)]))
    return path
