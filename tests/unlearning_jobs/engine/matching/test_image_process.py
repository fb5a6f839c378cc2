"""The process that decodes strangers' pictures: what one may cost, and what is left of it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.pictures import encoded, of_many_scans
from unlearning_jobs.engine.matching import image_process
from unlearning_jobs.engine.matching.encoder_sentence import ROOT
from unlearning_jobs.engine.matching.image_pixels import MOST_PIXELS
from unlearning_jobs.engine.matching.image_process import MEMORY, MOST_SCANS, SECONDS, TOO_COSTLY
from unlearning_jobs.engine.matching.query import QueryError

LARGEST = (5_000, MOST_PIXELS // 5_000)
MEASURED = """
import sys
from pathlib import Path
from unlearning_jobs.engine.matching import image_process
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))
content, before = sys.stdin.buffer.read(), status("VmHWM")
image_process.limit(*map(int, sys.argv[1:]))
image_process.main(content, 256)
print(status("VmHWM") - before)
"""
ENDLESS = """
from unlearning_jobs.engine.matching import image_process
image_process.limit(1, 1 << 30)
while True:
    pass
"""


def _palette() -> bytes:
    picture = Image.new("P", LARGEST)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    return encoded(picture)


def _coded(picture: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


LARGE: dict[str, tuple[Callable[[], bytes], int]] = {
    "PNG with a palette": (_palette, 50),
    "PNG of 16 bits": (lambda: encoded(Image.new("I;16", LARGEST, 5)), 75),
    "PNG with transparency": (lambda: encoded(Image.new("RGBA", LARGEST, "red")), 125),
    "long PNG": (lambda: encoded(Image.new("RGB", (250, MOST_PIXELS // 250), "red")), 150),
    "JPEG in four colours": (lambda: _coded(Image.new("CMYK", LARGEST), "JPEG", progressive=True), 225),
    "WebP": (lambda: _coded(Image.new("RGBA", LARGEST, "red"), "WEBP", lossless=True, method=0), 425),
}


@pytest.mark.parametrize(("write", "megabytes"), LARGE.values(), ids=LARGE)
def test_the_largest_pictures_take_the_memory_that_was_measured(write: Callable[[], bytes], megabytes: int) -> None:
    arguments = [sys.executable, "-c", MEASURED, str(SECONDS), str(MEMORY)]
    taken = subprocess.run(arguments, input=write(), stdout=subprocess.PIPE, cwd=ROOT, check=True).stdout
    assert int(taken) < megabytes * 10**6
    assert megabytes * 10**6 < MEMORY


def test_a_process_that_goes_on_computing_is_ended_by_the_kernel() -> None:
    assert subprocess.run([sys.executable, "-c", ENDLESS], cwd=ROOT, check=False).returncode < 0


def test_scans_are_counted_before_anything_is_decoded() -> None:
    assert Image.open(io.BytesIO(image_process.main(of_many_scans(MOST_SCANS - 20), 50))).size == (50, 50)
    with pytest.raises(QueryError) as refused:
        image_process.main(of_many_scans(MOST_SCANS), 50)
    assert refused.value.code == TOO_COSTLY


def test_the_same_two_bytes_in_a_picture_without_scans_do_not_count() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (1_200, 1_200, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise)) + b"\xff\xda" * MOST_SCANS * 2
    assert image_process.main(content, 50)
