"""The tables of methods, metrics and attacks on the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.catalogue import ATTACKS, METHODS, METRICS, listed


def test_methods_and_metrics_are_listed_with_their_families(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    families = {name: entry.families for name, entry in METHODS.items()}
    families |= {name: entry.families for name, entry in METRICS.items()}
    for name, expected in families.items():
        start = next(place for place, line in enumerate(lines) if line.startswith(f"{name}  "))
        own = [line for line in lines[start + 1 : start + 5] if line.startswith("    for ")]
        assert own[0].partition(";")[0] == f"    for {listed(expected)}"


def test_families_are_listed_as_people_would() -> None:
    assert [listed(families) for families in (("a",), ("a", "b"), ("a", "b", "c"))] == ["a", "a and b", "a, b and c"]


def test_every_attack_is_listed_with_its_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attacks"]) == 0
    out = capsys.readouterr().out
    assert all(entry.title in out and f"metrics: {', '.join(entry.metrics)}" in out for entry in ATTACKS.values())


@pytest.mark.parametrize("command", ["methods", "metrics"])
def test_who_reads_only_the_beginning_sees_no_error(command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "unlearning_jobs.engine", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
