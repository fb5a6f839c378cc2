"""`make bench-mapping-images`: which copies of drawn pictures the search for images finds, and what it finds wrongly."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from sklearn.datasets import load_digits

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.image import ImagePart
from unlearning_jobs.engine.matching.query import Query

PICTURES, ASKED, SIZE = 2_000, 150, 128


def _crop(share: float, x: float, y: float) -> Callable[[Image.Image], Image.Image]:
    """Cut `share` off each dimension; x and y say how much of that lies left and above."""

    def cut(image: Image.Image) -> Image.Image:
        width, height = image.size
        left, top = round(x * share * width), round(y * share * height)
        return image.crop((left, top, left + round((1 - share) * width), top + round((1 - share) * height)))

    return cut


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def encode(image: Image.Image) -> Image.Image:
        out = BytesIO()
        image.save(out, format="JPEG", quality=quality)
        return Image.open(BytesIO(out.getvalue()))

    return encode


def _stamped(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).text((copy.width // 8, copy.height // 2), "SAMPLE COPY", fill="white")
    return copy


EDITS: Final[Mapping[str, Callable[[Image.Image], Image.Image]]] = {
    "the same": lambda image: image,
    "JPEG 40": _jpeg(40),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "30 % lighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "30 % less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "grey": ImageOps.grayscale,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "stamped": _stamped,
    "mirrored": ImageOps.mirror,
    "turned by 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "5 % off, centre": _crop(0.05, 0.5, 0.5),
    "10 % off, centre": _crop(0.10, 0.5, 0.5),
    "15 % off, centre": _crop(0.15, 0.5, 0.5),
    "5 % off, corner": _crop(0.05, 1, 1),
    "10 % off, corner": _crop(0.10, 1, 0),
    "15 % off, corner": _crop(0.15, 0, 0),
    "12 % off, anywhere": _crop(0.12, 0.3, 0.8),
    "15 % off, mirrored, JPEG": lambda image: _jpeg(60)(ImageOps.mirror(_crop(0.15, 0.5, 0.5)(image))),
    "turned by 5°": lambda image: image.rotate(5),
}


def run(_data: Path | None) -> None:
    """Print a table for drawn pictures, and one for digits of 8 x 8 pixels."""
    rng = np.random.default_rng(7)
    drawn = [_drawn(rng) for _ in range(PICTURES + ASKED)]
    print(f"{PICTURES} drawn pictures of {SIZE} x {SIZE} pixels")
    _measure(drawn[:PICTURES], strangers=drawn[PICTURES:], edits=EDITS)
    print("\n1,437 digits of 8 x 8 pixels (scikit-learn)")
    digits = [Image.fromarray((image * 15).astype(np.uint8)) for image in load_digits().images]
    chosen = ("the same", "JPEG 40", "30 % less contrast", "mirrored", "10 % off, centre")
    enlarged = {"four times the size": lambda image: image.resize((32, 32)), **{name: EDITS[name] for name in chosen}}
    _measure(digits[:1437], strangers=digits[1437 : 1437 + ASKED], edits=enlarged)


def _measure(
    pictures: list[Image.Image],
    *,
    strangers: list[Image.Image],
    edits: Mapping[str, Callable[[Image.Image], Image.Image]],
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        snapshot, part, folder = _snapshot(pictures, Path(temporary)), ImagePart(), Path(temporary) / "part"
        started = time.perf_counter()
        part.build(snapshot, folder, previous=None, on_progress=lambda *_: None)
        rate = len(snapshot) / (time.perf_counter() - started)
        [answer] = part.answers(snapshot, folder, [_query(0, pictures[0])])
        print(f"{rate:.0f} a second, a copy needs {answer.floor:.3f}, notes: {', '.join(answer.notes)}")
        print(f"{'edit':26} {'recall':>6} {'others':>7} {'ms':>6}")
        for name, edit in edits.items():
            started = time.perf_counter()
            asked = [_query(n, edit(pictures[n])) for n in range(ASKED)]
            answers = list(part.answers(snapshot, folder, asked))
            milliseconds = 1000 * (time.perf_counter() - started) / ASKED
            found = [{m.example_id for m in a.matches} for a in answers]
            right = sum(example_id(n) in ids for n, ids in enumerate(found))
            print(f"{name:26} {right / ASKED:6.2f} {(sum(map(len, found)) - right) / ASKED:7.2f} {milliseconds:6.1f}")
        others = [len(a.matches) for a in part.answers(snapshot, folder, [_query(n, p) for n, p in enumerate(strangers)])]
        print(f"{'in no example':26} {'':6} {sum(others) / ASKED:7.2f}")


def _snapshot(pictures: list[Image.Image], folder: Path) -> Snapshot:
    arrays = np.stack([np.asarray(image) for image in pictures])
    arrays = np.moveaxis(arrays, -1, 1) if arrays.ndim == 4 else arrays  # noqa: PLR2004  # channels first
    np.savez(folder / "pictures.npz", x=arrays, y=np.array([f"kind {n % 2}" for n in range(len(pictures))]))
    return Snapshot.open(snapshot_create([folder / "pictures.npz"], folder / "snapshot").path)


def _query(number: int, image: Image.Image) -> Query:
    out = BytesIO()
    image.save(out, format="PNG")
    return Query(str(number), "image", "", out.getvalue())


def _drawn(rng: np.random.Generator) -> Image.Image:
    """Draw a landscape: a sky that changes colour, hills, and a few things in front."""
    sky = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
    image = Image.fromarray(sky).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 4))):
        heights = rng.integers(SIZE // 3, SIZE, 6)
        line = [(n * SIZE // 5, int(h)) for n, h in enumerate(heights)]
        draw.polygon([*line, (SIZE, SIZE), (0, SIZE)], fill=_colour(rng))
    for _ in range(int(rng.integers(2, 7))):
        x, y, r = int(rng.integers(SIZE)), int(rng.integers(SIZE)), int(rng.integers(4, SIZE // 5))
        shape = (draw.ellipse, draw.rectangle)[int(rng.integers(2))]
        shape((x - r, y - r, x + r, y + r), fill=_colour(rng))
    noise = rng.normal(0, 6, (SIZE, SIZE, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue
