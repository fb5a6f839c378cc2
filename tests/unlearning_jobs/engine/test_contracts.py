"""A protocol that could show nothing is refused before anything runs."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.contracts import Protocol


@pytest.mark.parametrize(
    ("protocol", "complaint"),
    [
        (Protocol((1, 2, 3), (3, 4, 5, 6)), "share seeds"),
        (Protocol((1, 1, 2), (4, 5, 6, 7)), "repeated"),
        (Protocol((), (4, 5, 6, 7)), "At least one replicate"),
        (Protocol((1,), (4, 5, 6)), "four oracles"),
        (Protocol((1,), (4, 5, 6, 7)), "no permutation can reach"),
        (Protocol((1, 2, 3), (4, 5, 6, 7), estimands=()), "nothing to judge"),
        (Protocol((1, 2, 3), (4, 5, 6, 7), tuning_seeds=(8, 3)), "the method was tuned on"),
        (Protocol((1, 2, 3), (4, 5, 6, 7), tuning_seeds=(8, 7)), "the method was tuned on"),
        (Protocol((1, 2, 3), (4, 5, 6, 7), tuning_seeds=(8, 8)), "repeated"),
    ],
)
def test_a_protocol_that_could_show_nothing_says_so(protocol: Protocol, complaint: str) -> None:
    assert any(complaint in problem for problem in protocol.problems())


def test_a_protocol_with_enough_models_has_no_problems() -> None:
    assert Protocol((1, 2, 3), (4, 5, 6, 7, 8, 9, 10, 11)).problems() == []
    assert Protocol((1, 2, 3), (4, 5, 6, 7, 8, 9, 10, 11), tuning_seeds=(12, 13)).problems() == []
