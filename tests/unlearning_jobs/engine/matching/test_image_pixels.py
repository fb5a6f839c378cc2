"""How uploads become small pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.pictures import drawn, encoded
from unlearning_jobs.engine.matching.image_pixels import SMALL, image_read


@pytest.mark.parametrize("size", [(5_000, 100), (100, 5_000), (1_000, 999), (511, 300), (1, 1), (1, 9_000)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_is_reduced_by_its_longer_side(size: tuple[int, int], form: str) -> None:
    read = image_read(encoded(Image.new("RGB", size, "red"), form))
    longer, shorter = max(read.size), min(read.size)
    assert longer == max(size) if max(size) < 2 * SMALL else SMALL <= longer < 2 * SMALL
    assert abs(shorter - longer * min(size) / max(size)) <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_picture_that_is_reduced_tile_by_tile_looks_as_before(mode: str) -> None:
    large = drawn(5).resize((1_204, 908)).convert(mode)
    expected = np.asarray(large.convert("RGB").resize(image_read(encoded(large)).size, Image.Resampling.BOX), int)
    assert np.abs(np.asarray(image_read(encoded(large)), int) - expected).mean() < 3


def test_greys_of_sixteen_bits_keep_their_shades() -> None:
    grey = drawn(5).convert("L").resize((700, 700))
    sixteen = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    difference = np.asarray(image_read(encoded(sixteen)), int) - np.asarray(image_read(encoded(grey)), int)
    assert np.abs(difference).max() <= 1
