"""Pictures of examples."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from unlearning_jobs.engine.corpora import FeatureFormat
from unlearning_jobs.engine.matching.image_pixels import is_image
from unlearning_jobs.pictures import png


@pytest.mark.parametrize(
    ("shape", "shown"), [((8, 8), True), ((1, 8, 8), True), ((3, 8, 8), True), ((5, 8, 8), False), ((64,), False)]
)
def test_tables_are_no_images(shape: tuple[int, ...], shown: bool) -> None:
    assert is_image(FeatureFormat("uint8", shape)) is shown
    assert not is_image(None)


def test_an_image_comes_back_pixel_by_pixel_enlarged() -> None:
    pixels = np.arange(0, 240, 15, dtype=np.uint8).reshape(4, 4)
    image = Image.open(BytesIO(png(pixels.tobytes(), FeatureFormat("uint8", (4, 4)))))
    assert image.size == (144, 144)
    assert np.array_equal(np.asarray(image)[::36, ::36], pixels)


def test_channels_are_colours_and_numbers_are_stretched() -> None:
    values = np.zeros((3, 2, 2), dtype="<f4")
    values[0] = 4.0
    image = Image.open(BytesIO(png(values.tobytes(), FeatureFormat("<f4", (3, 2, 2)))))
    assert image.getpixel((0, 0)) == (255, 0, 0)
