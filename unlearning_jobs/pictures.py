"""Draws examples that are images, for the people who decide about them."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from .engine.corpora import FeatureFormat
from .engine.matching.image_pixels import image_of

LONGEST_SIDE = 144
"""In pixels. Smaller images are enlarged by a whole factor, so that each pixel stays a square."""


def png(features: bytes, form: FeatureFormat) -> bytes:
    """Draw the image as PNG."""
    image = image_of(features, form)
    factor = max(1, LONGEST_SIDE // max(image.size))
    out = BytesIO()
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(out, format="PNG")
    return out.getvalue()
