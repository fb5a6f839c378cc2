"""Finding out which texts must be read, and building an index, take time that grows with the text and no faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.unlearning_jobs.engine.matching.test_linear import MOST, growth
from tests.unlearning_jobs.engine.matching.test_linear_people import IDENTIFIERS, NAMES, UNITS
from unlearning_jobs.engine.matching.candidates import text_terms
from unlearning_jobs.engine.matching.filing import filed
from unlearning_jobs.engine.matching.fingerprints import fingerprints, kept
from unlearning_jobs.engine.matching.match import TextSearch
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.sweep import Sweep
from unlearning_jobs.engine.matching.vectorised import split
from unlearning_jobs.engine.matching.words import BETWEEN, words
from unlearning_jobs.engine.sweeping.hashed import Hashed, HashedFinder

ALPHABETS = {
    "Katakana": "タナカロウキクケコ",
    "Hiragana": "たなかろうきくけこ",
    "both Kana": "タたナな王 ",
    "half-width Kana": "ｶﾞｱｲﾀ",
    "Han": "王小明田中太郎",
    "Thai": "กขคงจฉชำ",
    "Lao": "ກຂຄ",
    "Burmese": "ကခဂ",
    "Khmer": "កខគ",
    "Hangul": "김철수이영희박",
    "parts of Hangul": "ᄀ까ᅢ",
    "Arabic": "محدعلي",
    "Hebrew": "דוכהן",
    "Devanagari": "अमितकुर",
    "Cyrillic": "иванпетро",
    "Greek": "νικοςπα",
    "Latin": "tanakro",
    "full-width": "Ａｄａ",
    "marks": "a\u0301\u0300\u3099",
    "digits": "0123456789",
    "squares": "①②㍻",
    "emoji": "😀a",
}
LENGTH = 1 << 15
QUERIES = [
    *NAMES,
    *IDENTIFIERS,
    Query("j", "name", "Tanaka Taro"),
    Query("k", "name", "田中太郎"),
    Query("v", "name", "김철수"),
    Query("c", "name", "Иван Петров"),
    Query("x", "exact", "la la la la la la la la"),
    Query("y", "key", "author=a"),
]
SEARCH = TextSearch(QUERIES)
DIGESTS = Hashed({kind: {"0": ("q1",)} for kind in ("email_hash", "phone_hash", "name_birth_hash")}, b"", ("DE", "GB"))


def random_text(letters: str) -> str:
    draw = random.Random(11)  # noqa: S311  # a text, no secret
    return "".join(draw.choices(letters, k=LENGTH))


TEXTS = {
    **{f"{name}, one letter": letters[0] * LENGTH for name, letters in ALPHABETS.items()},
    **{f"{name}, words of two": f"{letters[0]}{letters[-1]} " * (LENGTH // 3) for name, letters in ALPHABETS.items()},
    **{f"{name}, random": random_text(letters) for name, letters in ALPHABETS.items()},
    **{f"{name}, random words": random_text(f"{letters}  .-") for name, letters in ALPHABETS.items()},
    **{f"repeated {name}": unit * (LENGTH // len(unit)) for name, unit in UNITS.items()},
}
STEPS: dict[str, Callable[[str], object]] = {
    "candidates": lambda text: list(Sweep(SEARCH.needs).candidates([text])),
    "hidden words": text_terms,
    "fingerprints": lambda text: kept(fingerprints(split([text]))),
    "filing": lambda text: list(filed({word.text for word in words(text)} - {BETWEEN})),
    "digests": lambda text: list(HashedFinder(DIGESTS).spans(text)),
}
QUICK = 0.5
"""Seconds in which a text is read that is not worth measuring against a shorter one."""


def _step_of(step: Callable[[str], object], text: str, length: int) -> object:
    return step(text[:length])


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_no_text_of_any_alphabet_slows_a_step_down(step: Callable[[str], object]) -> None:
    step("a")
    slow = {}
    for name, text in TEXTS.items():
        begun = time.process_time()
        step(text)
        if time.process_time() - begun > QUICK and (times := growth(partial(_step_of, step, text), LENGTH)) > MOST:
            slow[name] = times
    assert slow == {}


def test_many_queries_with_the_passage_that_a_text_repeats_do_not_fill_the_memory() -> None:
    """Each place with each query would be 300 million pairs."""
    sweep = Sweep(TextSearch([Query(f"x{n}", "exact", "la " * 30) for n in range(1000)]).needs)
    assert [len(queries) for _, queries in sweep.candidates(["la " * 300_000])] == [1000]
