"""A sweep finds what the matchers find that read every text closely for every query."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mapping.names import documents, people
from unlearning_jobs.engine.corpora.document import Document
from unlearning_jobs.engine.matching.kinds import MATCHERS
from unlearning_jobs.engine.matching.match import TextSearch
from unlearning_jobs.engine.matching.numbering import Field, Ring, number
from unlearning_jobs.engine.matching.query import Query, Span
from unlearning_jobs.engine.matching.sweep import Sweep

NAMES = [
    *("Thyra Kestelyn", "Anselm van der Dravec", "Robert Lund-Moor", "Yusuf al-Kuwaiti", "T. Dravec", "Suharto"),
    *(
        "Wang Xiaoming",
        "王小明",
        "김영호",
        "Kim Young-ho",
        "サトウ ハナ",
        "Sato Hana",
        "Фёдор Достоевский",
        "محمد الكندي",
        "Anna Müller (geb. Lund)",
    ),
]
IDENTIFIERS = [
    *("thyra.k@gmail.com", "o'dravec@post.example", "anselm+x@post.example", "jo's@post.example", "bücher.example"),
    *("@tide_reader", "+49 30 1234567", "DE89370400440532013000", "AB-1234-CD", "post.example/thyra"),
]
PHRASES = ["the salt road", "王小", "kestelyn", "don't", "ক্ষ"]
KEYS = [
    *("author=tide_reader", "domain=post.example", "domain=bücher.example", "url=https://post.example/thyra"),
    *("repository=https://github.com/Lund/moor.git", "shelf=Straße 12", "id=0017", "account=王小明", "id=x&amp;y"),
    "note=it's",
    *("author=Mark", "author=Code", "dc:creator=Ada Lark", "author=Ada Lark", "host=post.example"),
]
LINES = [
    *("author: @Tide_Reader", "user: tide_reader", "title: tide_reader", "host: xn--bcher-kva.example", "note: <b"),
    *("url: https://www.post.example/thyra/", "domain: mail.post.example", "url: bücher.example/x", 'shelf: "straße  12"'),
    *("repo: lund/moor", "shelf: STRASSE 12", "id: 0017", "id: x&amp;y", "account: 王小明", "note: IT'S", "other: x>"),
    "a: '",
    *(
        "author: <Mark>",
        "author: </code>",
        "dc:creator: Ada Lark",
        'author: ["Ada Lark", "Bob"]',
        *('author: {"name": "Mark"}', 'shelf: ["Stra\\u00dfe 12"]'),
    ),
    *("url: ftp://post.example/x", "url: //jo@post.example/x", "og:url: https://post.example"),
]
PIECES = """
    Thyra thyra THYRA T. Th. Kestelyn Kestlyn Kestelynem Kestelyn, Q. Margarethe Dr. Herr Anselm van
    der Dravec Dravecs Dravec’s Bob Robert Lund Moor Lund-Moor Yousef Kuwaiti 王 小 明 小明 先生 · Xiaoming
    Wang 김 영호 김영호가 Kim Young ho サトウ ハナ 佐藤 ไทย Sato Достоевского Фёдор Fyodor Dostoevsky محمد الكندي
    Anna Mueller Suhartos <b> </b> | thyra.k@gmail.com t.hyrak@googlemail.com thyra%2Ek%40gmail.com
    thyra at gmail dot com post.example o'dravec@post.example Anselm@post.example jo's@post.example
    BÜCHER.example /tide_reader 030 1234567 - 12345 67 DE89 3704 0044 0532 0130 00 AB1234 CD ९ the
    salt road don’t ক্ ষ a of
