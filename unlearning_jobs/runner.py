"""Runs one claimed job in its own process and writes what it reports onto the job's row.

The engine process is ended when the claim is lost or a cancel is asked for, and ends by itself when this process dies
(its standard input closes). Each run writes into its own folder, so a late writer can spoil nothing.
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings

from .engine.contracts import JobResult, Progress
from .engine.errors import EngineError
from .engine.json_contract import canonical_json
from .models import Job
from .services.jobs import Claim, job_cancelled, job_fail, job_report, job_run_lost
from .services.model_versions import job_result_accept

REPORT_SECONDS = 1.0
STOP_SECONDS = 10.0
LONGEST_CURVE = 400
ENGINE_ERROR_EXIT = 2


@dataclass
class Heartbeat:
    """What the engine has said since the row was last written."""

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
            if len(self.curves[name]) > LONGEST_CURVE:
                self.curves[name] = self.curves[name][::2]


def job_execute(claim: Claim) -> None:
    """Runs the engine on the claimed job until it ends, and ends the job's row accordingly.

    Raises:
        StaleStateError: the claim was lost meanwhile; the other worker's writing stands.
    """
    job = Job.objects.get(pk=claim.job_id)
    output = f"jobs/{job.pk}/run-{claim.run}"
    folder = settings.ARTEFACTS / output
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "spec.json"
    spec.write_bytes(canonical_json(job.spec))
    with (folder.with_name(f"run-{claim.run}.log")).open("wb") as log:
        process = _engine_start(spec, folder, log)
        heartbeat = Heartbeat()
        try:
            goes_on = _follow(process, claim, heartbeat)
        finally:
            _stop(process)
    if not goes_on:
        job_cancelled(claim=claim)
    elif process.returncode == 0:
        _accept(claim, folder, output)
    elif process.returncode == ENGINE_ERROR_EXIT and heartbeat.error:
        job_fail(claim=claim, code=heartbeat.error["code"], message=heartbeat.error["message"])
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


def _follow(process: subprocess.Popen[str], claim: Claim, heartbeat: Heartbeat) -> bool:
    """Reads the engine's lines to their end, reporting at most once a second; False when told to stop."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    reported = 0.0
    ended = False
    while not ended:
        try:
            line = lines.get(timeout=REPORT_SECONDS)
        except queue.Empty:
            line = ""
        if line is None:
            ended = True
        elif line.strip():
            heartbeat.take(line)
        if ended or time.monotonic() - reported >= REPORT_SECONDS:
            curves = dict(heartbeat.curves) if heartbeat.new_points else None
            if not job_report(claim=claim, progress=heartbeat.progress, curves=curves):
                return False
            heartbeat.new_points, reported = False, time.monotonic()
    process.wait()
    return True


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends the engine if it still runs: first asked, then killed."""
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
    job_result_accept(claim=claim, result=result, result_sha256=hashlib.sha256(raw).hexdigest(), output=output)
