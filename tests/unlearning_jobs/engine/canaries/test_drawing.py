"""A draw is sealed before the training, for one model, and opens only as what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.conftest import town_rows, write_jsonl
from unlearning_jobs.engine.canaries.drawing import Draw, seal
from unlearning_jobs.engine.canaries.making import make_canaries
from unlearning_jobs.engine.canaries.marks import canary_ids
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import SpecError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Towns, and twelve canaries among them."""
    folder = tmp_path_factory.mktemp("canaries")
    towns = write_jsonl(folder / "towns.jsonl", town_rows())
    snapshot_create([towns], folder / "plain")
    made = make_canaries(Snapshot.open(folder / "plain"), folder / "canaries", count=12, seed=1)
    snapshot_create([towns, made], folder / "snapshot")
    return Snapshot.open(folder / "snapshot")


def test_the_coin_divides_the_canaries_into_halves(corpus: Snapshot) -> None:
    draw = seal(corpus, "first")
    assert draw.ids == canary_ids(corpus)
    assert len(draw.trained) == len(draw.left_out) == 6
    assert sorted((*draw.trained, *draw.left_out)) == list(draw.ids)


def test_of_an_odd_number_the_smaller_half_is_trained_on() -> None:
    draw = Draw("first", "a" * 64, tuple(f"e{i:08d}" for i in range(11)), "0" * 64)
    assert (len(draw.trained), len(draw.left_out)) == (5, 6)


def test_each_model_has_a_draw_of_its_own(corpus: Snapshot) -> None:
    draws = [seal(corpus, f"model {number}") for number in range(20)]
    assert len({draw.secret for draw in draws}) == 20
    assert len({draw.trained for draw in draws}) > 15


def test_the_coin_falls_on_every_canary_about_as_often(corpus: Snapshot) -> None:
    times = dict.fromkeys(canary_ids(corpus), 0)
    for _ in range(400):
        for one in seal(corpus, "first").trained:
            times[one] += 1
    assert all(150 < count < 250 for count in times.values())


def test_what_was_committed_to_opens(corpus: Snapshot) -> None:
    draw = seal(corpus, "first")
    draw.check(model="first", commitment=draw.commitment, snapshot=corpus)
    assert Draw.from_json(draw.to_json()) == draw
    assert draw.secret not in repr(draw)


def test_nothing_else_opens(corpus: Snapshot) -> None:
    draw, other = seal(corpus, "first"), seal(corpus, "second")
    exchanged = replace(draw, ids=tuple(sorted((*draw.ids[1:], "e00000000"))))
    for wrong, why in [
        (replace(draw, secret=other.secret), "does not fit the commitment"),
        (other, "for another model"),
        (replace(other, model="first"), "does not fit the commitment"),
        (replace(draw, corpus="b" * 64), "another corpus"),
        (exchanged, "other examples than the canaries"),
        (replace(draw, ids=draw.ids[1:]), "other examples than the canaries"),
    ]:
        with pytest.raises(SpecError, match=why):
            wrong.check(model="first", commitment=draw.commitment, snapshot=corpus)


def test_opening_changes_no_commitment(corpus: Snapshot) -> None:
    draw = seal(corpus, "first")
    assert replace(draw, opened_for="c" * 64).commitment == draw.commitment


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"secret": "short"}, "32 bytes"),
        ({"secret": "F" * 64}, "lower-case hex"),
        ({"model": " "}, "for one model"),
        ({"ids": ("e00000000",)}, "has 1 canaries"),
        ({"ids": ("e00000000",) * 12}, "named once"),
    ],
)
def test_what_is_no_draw_is_refused(corpus: Snapshot, changes: dict[str, object], why: str) -> None:
    data = {**seal(corpus, "first").to_json(), **changes}
    data["ids"] = list(data["ids"])
    with pytest.raises(SpecError, match=why):
        Draw.from_json(data)


def test_a_corpus_without_canaries_has_no_draw(tmp_path: Path) -> None:
    snapshot_create([write_jsonl(tmp_path / "towns.jsonl", town_rows())], tmp_path / "plain")
    with pytest.raises(SpecError, match="has 0 canaries"):
        seal(Snapshot.open(tmp_path / "plain"), "first")
