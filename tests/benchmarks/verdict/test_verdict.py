"""The table of the benchmark of verdicts, made of a few invented models; and what its page says it is made of."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from benchmarks.verdict import run as benchmark
from benchmarks.verdict.attacks import ACCURACY, MARGIN, PROBABILITY, SUBJECTS
from benchmarks.verdict.bank import DIGIT_MODELS, DIGIT_TASKS, TEXT_MODELS, Bank
from tests.docs.pages import ROOT
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

PAGE = (ROOT / "docs" / "benchmarks" / "verdict.md").read_text(encoding="utf-8")
MODELS, EXAMPLES = 16, {"forget": 20, "retain": 60, "held_out": 60}
GROUPS = ("original", "pair", "retrained", "oracle")


def bank(*, paired: bool) -> Bank:
    """Models that know what they were trained on by far, and hardly differ otherwise."""
    rng, rows = np.random.default_rng(0), {}
    for group in GROUPS if paired else tuple(g for g in GROUPS if g != "pair"):
        for name, count in EXAMPLES.items():
            knows = name == "retain" or (name == "forget" and group == "original")
            table = np.zeros((MODELS, count, len(STATISTICS)))
            odds = (6.0 if knows else -1.0) + rng.normal(0, 0.05, (MODELS, count))
            table[..., MARGIN], table[..., PROBABILITY], table[..., ACCURACY] = odds, 1 / (1 + np.exp(-odds)), odds > 0
            rows[group, name] = table
    ids = {name: tuple(f"{name}{n}" for n in range(count)) for name, count in EXAMPLES.items()}
    return Bank("paired" if paired else "unpaired", ids, rows, paired)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the benchmark prints about two such banks, with two jobs a row, in this process."""
    banks = (bank(paired=True), bank(paired=False))
    monkeypatch.setattr(benchmark, "_banks", lambda: banks)
    monkeypatch.setattr(benchmark, "TRIALS", 2)
    monkeypatch.setattr(benchmark, "ProcessPoolExecutor", lambda _count, **_: ThreadPoolExecutor(1))
    monkeypatch.setattr("torch.set_num_threads", lambda _count: None)
    benchmark.run()
    return capsys.readouterr().out


def shares(row: str) -> tuple[float, ...]:
    """Passed, failed, without influence and undecided, in per cent."""
    return tuple(float(share) for share in re.findall(r"([\d.]+)%", row))


def test_the_table_has_a_row_for_every_subject_that_a_bank_can_present(table: str) -> None:
    paired, unpaired = table.split("\nunpaired: ")
    assert [one.name for one in SUBJECTS if f"\n{one.name} " not in paired] == []
    assert [one.name for one in SUBJECTS if f"\n{one.name} " not in unpaired] == [
        one.name for one in SUBJECTS if one.paired_only
    ]


def test_where_everything_can_be_measured_every_subject_gets_what_it_deserves(table: str) -> None:
    for subject in SUBJECTS:
        rows = [line for line in table.splitlines() if line.startswith(f"{subject.name} ")]
        assert rows, subject.name
        for row in rows:
            passed, failed, none, undecided = shares(row)
            assert passed + failed + none + undecided == 100
            assert {"passed": passed == 100, "failed": failed == 100, "not passed": passed == 0}[subject.deserves], row


def test_the_page_names_every_subject_with_what_it_deserves_in_the_table_of_every_bank() -> None:
    tables = dict(re.findall(r"\n### ([^\n]+)\n\n((?:\|[^\n]*\n)+)", PAGE))
    assert len(tables) == len(DIGIT_TASKS) + 1
    assert all(any(task in title for title in tables) for task in DIGIT_TASKS)
    for title, body in tables.items():
        listed = {cells[1].strip(): cells[5].strip() for line in body.splitlines()[2:] if (cells := line.split("|"))}
        due: dict[str, Any] = {one.name: one.deserves for one in SUBJECTS if "paired" in title or not one.paired_only}
        assert listed == due, title


def test_the_page_says_how_many_jobs_and_models_there_are() -> None:
    words = " ".join(PAGE.split())
    assert f"Every row is {benchmark.TRIALS} jobs." in words
    assert f"have {DIGIT_MODELS} networks of every kind" in words
    assert f"and {TEXT_MODELS} language models" in words
