"""Pictures of works that claimants hand in: decoded within bounds, reduced to what a search needs, and kept as text.

Only a small copy without any metadata of the file is kept: it is enough to find copies, and holds no place where the
picture was taken. A process of its own decodes it, without our secrets and within limits of time and memory
(`image_process.py`), so that no file costs this process more than a short wait.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from typing import Final

from unlearning_jobs.engine.matching import QueryError, image_process
from unlearning_jobs.engine.matching.encoder_sentence import PASSED_ON, ROOT
from unlearning_jobs.engine.matching.image_pixels import MOST_BYTES

__all__ = ["MOST_BYTES", "picture_bytes", "picture_kept"]

COMMAND: Final = (sys.executable, "-m", image_process.__name__)
LONGEST_SIDE: Final = 256
LONGEST_WAIT: Final = 3
"""Seconds that an upload waits for those before it."""
LONGEST_RUN: Final = 15
"""Seconds that a picture may take by the clock: its processor time is limited, but the processors may be busy."""
_decoding = threading.Lock()  # so that one process of ours has one that decodes at most


def picture_kept(content: bytes) -> str:
    """Return a small copy of an uploaded picture, as PNG in Base64.

    Raises:
        QueryError: it is no PNG, JPEG or WebP, is damaged, is too large, costs too much, or has waited too long.
    """
    if not _decoding.acquire(timeout=LONGEST_WAIT):
        message = "Other pictures are being read."
        raise QueryError(message, code="pictures_busy")
    try:
        small = _decoded(content)
    finally:
        _decoding.release()
    return base64.b64encode(small).decode()


def picture_bytes(kept: str) -> bytes:
    """Return the PNG of a picture that is kept."""
    return base64.b64decode(kept)


def _decoded(content: bytes) -> bytes:
    limits = map(str, (LONGEST_SIDE, image_process.SECONDS, image_process.MEMORY))
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(  # noqa: S603  # our own interpreter and module, no shell
            [*COMMAND, *limits],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # other libraries' messages may quote the file
            env=environment,
            cwd=ROOT,
            timeout=LONGEST_RUN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        code = image_process.TOO_COSTLY
    else:
        if ended.returncode == 0:
            return ended.stdout
        code = ended.stdout.decode() if ended.returncode == image_process.REFUSED else _code_of_end(ended.returncode)
    message = "The picture cannot be kept."
    raise QueryError(message, code=code)


def _code_of_end(status: int) -> str:
    """Return the code of a picture whose process was ended by a signal, as the limits do; any other end is our own fault."""
    if status > 0:
        message = f"The process that decodes pictures ended with the status {status}."
        raise RuntimeError(message)
    return image_process.TOO_COSTLY
