"""Has strangers' bundles verified in a process of their own, without our secrets and within limits (`verify_process.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from compliance.evidence.steps import StepResult
from compliance.evidence.verification import Verification

from . import verify_process

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = (sys.executable, "-m", verify_process.__name__)
PASSED_ON: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}
"""One thread, and no address space in reserve: that would count as memory."""
SECONDS, MEMORY = 120, 2 << 30
"""Raw outputs of a million rows take three seconds of processor time, and 0.8 GiB, to be read."""
LONGEST_WAIT: Final = 3
"""Seconds that a bundle waits for those before it."""
LONGEST_RUN: Final = 180
_verifying = threading.Lock()  # so that one process of ours has one that verifies at most


class TooCostlyError(Exception):
    """The verification takes more time than a stranger's may."""


class BusyError(Exception):
    """Others' bundles are being verified."""


def verify_within_limits(bundle: Path, trust_file: Path) -> Verification:
    """Verify a bundle with the keys of a trust file.

    Raises:
        TooCostlyError, BusyError: it was not verified.
    """
    if not _verifying.acquire(timeout=LONGEST_WAIT):
        raise BusyError
    try:
        output = _output([str(bundle), str(trust_file), str(SECONDS), str(MEMORY)])
    finally:
        _verifying.release()
    value = json.loads(output)
    return Verification(**value | {"steps": tuple(StepResult(**step) for step in value["steps"])})


def _output(arguments: list[str]) -> bytes:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | ENVIRONMENT
    try:
        ended = subprocess.run(  # noqa: S603  # our own interpreter and module, no shell
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # messages may quote the bundle
            env=environment,
            cwd=ROOT,
            timeout=LONGEST_RUN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TooCostlyError from None
    if ended.returncode < 0:  # a signal, as the limits send it
        raise TooCostlyError
    if ended.returncode:
        message = f"The process that verifies bundles ended with the status {ended.returncode}."
        raise RuntimeError(message)
    return ended.stdout
