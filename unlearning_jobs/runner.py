"""Runs one claimed job in its own process and writes what it reports onto the job's row.

The engine process is stopped when the claim is lost or the job is to be cancelled, and ends by itself when this process
dies (its standard input closes). Each run writes into its own folder, so a late writer can spoil nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from django.conf import settings

from compliance.formats.canonical import canonical_json

from .engine.contracts import JobResult, JobSpec, Progress
from .engine.errors import CorpusError, EngineError
from .engine.tensors import Weights
from .heartbeat import Heartbeat
from .leases import ClaimLostError
from .ledger_keys import LedgerError
from .models import Job, JobRun
from .services.ledger import LedgerMovedError, snapshot_compare
from .services.model_versions import job_result_accept
from .services.runs import Claim, job_cancelled, job_fail, job_report, job_run_lost, runs_folder
from .services.weights import KnownWeightsError, weights_read

REPORT_SECONDS = 1.0
"""Shortest time between two writes to the job's row."""
STOP_SECONDS = 10.0
"""How long the engine may take to end before it is killed."""
LONGEST_CURVE = 400
ENGINE_ERROR_EXIT = 2
"""Exit status of the engine when it has printed why the job cannot be done."""


@dataclass
class Reported:
    """What the engine has reported so far."""

    progress: Progress | None = None
    curves: defaultdict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    new_points: bool = False
    error: dict[str, str] | None = None

    def take(self, line: str) -> None:
        message = json.loads(line)
        if "error" in message:
            self.error = message["error"]
            return
        point = message.get("point")
        self.progress = Progress(message["stage"], message["done"], message["total"])
        if point:
            name, step, value = point
            self.curves[name].append([float(step), float(value)])
            self.new_points = True
            # A long curve is thinned to every second point: its shape stays, and the row stays small.
            if len(self.curves[name]) > LONGEST_CURVE:
                self.curves[name] = self.curves[name][::2]


class LeaseHeartbeat(Heartbeat):
    """Keeps the lease from a thread, and so outside the transaction of what is done meanwhile: within it, nobody would see
    the heartbeat, and the job's row would stay locked.
    """

    def __init__(self, claim: Claim) -> None:
        super().__init__()
        self.claim = claim

    def write(self, _progress: Mapping[str, float]) -> None:
        self.reported = time.monotonic()
        with suppress(ClaimLostError):  # `job_result_accept` says so
            job_report(claim=self.claim, progress=None, curves=None)


def job_execute(claim: Claim) -> None:
    """Run the engine on the claimed job until it ends, and end the job or its run accordingly.

    Raises:
        ClaimLostError: the claim was lost meanwhile; what the other worker writes stands.
    """
    # 1. Lay out the run's folder, with the specification for the engine; unless an earlier run has done all the work.
    job = Job.objects.get(pk=claim.job_id)
    if finished := _finished_before(job):
        _accept(claim, settings.ARTEFACTS / finished, finished)
        return
    output = f"{runs_folder(job.pk)}/run-{claim.run}"
    folder = settings.ARTEFACTS / output
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "spec.json"
    spec.write_bytes(canonical_json(job.spec))
    # 2. Start the engine and follow it; whatever happens here, it does not outlive this function.
    with (folder.with_name(f"run-{claim.run}.log")).open("wb") as log:
        process = _engine_start(spec, folder, log)
        reported = Reported()
        try:
            cancelled = not _follow(process, claim, reported)
        finally:
            _stop(process)
    # 3. Say how it ended. A death is worth another run; an error that the engine has explained is not.
    if cancelled:
        job_cancelled(claim=claim)
    elif process.returncode == 0:
        _accept(claim, folder, output)
    elif process.returncode == ENGINE_ERROR_EXIT and reported.error:
        job_fail(claim=claim, code=reported.error["code"], message=reported.error["message"])
    elif process.returncode < 0:
        job_run_lost(claim=claim, detail=f"killed by {signal.Signals(-process.returncode).name}")
    else:
        job_run_lost(claim=claim, detail=f"exit status {process.returncode}")


