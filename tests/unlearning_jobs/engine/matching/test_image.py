"""The index part that finds copies of images."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_digits

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.matching import image_pixels
from unlearning_jobs.engine.matching.encoder_sentence import ROOT
from unlearning_jobs.engine.matching.image import MOST_IMAGES, ImagePart
from unlearning_jobs.engine.matching.image_pixels import MOST_BYTES
from unlearning_jobs.engine.matching.index.part import NOTES, Answer
from unlearning_jobs.engine.matching.index.sealed import PartError
from unlearning_jobs.engine.matching.query import Query, QueryError

COUNT, SIDE = 160, 72


def _drawn(rng: np.random.Generator) -> Image.Image:
    """Draw a picture of patches of colour, some large and some small."""
    large = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return Image.blend(large, small, 0.35)


PICTURES = [_drawn(rng) for rng in [np.random.default_rng(5)] for _ in range(COUNT)]


def make(folder: Path, pictures: list[Image.Image]) -> Snapshot:
    folder.mkdir()
    arrays = np.stack([np.asarray(picture) for picture in pictures])
    arrays = np.moveaxis(arrays, -1, 1) if arrays.ndim == 4 else arrays
    np.savez(folder / "pictures.npz", x=arrays, y=np.array([f"kind {n % 2}" for n in range(len(pictures))]))
    return Snapshot.open(snapshot_create([folder / "pictures.npz"], folder / "snapshot").path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Path]:
    folder = tmp_path_factory.mktemp("images")
    snapshot = make(folder / "corpus", PICTURES)
    ImagePart().build(snapshot, folder / "part", previous=None, on_progress=lambda *_: None)
    return snapshot, folder / "part"


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def ask(built: tuple[Snapshot, Path], content: bytes) -> Answer:
    snapshot, folder = built
    queries = [Query("q", "image", "", content), Query("other", "meaning", "a picture")]
    [answer] = ImagePart().answers(snapshot, folder, queries)
    assert set(answer.notes) <= set(NOTES)
    return answer


def _kept(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    return picture.crop((round(left * SIDE), round(top * SIDE), round(right * SIDE), round(bottom * SIDE)))


EDITS: dict[str, Callable[[Image.Image], bytes]] = {
    "the same": encoded,
    "JPEG": lambda picture: encoded(picture, "JPEG", quality=40),
    "WebP": lambda picture: encoded(picture, "WEBP", quality=50),
    "smaller": lambda picture: encoded(picture.resize((40, 40))),
    "much larger": lambda picture: encoded(picture.resize((900, 900))),
    "much larger, as JPEG": lambda picture: encoded(picture.resize((1200, 1200)), "JPEG"),
    "larger, other proportions": lambda picture: encoded(picture.resize((300, 200))),
    "lighter": lambda picture: encoded(ImageEnhance.Brightness(picture).enhance(1.3)),
    "grey": lambda picture: encoded(ImageOps.grayscale(picture)),
    "mirrored": lambda picture: encoded(ImageOps.mirror(picture)),
    "turned": lambda picture: encoded(picture.transpose(Image.Transpose.ROTATE_270)),
    "a border of 7 % cut off": lambda picture: encoded(_kept(picture, 0.07, 0.07, 0.93, 0.93)),
    "a corner kept": lambda picture: encoded(_kept(picture, 0.15, 0.0, 1.0, 0.85)),
    "one side cut off": lambda picture: encoded(_kept(picture, 0.0, 0.1, 1.0, 1.0)),
    "transparent on nothing": lambda picture: encoded(picture.convert("RGBA")),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_copy_is_found_first(edit: Callable[[Image.Image], bytes], built: tuple[Snapshot, Path]) -> None:
    for number in (3, 60, 121):
        answer = ask(built, edit(PICTURES[number]))
        best = answer.matches[0]
        assert (best.example_id, best.method, best.because) == (f"e{number:08d}", "image", ("image",))
        assert answer.floor <= best.score <= 1
        assert len(answer.matches) <= 3


def test_the_corpus_may_hold_the_crop(built: tuple[Snapshot, Path]) -> None:
    larger = Image.new("RGB", (round(SIDE / 0.88), round(SIDE / 0.88)), "navy")
    larger.paste(PICTURES[9], (larger.width - SIDE, 0))
    assert ask(built, encoded(larger)).matches[0].example_id == "e00000009"


def test_an_upload_is_set_upright(built: tuple[Snapshot, Path]) -> None:
    content = encoded(PICTURES[8], "JPEG", exif=_orientation(6), quality=90)
    read = image_pixels.image_read(content)
    turned = PICTURES[8].transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(read, int) - np.asarray(turned, int)).mean() < 6
    assert ask(built, content).matches[0].example_id == "e00000008"


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_a_picture_that_is_in_no_example_has_no_match(built: tuple[Snapshot, Path]) -> None:
    rng = np.random.default_rng(99)
    answers = [ask(built, encoded(_drawn(rng))) for _ in range(20)]
    assert sum(len(answer.matches) for answer in answers) <= 1
    assert all(answer.compared == COUNT for answer in answers)
    assert all("not_exhaustive" in answer.notes for answer in answers)


def test_every_copy_is_found_up_to_a_bound(tmp_path: Path) -> None:
    snapshot = make(tmp_path / "corpus", PICTURES[:100] + [PICTURES[4]] * (MOST_IMAGES + 5))
    ImagePart().build(snapshot, tmp_path / "part", previous=None, on_progress=lambda *_: None)
    answer = ask((snapshot, tmp_path / "part"), encoded(PICTURES[4]))
    assert "more_above_floor" in answer.notes
    assert len(answer.matches) == MOST_IMAGES
    assert {match.score for match in answer.matches} == {1.0}


def _bomb() -> bytes:
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = (header, b"IDAT" + zlib.compress(b"\0" * 100), b"IEND")
    body = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


REFUSED = {
    "nothing": (b"", "not_an_image"),
    "a text": (b"no picture at all", "not_an_image"),
    "half a picture": (encoded(PICTURES[0])[:2000], "not_an_image"),
    "a GIF": (encoded(PICTURES[0], "GIF"), "not_an_image"),
    "a bomb": (_bomb(), "image_too_large"),
    "too many bytes": (b"\0" * (MOST_BYTES + 1), "image_too_large"),
    "one colour": (encoded(Image.new("RGB", (50, 50), "red")), "nothing_to_search_for"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_an_upload_that_is_no_picture_is_refused(content: bytes, code: str, built: tuple[Snapshot, Path]) -> None:
    with pytest.raises(QueryError) as caught:
        ask(built, content)
    assert caught.value.code == ImagePart().obstacle(Query("q", "image", "", content)) == code


def test_a_query_without_an_image_is_refused(built: tuple[Snapshot, Path]) -> None:
    with pytest.raises(QueryError):
        list(ImagePart().answers(*built, [Query("q", "image", "text")]))


def test_digits_are_too_much_alike_and_only_nearly_equal_pixels_count(tmp_path: Path) -> None:
    digits = [Image.fromarray((image * 15).astype(np.uint8)) for image in load_digits().images[:500]]
    snapshot = make(tmp_path / "corpus", digits[:400])
    ImagePart().build(snapshot, tmp_path / "part", previous=None, on_progress=lambda *_: None)
    larger = [ask((snapshot, tmp_path / "part"), encoded(d.resize((32, 32)))) for d in digits[:400:20]]
    assert all("images_alike" in answer.notes for answer in larger)
    assert [answer.matches[0].example_id for answer in larger] == [f"e{n:08d}" for n in range(0, 400, 20)]
    others = [len(ask((snapshot, tmp_path / "part"), encoded(d)).matches) for d in digits[400:]]
    assert sum(others) < 40


def test_a_corpus_without_images_has_nothing_to_compare(tmp_path: Path) -> None:
    np.savez(tmp_path / "table.npz", x=np.random.default_rng(1).normal(size=(6, 4)), y=np.array(["a", "b"] * 3))
    snapshot = Snapshot.open(snapshot_create([tmp_path / "table.npz"], tmp_path / "snapshot").path)
    ImagePart().build(snapshot, tmp_path / "part", previous=None, on_progress=lambda *_: None)
    answer = ask((snapshot, tmp_path / "part"), encoded(PICTURES[0]))
    assert (answer.compared, answer.matches) == (0, ())


KILLED = """
import sys, time
from pathlib import Path
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import image
image.AT_ONCE = 20
def wait(done, total):
    print(done, flush=True)
    time.sleep(60 * (done == 60))
