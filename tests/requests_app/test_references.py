from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.references import ALPHABET, reference_make, reference_normalise

symbols = st.sampled_from(ALPHABET)


def test_a_reference_reads_back_as_itself() -> None:
    reference = reference_make()

    assert reference_normalise(reference) == reference


def test_it_is_lenient_about_case_spaces_and_hyphens() -> None:
    reference = reference_make()
    typed = "  " + reference.lower().replace("-", " ") + " "

    assert reference_normalise(typed) == reference


@given(position=st.integers(3, 11), other=symbols)
def test_any_one_wrong_symbol_is_noticed(position: int, other: str) -> None:
    reference = reference_make()
    wrong = reference[:position] + other + reference[position + 1 :]
    if wrong == reference or reference[position] == "-":
        return

    assert reference_normalise(wrong) is None


@pytest.mark.parametrize("text", ["", "LE-", "LE-0000-0000", "LE-ÄÖÜ2-2222", "x" * 5000])
def test_what_cannot_be_a_reference_is_none(text: str) -> None:
    assert reference_normalise(text) is None


def test_references_avoid_symbols_that_look_alike() -> None:
    assert not set("01IO") & set(ALPHABET)
