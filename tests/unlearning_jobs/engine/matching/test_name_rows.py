"""A name is found in rows and under escapes, and asked for with titles, by an index, by a sweep and in the text, alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from unlearning_jobs.engine.corpora import Snapshot

from .test_name_rules import found
from .test_name_scripts import found_by_each_way

SnapshotOf = Callable[[Sequence[str]], Snapshot]
ROWS = [
    ("田中太郎", '{"last":"田中","first":"太郎"}'),
    ("田中太郎", '{"first": "太郎", "last": "田中"}'),
    ("田中太郎", "姓：田中 名：太郎"),
    ("田中太郎", "田中|太郎"),
    ("ทักษิณ ชินวัตร", "first: ทักษิณ, last: ชินวัตร"),
    ("Wang Xiaoming", '{"last":"王","first":"小明"}'),
]
TITLED = [
    ("王小明先生", "王小明来了"),
    ("田中太郎様", "田中太郎"),
    ("김철수 씨", "김철수는"),
    ("นาย ทักษิณ ชินวัตร", "ทักษิณ ชินวัตร"),
    ("นายทักษิณ ชินวัตร", "ทักษิณ ชินวัตร"),
    ("Mr. Xi Jinping", "习近平"),
    ("Xi Jinping PhD", "习近平"),
    ("Wang Xiaoming (geb. Li)", "王小明"),
]
KOREANS = {
    "Yoon Suk-yeol": "윤석열 대통령",
    "Suk-yeol Yoon": "윤석열은",
    "Ban Ki-moon": "반기문",
    "Lee Myung-bak": "이명박",
    "Choi Min-sik": "최민식",
    "Hwang Dong-hyuk": "황동혁",
    "Yi Sun-sin": "이순신",
    "Kim Dae-jung": "김대중",
    "Park Geun-hye": "박근혜",
}
SPELT = [
    ("Hsi Chin-p'ing", "习近平"),
    ("Li K'o-ch'iang", "李克强"),
    ("Chu Teh", "朱德"),
    *((name, hangul) for name, hangul in KOREANS.items()),
    ("渡邉 一郎", "渡辺一郎"),
    ("髙橋 𠮷男", "高橋吉男"),
    ("斉藤 一", "斎藤 一"),
    ("Павел Петров", "у Павла Петрова"),
    ("Václav Havel", "bez Václava Havla"),
]
ESCAPED = [("王小明", r"{n: \u738b\u5c0f\u660e}"), ("José Gómez", r"Jos\u00e9 G\u00f3mez")]


@pytest.mark.parametrize(("name", "text"), [*ROWS, *TITLED, *SPELT, *ESCAPED])
def test_a_name_is_found_by_each_way(snapshot_of: SnapshotOf, tmp_path: Path, name: str, text: str) -> None:
    index, sweep, everything = found_by_each_way(snapshot_of([text]), tmp_path / "index", [name])
    assert len(everything) == 1
    assert index == sweep == everything


@pytest.mark.parametrize("text", [text for name, text in ROWS if name == "田中太郎"])
def test_the_match_of_a_row_says_so(text: str) -> None:
    assert "column" in found("田中太郎", text)[0][1]