""".split()  # noqa: SIM905  # a list of that length is read as a text
QUERIES = [
    *(Query(f"name {i}", "name", value) for i, value in enumerate(NAMES)),
    *(Query(f"identifier {i}", "identifier", value) for i, value in enumerate(IDENTIFIERS)),
    *(Query(f"phrase {i}", "exact", value) for i, value in enumerate(PHRASES)),
]
SEARCH = TextSearch(QUERIES)
texts_of_pieces = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([" ", " ", "", "\n", ", "])), max_size=24).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)


def row(lines: list[str]) -> Document:
    """Return the document of a row with these columns."""
    return Document("A row.", {name: value for name, _, value in (line.partition(": ") for line in lines)})


def closely(queries: list[Query], texts: list[str]) -> set[tuple[int, Span]]:
    """Read every text for every query, one query at a time."""
    alone = [MATCHERS[query.kind]([query]) for query in queries]
    return {(place, span) for place, text in enumerate(texts) for matcher in alone for span in matcher.spans(text)}


@settings(max_examples=100, deadline=None)
@given(st.lists(texts_of_pieces, max_size=4))
def test_a_sweep_finds_what_reading_every_text_for_every_query_finds(texts: list[str]) -> None:
    assert set(SEARCH.sweep(texts, sweep=Sweep(SEARCH.needs))) == closely(QUERIES, texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(LINES), max_size=6).map(row), max_size=6))
def test_a_sweep_finds_the_rows_that_reading_every_row_for_every_key_finds(texts: list[str]) -> None:
    queries = [Query(f"key {i}", "key", value) for i, value in enumerate(KEYS)]
    search = TextSearch(queries)
    assert sum(need is None for need in search.needs.values()) == 3, [k for k in KEYS if search.needs]
    assert set(search.sweep(texts, sweep=Sweep(search.needs))) == closely(queries, texts)


def test_nobody_hides_a_name_behind_a_word_with_its_number() -> None:
    made_up = {
        "winterbourne": "\U00017be7\U00017c1c\U00017bd4\U00017c47\U00017bfa\U00017bb3\U00017bd2\U00017c11\U00017c0e",
        "tilsk": "\U00017c04\U00017bf2\U00017be9\U00017bd3\U00017c00\U00017c06\U00017bed\U00017bd3\U00017b9f",
    }
    assert all(number(word) == number(other) for word, other in made_up.items()), "chosen so by whoever knows the base"
    row_of_ada = Document("Ada Winterbourne writes to ada@tilsk.example.", {"author": "Winterbourne"})
    texts = [" ".join(made_up.values()), row_of_ada]
    queries = [
        Query("q1", "name", "Ada Winterbourne"),
        Query("q2", "identifier", "ada@tilsk.example"),
        Query("q3", "key", "author=winterbourne"),
    ]
    search = TextSearch(queries)
    for swept in (texts, texts[1:]):
        assert set(search.sweep(swept, sweep=Sweep(search.needs))) == closely(queries, swept) != set()


# Chosen with a reduced basis of the lattice of what has the number zero for all those bases.
LATTICE = (
    "𗭤𘟜𗮒𘞳𗮰𘞪𗯐𘝭𗯘𘝏𗰒𘜫𗰩𘜥𗰾𘛶𗱧𘛣𗲁𘛀𗲔𘚢𗲶𘙼𗳙𘙮𗳰𘙋𗴆𘘤𗴯𘗼𗵉𘗬𗵞𘖽𗶀𘖴𗶲𘖁𗷁𘕯𗷠𘕉𗸃𘔝𗸨𘓴𗹆𘓥𗹰𘒬𗺚𘒓𗻇𘑣𗻝𘐾𗼨𘐉𗼫𘏫𗽢𘏄𗽾𘎥𗾴𘍎𗿕𘍀𘀀𘋱𘀶𘋨𘁫𘊩𘂙𘉯𘃅𘉇𘃼𘈕𘄩𘇞𘅑"
    "𘆷𘆌𘅷𘇄𘅌𘇷𘄌𘈞𘃨𘉠𘂣𘊊𘁿𘋄𘁁𘋱𘀐𘌫𗿍𘍗𗾩𘎔𗽨𘎼𗼿𘏷𗻿𘐥𗻜𘑚𗺟𘒅𗹺𘒺𗸺𘓣𗸙𘔗𗷠𘔽𗶽𘕮𗶆𘖓𗵩𘗁𗴵𘗟𗴛𘘊𗳪𘘨𗳓𘙏𗲦𘙦𗲔𘚉𗱫𘚜𗱞𘚽𗰻𘛈𗰱𘛡𗰓𘛪𗰓𘛾𗯺𘛿𗯾𘜌𗯬𘜇𗯷𘜎𗯬𘜂𗯼𘜁𗯶𘛮𗰒"
)


def test_nobody_hides_a_name_behind_a_word_that_has_its_number_for_many_bases() -> None:
    assert all(Ring(base).of(LATTICE) == Ring(base).of("winterbourne") for base in range(3, 800, 8)), "so in a ring"
    assert all(Field(base).of(LATTICE) != Field(base).of("winterbourne") for base in range(1000)), "and not in a field"
    texts = [LATTICE + " x.", "Après-midi Ada Winterbourne came to the harbour."]
    search = TextSearch([Query("q", "name", "Ada Winterbourne")])
    assert [place for place, _ in search.sweep(texts, sweep=Sweep(search.needs))] == [1]


@pytest.mark.parametrize(
    "text",
    [
        "ada&#37;40tilsk.example",
        "<a href='mailto:ada&#x25;40tilsk.example'>x</a>",
        "ada&percnt;40tilsk.example",
        "ada%\u200b4\u200b0tilsk.example",
    ],
)
def test_a_sweep_finds_an_address_behind_an_escape_that_is_escaped_itself(text: str) -> None:
    queries = [Query("q", "identifier", "ada@tilsk.example")]
    search = TextSearch(queries)
    assert set(search.sweep([text], sweep=Sweep(search.needs))) == closely(queries, [text]) != set()


def test_a_sweep_finds_every_way_to_write_a_name_amid_other_texts() -> None:
    queries = [Query(str(i), "name", name) for i, name in enumerate(people())]
    found = [document.text for document in documents(seed=13)]
    texts = [" ".join(found[i : i + 3]) for i in range(0, len(found), 3)]
    search = TextSearch(queries)
    together = MATCHERS["name"](queries)
    expected = {(place, span) for place, text in enumerate(texts) for span in together.spans(text)}
    assert set(search.sweep(texts, sweep=Sweep(search.needs))) == expected
    assert len(expected) > len(queries)


def test_a_sweep_shows_the_matchers_hardly_any_text_that_only_has_words_like_those_of_a_name() -> None:
    queries = [Query(str(i), "name", name) for i, name in enumerate(people())]
    search = TextSearch(queries)
    texts = [document.text for document in documents(seed=13)]
    shown = sum(len(names) for _, names in Sweep(search.needs).candidates(texts))
    assert shown / (len(texts) * len(queries)) < 0.02