def _engine_start(spec: Path, folder: Path, log: IO[bytes]) -> subprocess.Popen[str]:
    command: Sequence[str] = [
        *(sys.executable, "-m", "unlearning_jobs.engine", "run", str(spec), "--out", str(folder)),
        *("--progress", "ndjson", "--exit-with-parent"),
    ]
    # Without PASSIVE, OpenMP threads spin at barriers and a second busy process makes torch several times slower.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
        cwd=settings.BASE_DIR,
    )


def _follow(process: subprocess.Popen[str], claim: Claim, reported: Reported) -> bool:
    """Read the engine's lines to their end, reporting at most once a second; return False if the job is to be cancelled."""
    # A thread reads, so that heartbeats go on while the engine is silent.
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    last = 0.0
    ended = False
    while not ended:
        try:
            line = lines.get(timeout=REPORT_SECONDS)
        except queue.Empty:
            line = ""
        if line is None:
            ended = True
        elif line.strip():
            reported.take(line)
        if ended or time.monotonic() - last >= REPORT_SECONDS:
            curves = dict(reported.curves) if reported.new_points else None
            if not job_report(claim=claim, progress=reported.progress, curves=curves):
                return False
            reported.new_points, last = False, time.monotonic()
    process.wait()
    return True


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)  # the engine has closed its output


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop the engine if it still runs: ask it to end, then kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _accept(claim: Claim, folder: Path, output: str) -> None:
    try:
        raw = (folder / "result.json").read_bytes()
        result = JobResult.from_json(json.loads(raw))
    except (OSError, ValueError, EngineError) as error:
        job_fail(claim=claim, code="bad_result", message=f"The job's result cannot be read ({type(error).__name__}).")
        return
    digest = hashlib.sha256(raw).hexdigest()
    weights = weights_read(folder / "model", _sometimes(partial(job_report, claim=claim, progress=None, curves=None)))
    # Until nothing was erased between the comparison and the registration.
    while not _registered(claim, result, digest, output, weights):
        pass


def _sometimes(report: Callable[[], object]) -> Callable[[], None]:
    """Return what reports when it is called, at most once a second."""
    last = time.monotonic()

    def reported() -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_SECONDS:
            report()
            last = time.monotonic()

    return reported


def _registered(claim: Claim, result: JobResult, digest: str, output: str, weights: Weights) -> bool:
    """Compare the corpus with the erasure ledger and end the job; return False if something was erased in between."""
    try:
        # Heartbeats go on: a large corpus takes longer to compare than the lease lasts.
        with LeaseHeartbeat(claim):
            snapshot_compare(snapshot=Job.objects.select_related("snapshot").get(pk=claim.job_id).snapshot)
        job_result_accept(claim=claim, result=result, result_sha256=digest, output=output, weights=weights)
    except LedgerMovedError:
        return False
    except LedgerError:
        # The next run waits for the key (`job_claim`), and takes over what this one has made.
        job_run_lost(claim=claim, detail="the erasure ledger cannot be used")
    except KnownWeightsError as error:
        job_fail(claim=claim, code="known_weights", message=str(error))
    except CorpusError as error:
        job_fail(claim=claim, code=error.code, message=str(error))
    return True


def _finished_before(job: Job) -> str:
    """Return the folder of an earlier run that made the job's result and could not hand it in; empty if there is none."""
    ended = [JobRun.Outcome.KILLED, JobRun.Outcome.LOST]
    for run in job.run_rows.filter(outcome__in=ended).order_by("-number"):
        output = f"{runs_folder(job.pk)}/run-{run.number}"
        try:
            result = JobResult.from_json(json.loads((settings.ARTEFACTS / output / "result.json").read_bytes()))
        except (OSError, ValueError, EngineError):
            continue
        if result.spec_digest == JobSpec.from_json(job.spec).digest():
            return output
    return ""
