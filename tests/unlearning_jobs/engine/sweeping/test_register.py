"""Registers of opt-outs: people known by keyed digests alone, and works, swept for in one pass."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from tests.unlearning_jobs.engine.matching.test_linear import growth
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.matching.query import OBSTACLES
from unlearning_jobs.engine.sweeping import WHY_NOT, find_shards, read_register, sweep
from unlearning_jobs.engine.sweeping.asked import AskedError
from unlearning_jobs.engine.sweeping.hashed import Hashed, HashedFinder
from unlearning_jobs.engine.sweeping.journal import SweepError, journal_folder, summary_path
from unlearning_jobs.engine.sweeping.register import isbns

KEY = bytes(range(32))
MOST = 180


def digest(normal: str) -> str:
    return hmac.new(KEY, normal.encode(), hashlib.sha256).hexdigest()


def found(tmp_path: Path, register: str, texts: list[str], *regions: str) -> dict[str, list[tuple[int, str]]]:
    """Each line and column of the register: the rows in which it was found, and the characters."""
    rows = write_jsonl(tmp_path / "crawl.jsonl", [{"text": text} for text in texts])
    (tmp_path / "register.csv").write_text(register)
    asked = read_register(tmp_path / "register.csv", key=KEY, regions=regions)
    sweep(find_shards([rows], ReadOptions()), asked, tmp_path / "out")
    places: dict[str, list[tuple[int, str]]] = {}
    for line in (tmp_path / "out").read_text().splitlines():
        match = json.loads(line)
        text = texts[match["source"]["row"] - 1]
        places.setdefault(match["query"], []).append((match["source"]["row"], text[match["start"] : match["end"]]))
    return places


@pytest.mark.parametrize(
    "written",
    [
        "jo.lark@müller.example",
        "Jo.Lark@MÜLLER.example.",
        "jo.lark [at] müller [dot] example",
        "mailto:jo.lark@m%C3%BCller.example",
        "jo.lark&#64;müller.example",
        "jo.lark+news@müller.example",
    ],
)
def test_an_address_is_found_by_its_digest_however_it_is_written(tmp_path: Path, written: str) -> None:
    register = f"email_hash\n{digest('jo.lark@xn--mller-kva.example')}\n"
    places = found(tmp_path, register, [f"Ask {written} soon", "Ask jo.larks@müller.example or lark@müller.example."])
    assert [row for row, _ in places["line-2/email_hash"]] == [1]


@pytest.mark.parametrize(
    "other",
    [
        "jo.lark@tilsk.co.uk",
        "jo.lark@tilsk.co.uk.",
        "JO.LARK@TILSK.CO.UK",
        "jo.lark@tilsk.co.other.org",
        "jo.lark [at] tilsk [dot] co [dot] uk",
        "jo.lark@post.tilsk.co",
    ],
)
def test_the_digest_of_an_address_does_not_find_that_of_somebody_at_a_longer_host(tmp_path: Path, other: str) -> None:
    assert found(tmp_path, f"email_hash\n{digest('jo.lark@tilsk.co')}\n", [f"Ask {other} soon"]) == {}


@pytest.mark.parametrize("behind", [".Then we go", ".然后我们", ".Then.We", ". then"])
def test_a_sentence_right_behind_an_address_hides_it_not(tmp_path: Path, behind: str) -> None:
    places = found(tmp_path, f"email_hash\n{digest('jo.lark@tilsk.example')}\n", [f"Ask jo.lark@tilsk.example{behind}"])
    assert places == {"line-2/email_hash": [(1, "jo.lark@tilsk.example")]}


def test_a_mailbox_that_ignores_dots_is_found_with_other_dots(tmp_path: Path) -> None:
    register = f"email_hash\n{digest('jolark@gmail.com')}\n"
    places = found(tmp_path, register, ["Write to Jo.Lark@googlemail.com!"])
    assert places == {"line-2/email_hash": [(1, "Jo.Lark@googlemail.com")]}


@pytest.mark.parametrize(
    "written",
    [
        "+49 170 1234567",
        "0049-170-123 45 67",
        "+49 (0)170/1234567",
        "0170 1234567",
        "Fax 12 or 0170.1234567",
        "491701234567",
    ],
)
def test_a_telephone_number_is_found_by_its_digest_however_it_is_grouped(tmp_path: Path, written: str) -> None:
    register = f"phone_hash\n{digest('+491701234567')}\n"
    places = found(tmp_path, register, [f"Call {written} now", "Call +49 170 1234568 or 170 123."], "DE")
    assert [row for row, _ in places["line-2/phone_hash"]] == [1]


def test_without_a_country_only_international_numbers_are_known(tmp_path: Path) -> None:
    register = f"phone_hash\n{digest('+491701234567')}\n"
    places = found(tmp_path, register, ["0170 1234567", "+491701234567"])
    assert places == {"line-2/phone_hash": [(2, "+491701234567")]}


def test_one_pass_finds_lines_of_every_kind_and_says_which_line_was_found_where(tmp_path: Path) -> None:
    register = """note;email;name;account;url;isbn;title;author;phone
