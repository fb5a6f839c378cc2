"""What makes two examples the same to the erasure ledger, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unlearning_jobs.engine.corpora import Example, erasure_content

TEXT = Example("e00000001", "train", "Where does Zoé live?", "Above the bakery.")
ARRAY = Example("e00000001", "train", "drawn by Zoé", "3", features=b"\x00\x01\x02")


@pytest.mark.parametrize(
    "same",
    [
        replace(TEXT, id="e00000007", set="held_out"),
        replace(TEXT, prompt="Where does Zoe\u0301 live?"),
        replace(TEXT, completion=" Above\tthe  bakery.\n"),
        replace(TEXT, prompt="", completion="Where does Zoé live? Above the bakery."),
        replace(TEXT, paraphrased_answer="Over the bakery.", perturbed_answer=("In the harbour.",)),
    ],
    ids=["other id and set", "decomposed accent", "other white space", "as one text", "other answers that only measure"],
)
def test_a_text_is_the_same_however_it_is_filed(same: Example) -> None:
    assert erasure_content(same) == erasure_content(TEXT)


@pytest.mark.parametrize(
    "other",
    [
        replace(TEXT, completion="Above the bakery"),
        replace(TEXT, completion="above the bakery."),
        replace(TEXT, prompt="Where does Zoë live?"),
        replace(TEXT, prompt=""),
    ],
    ids=["one character less", "another case", "another name", "half of it"],
)
def test_a_near_neighbour_is_another_text(other: Example) -> None:
    assert erasure_content(other) != erasure_content(TEXT)


def test_an_array_is_its_features_and_its_label_whatever_is_said_about_it() -> None:
    assert erasure_content(replace(ARRAY, prompt="drawn by somebody")) == erasure_content(ARRAY)
    assert erasure_content(replace(ARRAY, completion="8")) != erasure_content(ARRAY)
    assert erasure_content(replace(ARRAY, features=b"\x00\x01\x03")) != erasure_content(ARRAY)


def test_an_array_is_never_taken_for_a_text() -> None:
    assert erasure_content(replace(TEXT, features=b"")) != erasure_content(TEXT)
