"""Windows of long texts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.meaning_windows import TOKENS, windows

from .conftest import TEXTS

ANY_TEXT = st.lists(st.sampled_from(["mara", "tola", "unknown", ". ", "!", "\n", "  ", "漢", "é", "x" * 300])).map(" ".join)


def test_windows_end_with_sentences(static: Encoder) -> None:
    text = " ".join(TEXTS[:20])
    pieces = [text[start:end] for start, end in windows(static, text)]
    assert len(pieces) > 3
    assert all(piece.endswith(".") for piece in pieces)


def test_a_text_without_sentences_is_cut_all_the_same(static: Encoder) -> None:
    text = "mara " * 1000
    assert len(list(windows(static, text))) == -(-1000 // TOKENS)


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_a_text_without_tokens_has_no_window(text: str, static: Encoder) -> None:
    assert list(windows(static, text)) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=ANY_TEXT)
def test_windows_lose_nothing_and_are_read_whole(text: str, static: Encoder) -> None:
    places, rest = list(windows(static, text)), text
    for start, end in reversed(places):
        assert len(static.tokenizer.encode(text[start:end], add_special_tokens=False).ids) <= TOKENS
        rest = rest[:start] + rest[end:]
    assert rest.strip() == ""
    assert [place for pair in places for place in pair] == sorted(place for pair in places for place in pair)
