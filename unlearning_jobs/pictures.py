"""Draws examples that are images, for the people who decide about them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from .engine.corpora import FeatureFormat

LONGEST_SIDE = 144
"""In pixels. Smaller images are enlarged by a whole factor, so that each pixel stays a square."""
CHANNELS = {1: "L", 3: "RGB"}


def is_image(form: FeatureFormat | None) -> bool:
    """Return whether a format is that of images: height x width, or channels x height x width with 1 or 3 channels."""
    shape = form.shape if form else ()
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in CHANNELS)  # noqa: PLR2004  # dimensions


def png(features: bytes, form: FeatureFormat) -> bytes:
    """Draw the image as PNG. Values that are not bytes are scaled so that the smallest is black and the largest white."""
    # shape: height x width, or channels x height x width
    values = np.frombuffer(features, dtype=form.dtype).reshape(form.shape)
    if form.dtype != "uint8":
        low, high = float(values.min()), float(values.max())
        values = ((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    if values.ndim == 3:  # noqa: PLR2004  # channels first
        # Pillow wants height x width, or height x width x channels.
        values = values[0] if len(values) == 1 else np.moveaxis(values, 0, -1)
    image = Image.fromarray(np.ascontiguousarray(values))
    factor = max(1, LONGEST_SIDE // max(image.size))
    out = BytesIO()
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(out, format="PNG")
    return out.getvalue()
