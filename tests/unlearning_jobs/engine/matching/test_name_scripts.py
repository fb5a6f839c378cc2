"""A name is found as it is written: in an index, in a sweep and in the text itself, alike, in every script."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.index import SnapshotIndex, index_build
from unlearning_jobs.engine.matching.match import TextSearch, find_matches
from unlearning_jobs.engine.matching.query import Query

NAMES = {
    "Latin": "Ambrož Křižanovec|Gabriel García Márquez|Nguyễn Thị Minh|Ólafur Þór Jónsson|Wang Xiaoming|Kim Min-jun",
    "Cyrillic": "Всеволод Тихомирцев|Володимир Іваненко|Ђорђе Ћирић",
    "Greek": "Αχιλλέας Βενετούλης|Ελένη Παπαδοπούλου",
    "Armenian": "Արմեն Վարդանյան|Անի Հակոբյան",
    "Georgian": "გიორგი მაჩაბლიძე|ნინო ბერიძე",
    "Hebrew": "אלעזר בן שמעוני|רחל כהן",
    "Arabic": "عبد الرحمن الزهراوي|فاطمة بلقاسم|محمد",
    "Devanagari": "हरिशंकर त्रिवेदी|राम शर्मा",
    "Bengali": "অনির্বাণ চক্রবর্তী|শেখ হাসিনা",
    "Tamil": "செல்வராஜன் முத்துக்குமார்|கமல் ஹாசன்",
    "Thai": "ยิ่งลักษณ์ ชินวัตร|พิธา ลิ้มเจริญรัตน์|ทักษิณ ชินวัตร|นิดา|ใจ ใจ|กิตติ ศรีสุข",
    "Burmese": "သိန်း စိန်|သန်း ရွှေ|နေဝင်း|မောင် မောင်|စိုးစိုး|အောင်ဆန်း စုကြည်|နု နု",
    "Khmer": "កឹម សុខា|កែវ កែវ|ញ៉ុក ថុលវណ្ណ|ហ៊ុន សែន|ជា ស៊ីម",
    "Lao": "ວິໄລ ສີສຸກ|ທອງລຸນ ສີສຸລິດ",
    "Amharic": "ተስፋዬ ገብረማርያም|አበበ ቢቂላ",
    "Hangul": "남궁현우|김철수|이 지수",
    "Kana": "さくらば みどり|がんじ たろう|マリ マリ",
    "Han": "欧阳文静|林林|王 王|李丽丽|田中太郎",
}
NAMES_AND_SCRIPTS = [(script, name) for script, names in NAMES.items() for name in names.split("|")]
SnapshotOf = Callable[[Sequence[str]], Snapshot]


def found_by_each_way(snapshot: Snapshot, folder: Path, names: Sequence[str]) -> list[set[tuple[str, str, int, int]]]:
    """Return what an index, a sweep and a look into every text find: number of the name, example, and place."""
    queries = [Query(str(number), "name", name) for number, name in enumerate(names)]
    index_build(snapshot, folder)
    search = TextSearch(queries)
    everything = [
        search.match(example, span)
        for example in snapshot.examples()
        for span in search.spans(example.document, set(search.queries))
    ]
    ways = (find_matches(snapshot, queries, index=SnapshotIndex.open(folder, snapshot)), find_matches(snapshot, queries))
    return [{(m.query, m.example_id, m.start, m.end) for m in way} for way in (*ways, everything)]


def test_every_name_is_found_as_it_is_written_by_index_by_sweep_and_in_the_text(
    snapshot_of: SnapshotOf, tmp_path: Path
) -> None:
    names = [name for _, name in NAMES_AND_SCRIPTS]
    texts = [text for name in names for text in (name, f"x {name} y", unicodedata.normalize("NFD", f"- {name}."))]
    index, sweep, everything = found_by_each_way(snapshot_of(texts), tmp_path / "index", names)
    assert index == sweep == everything
    examples = {(int(query), example) for query, example, *_ in everything}
    lost = [text for place, text in enumerate(texts) if (place // 3, example_id(place)) not in examples]
    assert lost == []


@pytest.mark.parametrize("mark", ["\uff9e", "\u3099", "\u309c", "\u0e31", "\u0345", "\u0301", "\u093e", "\u20dd"])
def test_a_mark_of_another_script_hides_no_name(mark: str, snapshot_of: SnapshotOf, tmp_path: Path) -> None:
    names = ["田中太郎", "Xi Jinping", "김철수", "Юрий Хвостов"]
    texts = [name[:1] + mark + name[1:] for name in names]
    index, sweep, everything = found_by_each_way(snapshot_of(texts), tmp_path / "index", names)
    assert index == sweep == everything
    assert {query for query, *_ in everything} == {"0", "1", "2", "3"}


def test_letters_with_other_vowel_signs_make_another_name() -> None:
    search = TextSearch([Query("q", "name", "นิดา")])
    assert list(search.spans("นุดา", {"q"})) == []


@pytest.mark.parametrize(("name", "text"), [("欧阳修", "歐陽修"), ("歐陽修", "欧阳修"), ("渡辺謙", "渡邊謙")])
def test_simplified_and_traditional_letters_are_one_name(
    name: str, text: str, snapshot_of: SnapshotOf, tmp_path: Path
) -> None:
    index, sweep, everything = found_by_each_way(snapshot_of([text]), tmp_path / "index", [name])
    assert index == sweep == everything != set()
    assert [span.because for span in TextSearch([Query("q", "name", name)]).spans(text, {"q"})] == [("other_characters",)]
