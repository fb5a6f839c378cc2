"""Sweeps the shards on a Ray cluster: the same code as in one process, on every machine that has the same files.

Each machine needs Lethe and the files under the same paths. The queries travel to the workers, which hold them in memory;
the matches come back, and the journal is kept where the command runs. A shard whose machine dies is swept by another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import unlearning_jobs

from .asked import Asked
from .journal import Journal, SweepError
from .run import Runner
from .shard_sweep import ShardSummary, Sweeper
from .shards import Shard

RETRIES: Final = 5
"""How often a shard is begun again whose machine or process died."""
_SWEEPERS: Final[dict[str, Sweeper]] = {}
"""By sweep: what a worker's process has prepared, for all shards that come to it."""


def run_on_ray(address: str) -> Runner:
    """Return what sweeps shards on a cluster.

    Args:
        address: of the cluster; `auto` for the one that this machine belongs to, `local` to begin one here.

    Raises:
        SweepError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray loads: it would tell its makers
    try:
        import ray
    except ImportError:
        message = (
            "Ray is not installed; install it with pip install -r requirements-ray.txt, on every machine of the cluster."
        )
        raise SweepError(message) from None

    def run(
        shards: Sequence[Shard], asked: Asked, journal: Journal, _on_text: Callable[[int], None]
    ) -> Iterator[ShardSummary]:
        try:
            ray.init(address=address, log_to_driver=False, runtime_env={"env_vars": _environment()})
        except ConnectionError:
            message = f"No Ray cluster answers at {address}; begin one with ray start, or use --ray local."
            raise SweepError(message) from None
        try:
            yield from _run(ray, shards, asked, journal)
        finally:
            ray.shutdown()

    return run


def _run(ray: Any, shards: Sequence[Shard], asked: Asked, journal: Journal) -> Iterator[ShardSummary]:
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(_swept)
    name, kept = uuid4().hex, ray.put(asked)
    waiting = iter(shards)
    running: dict[Any, tuple[Shard, tuple[str, ...]]] = {}
    while True:
        # A few more than there are processors, so that none waits.
        most = 2 * int(ray.cluster_resources().get("CPU", 1))
        for shard in islice(waiting, max(0, most - len(running))):
            running[task.remote(shard, name, kept)] = shard, shard.states()
        if not running:
            return
        [done], _ = ray.wait(list(running), num_returns=1)
        shard, states = running.pop(done)
        content, summary = ray.get(done)
        with journal.part(shard, states) as (file, end):
            file.write(content)
            end(summary)
        yield summary


def _swept(shard: Shard, name: str, asked: Asked) -> tuple[bytes, ShardSummary]:
    if name not in _SWEEPERS:
        _SWEEPERS.clear()
        _SWEEPERS[name] = Sweeper(asked)
    out = BytesIO()
    summary = _SWEEPERS[name].sweep(shard, out.write)
    return out.getvalue(), summary


def _environment() -> dict[str, str]:
    root = str(Path(unlearning_jobs.__file__).parents[1])
    return {"PYTHONPATH": root, "OMP_WAIT_POLICY": "PASSIVE"}
