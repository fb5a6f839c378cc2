"""All processes of Lethe on one machine: database, broker, web server, workers, signing process, scheduler.

A process that dies is started again, as systemd or compose would do. Each writes to its own log under `var/logs`.
honcho does not serve here: it ends every process when one dies, and it mixes their output into one stream.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .services import LocalServiceError, database_start, redis_command, redis_socket, redis_url, redis_wait

PROJECT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 8.0
RESTART_PAUSE = 1.0
MINUTE = 60.0
MOST_DEATHS_PER_MINUTE = 5
LEAST_DISK = 1 << 30
"""Bytes that must be free."""


@dataclass(frozen=True)
class Program:
    """A process that the stack keeps running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM


class LocalStack:
    """Starts everything under `var` and keeps it running until `stop`.

    Args:
        var: folder for all state; different folders are separate installations.
        port: of the web server on 127.0.0.1; 0 takes a free one.
        database: name of the database in the PostgreSQL of `var`.
    """

    def __init__(self, var: Path, *, port: int = 0, database: str = "lethe") -> None:
        self.var = var.resolve()
        self.port = port
        self.database = database
        self.environment: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._programs: dict[str, Program] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._deaths: dict[str, list[float]] = {}
        self.failure = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start every process, and return once the web server answers.

        Raises:
            LocalServiceError: the port is taken, the disk is full, or a process does not start; says what to do.
        """
        # 1. Find out what would fail before anything runs.
        self._check_disk()
        self.port = _port_reserve(self.port)
        (self.var / "logs").mkdir(parents=True, exist_ok=True)
        try:
            # 2. Database and broker first: the other processes need them.
            self._start_services()
            self.manage("migrate", "--verbosity", "0")
            # 3. Lethe's own processes, watched from here on.
            for program in self._lethe_programs():
                self._launch(program)
            threading.Thread(target=self._keep_running, name="keep-running", daemon=True).start()
            self._wait_for_web()
        except BaseException:
            self.stop()
            raise

    def manage(self, *arguments: str) -> str:
        """Run a management command in this installation and return what it printed.

        Raises:
            LocalServiceError: the command failed; the message ends with the end of its output.
        """
        completed = subprocess.run(  # noqa: S603  # our own interpreter and manage.py, no shell
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if completed.returncode != 0:
            message = f"manage.py {arguments[0]}: {(completed.stderr or completed.stdout).strip()[-800:]}"
            raise LocalServiceError(message)
        return completed.stdout

    def pid(self, name: str) -> int:
        """Return the process id of a running program: redis, web, worker-default, worker-mail, worker-matching,
        worker-jobs, signer, beat.
        """
        with self._lock:
            return self._processes[name].pid

    def stop(self) -> None:
        """Stop every process. Running jobs return to the queue when their lease ends."""
        self._stopping.set()
        with self._lock:
            # Redis last: workers hand their messages back when they stop.
            self._stop_programs([name for name in self._processes if name != "redis"])
            self._stop_programs(list(self._processes))

    def _stop_programs(self, names: list[str]) -> None:
        # Signal all of them before waiting for the first, so that they stop at the same time.
        for name in names:
            if self._processes[name].poll() is None:
                self._processes[name].send_signal(self._programs[name].stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        for name in names:
            process = self._processes.pop(name)
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _check_disk(self) -> None:
        try:
            self.var.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder {self.var} cannot be used: {error.strerror}."
            raise LocalServiceError(message) from error
        usage = os.statvfs(self.var)
        free = usage.f_bavail * usage.f_frsize
        if free < LEAST_DISK:
            message = f"Only {free >> 20} MiB are free under {self.var}; Lethe needs 1 GiB. Make room, then run it again."
            raise LocalServiceError(message)

    def _start_services(self) -> None:
        environment = {**os.environ, "LETHE_ENV": "local", "LETHE_VAR": str(self.var), "PORT": str(self.port)}
        environment["PUBLIC_URL"] = self.url
        # torch's threads would otherwise spin while they wait, and take the cores from the other processes.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        environment["DATABASE_URL"] = os.environ.get("DATABASE_URL") or database_start(self.var, name=self.database)
        if not os.environ.get("REDIS_URL"):
            redis_socket(self.var).unlink(missing_ok=True)  # left behind by a Redis that was killed
            self._launch(Program("redis", tuple(redis_command(self.var)), os.environ))
            redis_wait(self.var)
        environment["REDIS_URL"] = os.environ.get("REDIS_URL") or redis_url(self.var)
        self.environment = environment

    def _lethe_programs(self) -> list[Program]:
        python = (sys.executable, "-m")
        celery = (*python, "celery", "-A", "compliance.celery")
        quiet = ("--loglevel", "INFO", "--without-gossip", "--without-mingle")
        # Only the signing process is told where the private keys are.
        keys = {**self.environment, "SIGNING_KEYS_DIR": str(self.var / "keys")}
        web = (*python, "gunicorn", "compliance.wsgi", "--bind", f"127.0.0.1:{self.port}")
        return [
            Program("web", (*web, "--worker-class", "gthread", "--threads", "4"), self.environment),
            # SIGQUIT is Celery's cold shutdown: it does not wait for a running job, which can take hours.
            Program("worker-default", _worker(celery, "default", quiet), self.environment, signal.SIGQUIT),
            # Mail waits for nothing that takes long, and nothing waits for a mail server that does not answer.
            Program("worker-mail", _worker(celery, "mail", quiet), self.environment, signal.SIGQUIT),
            Program("worker-matching", _worker(celery, "matching", quiet), self.environment, signal.SIGQUIT),
            Program("worker-jobs", _worker(celery, "jobs", quiet), self.environment, signal.SIGQUIT),
            Program("signer", _worker(celery, "signing", quiet), keys),
            Program("beat", (*celery, "beat", "--schedule", str(self.var / "beat")), self.environment),
        ]

    def _launch(self, program: Program) -> None:
        with (self.var / "logs" / f"{program.name}.log").open("ab") as log, self._lock:
            if self._stopping.is_set():
                return
            self._programs[program.name] = program
            self._processes[program.name] = subprocess.Popen(  # noqa: S603  # our own command lines, no shell
                program.command,
                cwd=PROJECT,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process alone, which stops the others in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # async-signal-safe: one prctl call
            )

    def _keep_running(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE):
            with self._lock:
                dead = [name for name, process in self._processes.items() if process.poll() is not None]
            for name in dead:
                recent = [moment for moment in self._deaths.get(name, []) if time.monotonic() - moment < MINUTE]
                self._deaths[name] = [*recent, time.monotonic()]
                if len(recent) >= MOST_DEATHS_PER_MINUTE:
                    self.failure = f"{name} keeps dying; see {self.var / 'logs' / (name + '.log')}"
                    return
                self._launch(self._programs[name])

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):  # noqa: S310  # our own http URL
                    return
            except (urllib.error.URLError, OSError) as error:
                if self.failure or time.monotonic() > deadline:
                    log = self.var / "logs" / "web.log"
                    message = self.failure or f"The web server does not answer on {self.url}; its log is {log}."
                    raise LocalServiceError(message) from error
                time.sleep(0.2)


def _worker(celery: tuple[str, ...], queues: str, options: tuple[str, ...]) -> tuple[str, ...]:
    name = queues.replace(",", "-")
    return (*celery, "worker", "-Q", queues, "-c", "1", "-n", f"{name}@%h", *options)


def _port_reserve(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is taken. Choose another: `PORT={port + 1} make serve`."
            raise LocalServiceError(message) from error
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Ask Linux to end the child when this process dies, even by SIGKILL, so that nothing is left holding the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
