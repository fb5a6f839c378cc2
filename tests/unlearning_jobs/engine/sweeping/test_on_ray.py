"""A sweep on a Ray cluster of two nodes gives what a sweep in one process gives, also when a node dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.sweeping.test_sweep import ASKED, folder, swept
from unlearning_jobs.engine.contracts import Progress
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.sweeping import find_shards, sweep
from unlearning_jobs.engine.sweeping.journal import journal_folder, summary_path
from unlearning_jobs.engine.sweeping.on_ray import run_on_ray

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
pytest.importorskip("ray", reason="Ray is not installed (requirements-ray.txt)")
__all__ = ["folder"]
"""A fixture."""


@pytest.fixture(scope="module")
def head() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def cluster(head: Any) -> Any:
    """Two nodes with a processor each."""
    if not head.worker_nodes:
        head.add_node(num_cpus=1)
    head.wait_for_nodes()
    return head


def test_two_nodes_give_what_one_process_gives(folder: Path, tmp_path: Path, cluster: Any) -> None:
    swept(folder, tmp_path / "here")
    shards = find_shards([folder], ReadOptions())
    told: list[int] = []
    sweep(
        shards,
        ASKED,
        tmp_path / "there",
        runner=run_on_ray(cluster.address),
        on_progress=lambda progress: told.append(progress.done),
    )

    assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
    assert summary_path(tmp_path / "there").read_bytes() == summary_path(tmp_path / "here").read_bytes()
    assert told == sorted(told)
    assert told[-1] == sum(shard.size for shard in shards)


def test_what_was_begun_here_goes_on_there_and_a_node_may_die_meanwhile(folder: Path, tmp_path: Path, cluster: Any) -> None:
    swept(folder, tmp_path / "whole")
    shards = find_shards([folder], ReadOptions())

    def break_off(progress: Progress) -> None:
        if progress.done > progress.total / 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        sweep(shards, ASKED, tmp_path / "out", on_progress=break_off)
    assert len(list(journal_folder(tmp_path / "out").glob("0*.jsonl"))) == 2
    lost = list(cluster.worker_nodes)

    def lose_a_node(_progress: Progress) -> None:
        if lost:
            cluster.remove_node(lost.pop(), allow_graceful=False)

    sweep(shards, ASKED, tmp_path / "out", on_progress=lose_a_node, runner=run_on_ray(cluster.address))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
