"""`make bench-guards-latency`: what the gateway adds to a request with 1,000 guards, a minute.

Requests go in turns to a model server that answers at once, and to the gateway in front of it; each is a process of its own.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import numpy as np

from unlearning_jobs.engine.guards import Guard
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Person, Texts

from .stub import ANSWER

GUARDS: Final = (0, 1000)
REQUESTS: Final = 300
WARMED: Final = 20
"""Requests that fill the caches."""
SEED: Final = 7
SYLLABLES: Final = ("ka", "ro", "mi", "ten", "vor", "sal", "dre", "lin", "os", "ber", "tu", "zan", "quil", "fen")
QUESTION: Final = "Which books did she publish in the nineties, and how were they received by the critics of her time?"


def run(_data: Path | None) -> None:
    """Print the table."""
    print("| guards | answer | direct p50, ms | p95 | gateway p50 | p95 | added p50 | p95 | the gateway's processor time |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count in GUARDS:
        with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
            folder = Path(temporary)
            _write_guards(folder, count)
            stub, _ = stack.enter_context(_process("benchmarks.guards.stub"))
            at = ("--policy", str(folder), "--upstream", stub, "--port")
            gateway, process = stack.enter_context(_process("unlearning_jobs.gateway", *at))
            for stream in (False, True):
                _measure(count, stub, gateway, process, stream=stream)


def _measure(count: int, stub: str, gateway: str, process: int, *, stream: bool) -> None:
    times: dict[str, list[float]] = {stub: [], gateway: []}
    body = {"model": "stub", "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
    with httpx.Client(trust_env=False) as client:
        before = 0.0
        for number in range(REQUESTS + WARMED):
            before = _processor(process) if number == WARMED else before
            for url, measured in times.items():
                begun = time.perf_counter()
                client.post(f"{url}/v1/chat/completions", json=body).raise_for_status()
                if number >= WARMED:
                    measured.append(1000 * (time.perf_counter() - begun))
    direct, through = (np.array(measured) for measured in times.values())
    added = through - direct
    cells = [np.quantile(values, share) for values in (direct, through, added) for share in (0.5, 0.95)]
    cells.append(1000 * (_processor(process) - before) / REQUESTS)
    what = f"in {len(ANSWER.split())} parts" if stream else "whole"
    print(f"| {count} | {what} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


def _processor(process: int) -> float:
    """Return the seconds of processor time that a process has had, whoever else was waited for."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", module, *arguments, str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def _write_guards(folder: Path, count: int) -> None:
    dice = random.Random(SEED)  # noqa: S311  # made-up names, no secret

    def word() -> str:
        return "".join(dice.choices(SYLLABLES, k=3)).title()

    later = datetime.now(UTC) + timedelta(days=1)
    for number in range(count):
        made = (
            Pattern("name", Person(f"{word()} {word()}", (f"{word()} {word()}",))),
            Pattern("normalised", Texts((f"{word()} the {word()}",))),
            Pattern("near_copy", copies_of([" ".join(word() for _ in range(60))])),
            Pattern("exact", Texts((word() + word(),))),
        )
        settings = FilterSettings((made[number % len(made)],))
        kind = ("input_filter", "output_filter")[number // len(made) % 2]
        Guard.make(kind, settings, about=f"case:{number}", owner="bench:1", expires=later).write(folder)
