"""Pictures of works that claimants hand in: decoded within bounds, reduced to what a search needs, and kept as text.

Only a small copy without any metadata of the file is kept: it is enough to find copies, and holds no place where the
picture was taken.
"""

from __future__ import annotations

import base64
import threading
from io import BytesIO
from typing import Final

from unlearning_jobs.engine.matching import QueryError
from unlearning_jobs.engine.matching.image_pixels import MOST_BYTES, image_read

LONGEST_SIDE: Final = 256
_decoding = threading.Lock()


def picture_kept(content: bytes) -> str:
    """Return a small copy of an uploaded picture, as PNG in Base64.

    Raises:
        QueryError: it is no PNG, JPEG or WebP, is damaged, or is too large.
    """
    if len(content) > MOST_BYTES:
        message = f"The picture is larger than {MOST_BYTES >> 20} MiB."
        raise QueryError(message, code="image_too_large")
    with _decoding:  # one at a time: the largest takes 390 MiB (WebP)
        picture = image_read(content)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small = BytesIO()
    picture.save(small, "PNG")
    return base64.b64encode(small.getvalue()).decode()


def picture_bytes(kept: str) -> bytes:
    """Return the PNG of a picture that is kept."""
    return base64.b64decode(kept)