image.ImagePart().build(Snapshot.open(Path(sys.argv[1])), Path(sys.argv[2]), previous=None, on_progress=wait)
"""


def test_a_killed_build_is_refused_and_begins_again(built: tuple[Snapshot, Path], tmp_path: Path) -> None:
    snapshot, whole = built
    command = [sys.executable, "-c", KILLED, str(snapshot.folder), str(tmp_path / "part")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "60\n":
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(PartError, match="unfinished"):
        ask((snapshot, tmp_path / "part"), encoded(PICTURES[0]))
    ImagePart().build(snapshot, tmp_path / "part", previous=None, on_progress=lambda *_: None)
    assert all((tmp_path / "part" / path.name).read_bytes() == path.read_bytes() for path in whole.iterdir())


def test_parts_of_another_snapshot_and_swapped_files_are_refused(built: tuple[Snapshot, Path], tmp_path: Path) -> None:
    other = make(tmp_path / "corpus", PICTURES[:5])
    with pytest.raises(PartError, match="another snapshot"):
        ask((other, built[1]), encoded(PICTURES[0]))
    ImagePart().build(other, tmp_path / "part", previous=None, on_progress=lambda *_: None)
    shutil.copy(built[1] / "hashes.u8", tmp_path / "part" / "hashes.u8")
    with pytest.raises(PartError, match="other files"):
        ask((other, tmp_path / "part"), encoded(PICTURES[0]))
