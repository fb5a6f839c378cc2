"""No match is lost by looking only at what an index names."""

from __future__ import annotations

import pytest

from benchmarks.mapping.names import documents, people
from unlearning_jobs.engine.matching.candidates import query_terms, term_keys, text_terms
from unlearning_jobs.engine.matching.identifier import IdentifierMatcher
from unlearning_jobs.engine.matching.names.matcher import NameMatcher
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.words import words


def keys_of(text: str) -> set[str]:
    return {key for word in {w.text for w in words(text)} | text_terms(text) for key in term_keys(word)}


def is_candidate(query: Query, text: str) -> bool:
    return not any(group.isdisjoint(keys_of(text)) for group in query_terms(query))


def test_every_match_of_a_name_is_among_the_candidates_and_few_others_are() -> None:
    queries = {str(i): Query(str(i), "name", name) for i, name in enumerate(people())}
    terms = {number: query_terms(query) for number, query in queries.items()}
    matcher = NameMatcher(list(queries.values()))
    lost, candidates, pairs = [], 0, 0
    for document in documents(seed=12):
        keys = keys_of(document.text)
        named = {number for number, groups in terms.items() if not any(group.isdisjoint(keys) for group in groups)}
        lost += [(queries[s.query].value, document.text) for s in matcher.spans(document.text) if s.query not in named]
        candidates += len(named)
        pairs += len(terms)
    assert lost == []
    assert candidates / pairs < 0.05


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("thyra.k@post.example", "x thyra.k%40post.example"),
        ("thyra.k@post.example", "thyra.k+a at post dot example"),
        ("th.yra@gmail.com", "thyra@googlemail.com"),
        ("bücher.example", "http://xn--bcher-kva.example/a"),
        ("xn--bcher-kva.example", "BÜCHER.example"),
        ("@tide_reader", "github.com/tide_reader"),
        ("+49 30 1234567", "0 30 12 34 56 7"),
        ("+49 30 1234567", "+49301234567."),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        ("+91 98765 43210", "९८७६५ ४३२१०"),
    ],
)
def test_every_match_of_an_identifier_is_among_the_candidates(value: str, text: str) -> None:
    query = Query("q", "identifier", value)
    assert len(list(IdentifierMatcher([query]).spans(text))) == 1
    assert is_candidate(query, text)
    assert not is_candidate(query, "Nothing of the kind, 12 or 030, stands here.")