a;jo@post.example;Jo Lark;;;;;;
b;;;lark_writes;https://lark.example/blog;;;;
c;;;;;978-3-16-148410-0;The Sea;Bea Harbour;
d;;;;;;The Long Road to the Quiet Harbour;;
"""
    texts = ["jo@post.example", "Jo Lark", "@lark_writes", "see lark.example/blog", "ISBN 3-16-148410-X", "The sea is wide."]
    texts += ["The Sea, by B. Harbour", "They read the long road to the quiet harbour aloud.", "Nobody"]
    rows = {query: [row for row, _ in places] for query, places in found(tmp_path, register, texts).items()}
    assert rows == {
        "line-2/email": [1],
        "line-2/name": [2],
        "line-3/account": [3],
        "line-3/url": [4],
        "line-4/isbn-10": [5],
        "line-4/title": [7],  # row 6 holds the words without the author
        "line-5/title": [8],
    }


def test_each_line_says_what_of_it_could_not_be_looked_for(tmp_path: Path) -> None:
    lines = ["abc,,,,,", ",It,,,,", ",,Bea Harbour,,,", ",,,3161484101,Li,", ",,,,,", ",,,,,x@y.example"]
    found(tmp_path, "\n".join(["email_hash,title,author,isbn,name,email", *lines]), ["Nothing."])
    assert json.loads(summary_path(tmp_path / "out").read_text())["not_searchable"] == {
        "line-2/email_hash": "not_a_digest",
        "line-3/title": "short_title_without_author",
        "line-4/author": "author_without_title",
        "line-5/isbn": "not_an_isbn",
        "line-5/name": "single_word",
        "line-6": "nothing_to_search_for",
    }


def test_the_command_says_why_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(tmp_path / "crawl.jsonl", [{"text": "jo@post.example"}])
    (tmp_path / "register.csv").write_text("email,isbn,name\njo@post.example,123,Li\n")
    command = ["sweep", str(tmp_path / "crawl.jsonl"), "--register", str(tmp_path / "register.csv")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "line-2/isbn could not be searched for: it is no ISBN, or has a wrong check digit\n" in said
    assert not any(code in said for code in WHY_NOT)
    assert set(OBSTACLES) < set(WHY_NOT)


def test_a_digest_made_with_another_key_finds_nobody(tmp_path: Path) -> None:
    other = hashlib.sha256(b"jo@post.example").hexdigest()
    assert found(tmp_path, f"email_hash\n{other}\n", ["jo@post.example"]) == {}


def test_the_command_reads_register_and_key_and_without_a_key_digests_have_none(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "crawl.jsonl", [{"text": "jo@post.example or bea@post.example"}])
    (tmp_path / "key").write_text(KEY.hex())
    plain = hashlib.sha256(b"bea@post.example").hexdigest()
    (tmp_path / "register.csv").write_text(f"email_hash\n{digest('jo@post.example')}\n{plain}\n")
    command = ["sweep", str(tmp_path / "crawl.jsonl"), "--register", str(tmp_path / "register.csv"), "--out"]

    assert main([*command, str(tmp_path / "keyed"), "--key", str(tmp_path / "key")]) == 0
    assert main([*command, str(tmp_path / "plain")]) == 0
    assert '"line-2/email_hash"' in (tmp_path / "keyed").read_text()
    assert '"line-3/email_hash"' in (tmp_path / "plain").read_text()


def test_a_journal_holds_neither_the_key_nor_an_entry_and_is_not_taken_for_another_key(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "crawl.jsonl", [{"text": "jo@post.example"}])
    (tmp_path / "register.csv").write_text(f"email_hash,email\n{digest('jo@post.example')},jo@post.example\n")
    asked, other = (read_register(tmp_path / "register.csv", key=key) for key in (KEY, KEY[1:]))
    shards = find_shards([rows], ReadOptions())

    def stop(_progress: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        sweep(shards, asked, tmp_path / "out", on_progress=stop)
    kept = b"".join(path.read_bytes() for path in journal_folder(tmp_path / "out").iterdir())
    assert not any(secret in kept for secret in (b"jo@post", KEY.hex().encode(), digest("jo@post.example").encode()))
    with pytest.raises(SweepError, match="another sweep"):
        sweep(shards, other, tmp_path / "out")


@pytest.mark.parametrize("content", ["name of nothing\nx\n", "", "email_hash\n\xff"])
def test_a_file_that_is_no_register_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "register.csv").write_text(content, encoding="latin-1")
    with pytest.raises(AskedError):
        read_register(tmp_path / "register.csv")


@pytest.mark.parametrize("end", ["", 'end",\nzoe@post.example,\n'])
def test_a_quote_that_would_take_people_out_of_a_register_is_refused_with_its_line(tmp_path: Path, end: str) -> None:
    people = "".join(f"person{number}@post.example,\n" for number in range(30))
    (tmp_path / "register.csv").write_text(f'email,note\nada@post.example,\n"bo@post.example,\n{people}{end}')
    with pytest.raises(AskedError, match=r"register\.csv(, line 3: a quote takes more than one line| cannot be read)"):
        read_register(tmp_path / "register.csv")


def test_a_country_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AskedError, match="no country"):
        read_register(tmp_path / "register.csv", regions=["XX"])


@pytest.mark.parametrize(
    ("value", "both"),
    [
        ("3-16-148410-X", ("9783161484100", "316148410X")),
        ("ISBN-13: 978 3 16 148410 0", ("9783161484100", "316148410X")),
        ("9791090636071", ("9791090636071",)),
        ("9783161484101", ()),
        ("0306406153", ()),
    ],
)
def test_both_forms_of_an_isbn_are_looked_for_and_a_wrong_one_is_none(value: str, both: tuple[str, ...]) -> None:
    assert isbns(value) == both


@pytest.mark.parametrize(
    "unit",
    [
        "1 ",
        "a@",
        "a at b dot ",
        "1.1.1980 ",
        "Jo Lark 3 May 1980 ",
        "王小明1990年1月2日",
        "김철수 1.1.80 ",
        "+(0) ",
        "00",
        "a.a@a.a.",
    ],
)
def test_digests_cost_no_text_more_than_its_length(unit: str) -> None:
    entries = {kind: {digest("x"): ("q",)} for kind in ("email_hash", "phone_hash", "name_birth_hash")}
    finder = HashedFinder(Hashed(entries, KEY, ("DE", "US")))  # type: ignore[arg-type]  # the keys are those of HashedKind
    text = unit * (1 << 11)
    assert growth(lambda n: list(finder.spans(text[:n])), 1 << 12) < MOST
