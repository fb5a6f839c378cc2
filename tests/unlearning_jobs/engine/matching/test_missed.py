"""What a search for a name misses, by a sample that somebody looks at: exact bounds, and honest ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from compliance.formats.samples import upper_share
from tests.unlearning_jobs.engine.matching.test_match import snapshot_of
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import Query, QueryError, find_matches
from unlearning_jobs.engine.matching.missed import Sample, draw_samples, missed_estimate

ADA = Query("n", "name", "Ada Beispiel")


@pytest.mark.parametrize(("looked_at", "missed"), [(10, 0), (60, 1), (300, 0), (300, 7), (5, 5), (50, 49)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
def test_the_bound_is_that_of_clopper_and_pearson(looked_at: int, missed: int, confidence: float) -> None:
    exact = stats.binomtest(missed, looked_at, alternative="less").proportion_ci(confidence, method="exact")
    assert float(upper_share(looked_at, missed, confidence)) == pytest.approx(exact.high)


def test_of_a_sample_without_the_person_it_has_a_closed_form() -> None:
    assert float(upper_share(300, 0, 0.95)) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert float(upper_share(300, 0, 0.95)) == pytest.approx(3 / 300, rel=0.01)  # the rule of three


def test_the_bound_of_a_group_covers_what_is_missed_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    population, missed, looked_at, confidence = 400, 20, 60, 0.95
    hits = rng.hypergeometric(missed, population - missed, looked_at, 4_000)
    ids = tuple(f"e{n:08d}" for n in range(looked_at))
    bounds = {hit: Sample("rest", population, ids).at_most(hit, confidence) for hit in set(hits.tolist())}
    assert np.mean([bounds[hit] >= missed for hit in hits.tolist()]) >= confidence


def test_a_group_that_was_looked_at_whole_has_no_uncertainty_and_one_that_was_not_has_all() -> None:
    assert Sample("part_of_name", 3, ("a", "b", "c")).at_most(1, 0.975) == 1
    assert Sample("part_of_name", 4, ("a", "b", "c")).at_most(0, 0.975) == 1
    assert Sample("rest", 1_000, ()).at_most(0, 0.975) == 1_000


def test_both_groups_together_keep_the_confidence() -> None:
    samples = [Sample("part_of_name", 200, ("a",) * 1), Sample("rest", 9_000, tuple(f"r{n}" for n in range(300)))]
    estimate = missed_estimate(samples, ["a", "r7"])
    each = 0.975
    assert estimate.at_most == min(200, 200) + int(9_000 * upper_share(300, 1, each))
    assert estimate.estimate == pytest.approx(200 + 9_000 / 300)
    assert (estimate.looked_at, estimate.missed) == (301, 2)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    texts = ["Ada Beispiel came.", "Then Ada spoke.", "Frau Bèispiel, as ever.", "Ада was here."]
    return snapshot_of(tmp_path, texts + [f"Row {n} is about stones." for n in range(96)])


def test_what_holds_a_part_of_the_name_in_any_spelling_is_a_group_of_its_own(snapshot: Snapshot) -> None:
    found = {match.example_id for match in find_matches(snapshot, [ADA])}
    part, rest = draw_samples(snapshot, [ADA], found, size=50, seed=1)

    assert "e00000000" in found
    assert found.isdisjoint((*part.drawn, *rest.drawn))
    assert {"e00000001", "e00000003"} <= set(part.drawn)
    assert part.population + rest.population + len(found) == 100
    assert len(rest.drawn) == 50


@pytest.mark.parametrize(
    ("name", "text", "is_part"),
    [
        ("Ada Beispiel", "Frau Beispiel came.", True),
        ("Ada Beispiel", "Ada's boat is blue.", True),
        ("Dr Ada Beispiel", "Mr Brown sat on it.", False),
        ("Ada Beispiel", "It is a stone and it is grey.", False),
        ("Ada Beispiel", "We all saw it as it fell.", False),
        ("Ada Beispiel", "They do add what is due, and die.", False),
        ("A. Beispiel", "A stone is a stone.", False),
        ("A. Beispiel", "Beispiel it was.", True),
        ("Wang Xiaoming", "王先生来了。", True),
        ("王小明", "Wang was here.", True),
        ("王小明", "The stone is grey.", False),
    ],
)
def test_a_family_name_or_a_given_name_is_a_part_of_the_name_and_a_title_or_an_initial_is_none(
    tmp_path: Path, name: str, text: str, is_part: bool
) -> None:
    snapshot = snapshot_of(tmp_path, [text])
    part, rest = draw_samples(snapshot, [Query("n", "name", name)], (), size=5, seed=1)
    assert (part.population, rest.population) == ((1, 0) if is_part else (0, 1))


def test_of_several_names_a_part_of_any_counts(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, ["Ada came.", "Then Okonkwo left.", "A stone."])
    part, rest = draw_samples(snapshot, [ADA, Query("m", "name", "Chidi Okonkwo")], (), size=5, seed=1)
    assert (part.population, rest.population) == (2, 1)


def test_the_same_seed_draws_the_same_and_every_example_has_the_same_chance(snapshot: Snapshot) -> None:
    draws = [draw_samples(snapshot, [ADA], (), size=10, seed=seed)[1] for seed in range(200)]
    assert draw_samples(snapshot, [ADA], (), size=10, seed=3)[1] == draws[3]
    counts = np.unique([one for sample in draws for one in sample.drawn], return_counts=True)[1]
    assert len(counts) == draws[0].population
    assert stats.chisquare(counts).pvalue > 1e-4


def test_only_names_are_estimated_and_only_what_was_drawn_counts(snapshot: Snapshot) -> None:
    with pytest.raises(QueryError):
        draw_samples(snapshot, [Query("x", "exact", "stones")], (), size=5, seed=1)
    with pytest.raises(QueryError, match="in no sample"):
        missed_estimate(draw_samples(snapshot, [ADA], (), size=5, seed=1), ["e00009999"])


def test_the_command_prints_what_to_look_at_and_what_follows(snapshot: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["search", str(snapshot.folder), "--name", "Ada Beispiel", "--estimate", "--sample", "20"]
    assert main(command) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    [part, rest] = printed["samples"]
    assert printed["if_looked_at"]["missed"] == 0
    assert (part["group"], rest["group"], len(rest["drawn"])) == ("part_of_name", "rest", 20)

    assert main([*command, "--missed", rest["drawn"][0]]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["samples"] == printed["samples"]
    assert again["if_looked_at"]["at_most"] > printed["if_looked_at"]["at_most"]
    assert main([*command, "--missed", "e00000000"]) == 2


@pytest.mark.parametrize("name", ["ยิ่งลักษณ์ ชินวัตร", "သိန်း စိန်", "王小明", "김철수"])
def test_a_part_of_a_name_without_spaces_puts_an_example_into_the_first_group(name: str, tmp_path: Path) -> None:
    part = name.split(maxsplit=1)[0] if " " in name else name[1:]
    samples = draw_samples(snapshot_of(tmp_path, [f"x {part} y", "stone"]), [Query("q", "name", name)], (), size=5, seed=1)
    assert [(sample.group, sample.population) for sample in samples] == [("part_of_name", 1), ("rest", 1)]
