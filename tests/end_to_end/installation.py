"""What a test may know about the running installation from outside: its database, its processes, its folders."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

from compliance.local.stack import LocalStack
from demo.http import Browser
from demo.site import Login, seed_account
from demo.walk import sign_in

T = TypeVar("T")
RECIPE = {
    "family": "causal_lm",
    "architecture": {"hidden_size": 64, "layers": 1, "heads": 2, "intermediate_size": 128, "max_length": 192},
    "vocabulary_size": 600,
    "epochs": 25,
    "batch_size": 8,
    "learning_rate": 0.005,
}
"""A small language model that learns some dozens of rows in a few seconds, as well as it can."""


@dataclass(frozen=True)
class Installation:
    stack: LocalStack
    logins: dict[str, Login] = field(default_factory=dict)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a read in the installation's database."""
        connect = psycopg2.connect(self.stack.environment["DATABASE_URL"])
        with closing(connect) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def login(self, username: str) -> Login:
        """The login of one of the staff, whose account is created when a test first needs it."""
        if username not in self.logins:
            self.logins[username] = seed_account(self.stack, username)
        return self.logins[username]

    def sign_in(self, username: str) -> Browser:
        return sign_in(self.stack, self.login(username))

    def train(self, name: str, corpus: str, recipe: Mapping[str, object], seed: int = 1) -> int:
        """Queue the training of a model; returns the job's number."""
        path = self.stack.var / f"{name}-recipe.json"
        path.write_text(json.dumps(recipe), encoding="utf-8")
        options = ("--recipe", str(path), "--corpus", corpus, "--seed", str(seed))
        return int(self.stack.manage("model_register", name, *options).split()[1])

    def job_state(self, job: int) -> str:
        return str(self.query("SELECT state FROM unlearning_jobs_job WHERE id = %s", job)[0][0])

    def runs(self, job: int) -> list[str]:
        rows = self.query("SELECT outcome FROM unlearning_jobs_jobrun WHERE job_id = %s ORDER BY number", job)
        return [outcome for (outcome,) in rows]

    def recorded(self, subject: str) -> list[str]:
        rows = self.query("SELECT kind FROM compliance_recordentry WHERE subject = %s ORDER BY number", subject)
        return [kind for (kind,) in rows]

    def engine_pid(self) -> int | None:
        """The job process that runs now: the engine below our own jobs worker."""
        ours = descendants(self.stack.pid("worker-jobs"))
        return next((pid for pid in ours if b"unlearning_jobs.engine" in command_line(pid)), None)


def wait_until(what: str, found: Callable[[], T | None], *, seconds: float = 120) -> T:
    """The first answer of `found` that is neither None nor False; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)  # polling another process; the deadline above is what fails
    message = f"{what} did not happen within {seconds:.0f} s"
    raise AssertionError(message)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def descendants(pid: int) -> list[int]:
    """Process ids below `pid`, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has just ended
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, above in parents.items() if above == parent]
        found += children
        waiting += children
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
