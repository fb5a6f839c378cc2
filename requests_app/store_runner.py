"""Runs the engine on one claimed erasure in a data store: it makes the list, or erases what was approved.

The engine is a process of its own. It ends by itself when this process dies (its standard input closes), and goes on where
it was killed. Its spec names people: it lies in a file of its owner's alone while the engine runs, and is shredded then.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from django.conf import settings

from unlearning_jobs.engine.stores.journal import facts_of
from unlearning_jobs.heartbeat import Heartbeat
from unlearning_jobs.leases import ClaimLostError
from unlearning_jobs.stores import spec_json

from .models import StoreErasure
from .services.store_runs import (
    Result,
    store_erasure_claim,
    store_erasure_fail,
    store_erasure_list,
    store_erasure_nothing,
    store_erasure_report,
    store_erasure_result,
    store_erasure_run_lost,
)
from .services.stores_due import Stage
from .store_folders import job_folder, spec_written

DONE: Final = 0
EXPLAINED: Final = 2
"""Exit status of the engine when it has said why it is not done, or that its verdict did not pass."""
NOTHING_FOUND: Final = "nothing_found"
STOP_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.5


class RunHeartbeat(Heartbeat):
    """Keeps the lease, and notes when somebody else has the erasure or nobody wants it any more."""

    def __init__(self, row: StoreErasure) -> None:
        super().__init__()
        self._row, self.lost = row, False

    def write(self, _progress: Mapping[str, float]) -> None:
        self.reported = time.monotonic()
        try:
            store_erasure_report(row=self._row)
        except ClaimLostError:
            self.lost = True


def store_erasure_execute(*, erasure_id: int) -> None:
    """Make the list of an erasure, or erase what was approved, whichever waits.

    Raises:
        NothingToClaimError: nothing waits for a worker.
        ClaimLostError: it was taken over meanwhile, or is no longer wanted.
    """
    row = store_erasure_claim(erasure_id=erasure_id)
    try:
        with spec_written(row.pk, spec_json(row.description, json.loads(row.sought))) as spec:
            status, error = _engine(row, str(spec))
        if error:
            _say_error(row, error)
        elif row.stage == Stage.FINDING and status == DONE:
            _say_list(row)
        elif row.stage == Stage.ERASING and status in (DONE, EXPLAINED):
            _say_result(row)
        else:
            store_erasure_run_lost(row=row)
    except ClaimLostError:
        raise
    except Exception:
        with suppress(ClaimLostError):
            store_erasure_run_lost(row=row)
        raise


def _engine(row: StoreErasure, spec: str) -> tuple[int, str]:
    """Run the engine's step to its end; return its exit status, and the code of what it says cannot be done."""
    step = ["find"] if row.stage == Stage.FINDING else ["erase", "--approved", row.listing_sha256]
    command = [sys.executable, "-m", "unlearning_jobs.engine", "store", step[0], spec, *step[1:]]
    command += ["--out", str(job_folder(row.pk)), "--progress", "ndjson", "--exit-with-parent"]
    with RunHeartbeat(row) as heartbeat:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its sentences may name paths
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
            cwd=settings.BASE_DIR,
        )
        try:
            said = _follow(process, heartbeat)
        finally:
            _stop(process)
    return process.returncode, _error_in(said) if process.returncode == EXPLAINED else ""


def _follow(process: subprocess.Popen[str], heartbeat: RunHeartbeat) -> str:
    """Wait for the engine, and return what it has printed; it prints little.

    Raises:
        ClaimLostError: somebody else has the erasure, or nobody wants it any more.
    """
    while process.poll() is None:
        if heartbeat.lost:
            message = "The erasure was taken over, or is no longer wanted."
            raise ClaimLostError(message)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
        heartbeat.report()
    return process.stdout.read() if process.stdout else ""


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the engine if it still runs: ask it to end, then kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _error_in(said: str) -> str:
    for line in said.splitlines():
        if line.startswith('{"error"'):
            return str(json.loads(line)["error"]["code"])
    return ""


def _say_error(row: StoreErasure, error: str) -> None:
    if row.stage == Stage.FINDING and error == NOTHING_FOUND:
        store_erasure_nothing(row=row)
    else:
        store_erasure_fail(row=row, error=error)


def _say_list(row: StoreErasure) -> None:
    found, listed = facts_of(job_folder(row.pk), "find") or {}, facts_of(job_folder(row.pk), "list") or {}
    store_erasure_list(
        row=row, documents=len(listed["deleted"]), of=int(found["total"]), listing_sha256=str(listed["digest"])
    )


def _say_result(row: StoreErasure) -> None:
    raw = (job_folder(row.pk) / "result.json").read_bytes()
    said = json.loads(raw)
    result = Result(
        verdict=str(said["verdict"]["outcome"]),
        documents=len(said["documents"]),
        places=len(said["places"]),
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    kept = job_folder(row.pk).with_name(f"result-{row.results + 1}.json")
    kept.write_bytes(raw)  # a further attempt writes over the engine's own
    store_erasure_result(row=row, result=result)
