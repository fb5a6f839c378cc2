"""Documents that are identical or nearly so are one group; a few thousand that are merely alike are told apart quickly."""

from __future__ import annotations

import time

import numpy as np

from unlearning_jobs.engine.matching.near import Document, Groups

LETTER = (
    "The letter that she wrote from the harbour in the spring of that year says that the lamp with all of its chains must"
    " stay where it is until the boats come home again in the autumn"
)


def test_a_document_near_to_two_leaders_joins_the_nearer_one() -> None:
    groups = Groups()
    words = LETTER.split()
    first = groups.add(Document("a", " ".join([*words[:8], "one", "two", "three", "four", *words[8:]])))
    second = groups.add(Document("b", " ".join([*words[:8], "one", "five", "six", "seven", *words[8:]])))
    near_second = " ".join([*words[:8], "one", "five", "six", "seven", *words[8:], "today"])
    assert first != second
    assert groups.add(Document("c", near_second)) == second


def test_a_document_keeps_the_number_of_an_earlier_grouping_and_others_join_it() -> None:
    groups = Groups(next_number=8)
    assert groups.add(Document("a", LETTER), number=3) == 3
    assert groups.add(Document("b", LETTER), number=7) == 7
    assert groups.add(Document("c", LETTER.upper())) == 3
    assert groups.add(Document("d", "Another text altogether.")) == 8


def test_a_thousand_documents_that_are_alike_and_not_near_are_grouped_in_seconds() -> None:
    rng = np.random.default_rng(5)
    texts = [f"{LETTER} {' '.join(f'w{n}' for n in rng.integers(0, 50_000, 12))}" for _ in range(1_000)]
    groups, before = Groups(), time.process_time()
    numbers = {groups.add(Document(str(place), text)) for place, text in enumerate(texts)}
    assert len(numbers) > 950
    assert time.process_time() - before < 4
