"""The process that decodes one picture from a stranger, within limits that hold whatever the file does to the decoder.

    python -m unlearning_jobs.engine.matching.image_process LONGEST_SIDE SECONDS MEMORY < FILE

It writes a small copy as PNG to standard output. If it refuses the picture, it writes the code of the reason instead, and
exits with `REFUSED`. The kernel ends it when it uses more processor time, and refuses it more memory; it writes no file, and
no dump of its memory.
"""

from __future__ import annotations

import resource
import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from .image_pixels import MOST_PIXELS, image_read
from .query import QueryError

REFUSED: Final = 3
TOO_COSTLY: Final = "image_too_costly"
SECONDS: Final = 5
"""Of processor time. The slowest pictures within the bounds that we know take three."""
MEMORY: Final = 448 << 20
"""Bytes of address space, besides what the process has before it decodes. WebP of 25 million pixels reserves 392 MiB."""
MOST_SCANS: Final = 100
"""A progressive JPEG has about ten scans. Each is a pass over the whole picture, whose cost a few bytes may ask for."""
JPEG, START_OF_SCAN = b"\xff\xd8", b"\xff\xda"


def main(content: bytes, longest_side: int) -> bytes:
    """Return the picture as PNG, without any metadata.

    Raises:
        QueryError: it is no picture, is too large, or costs too much.
    """
    # Whatever looks like a scan counts, so no trick hides one. Within coded pixels the two bytes cannot stand.
    if content.startswith(JPEG) and content.count(START_OF_SCAN) > MOST_SCANS:
        message = "The picture has more scans than a picture needs."
        raise QueryError(message, code=TOO_COSTLY)
    try:
        picture = image_read(content)
        picture.thumbnail((longest_side, longest_side))
        small = BytesIO()
        picture.save(small, "PNG")
    except MemoryError:
        message = "The picture takes more memory than it may."
        raise QueryError(message, code=TOO_COSTLY) from None
    return small.getvalue()


def limit(seconds: int, memory: int) -> None:
    """Limit this process to seconds of processor time in all, and to bytes of memory besides those that it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + memory
    limits = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: space, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many, some formats before it reserves memory


if __name__ == "__main__":
    received = sys.stdin.buffer.read()
    side, *limits = map(int, sys.argv[1:])
    limit(*limits)
    try:
        sys.stdout.buffer.write(main(received, side))
    except QueryError as error:
        sys.stdout.buffer.write(error.code.encode())
        sys.exit(REFUSED)
