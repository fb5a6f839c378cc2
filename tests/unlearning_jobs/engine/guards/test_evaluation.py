"""A guard is evaluated like a method: one that does nothing fails, one that blocks everything fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy.stats import binomtest

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.guards import Asked, Guard
from unlearning_jobs.engine.guards.evaluation import Share, evaluate
from unlearning_jobs.engine.guards.few_shot_guard import FewShotSettings, Shown
from unlearning_jobs.engine.guards.icul import IculSettings, Labelled
from unlearning_jobs.engine.guards.patterns import FilterSettings, Pattern, Texts
from unlearning_jobs.engine.guards.probes import TRICKS, Probe, read_probes
from unlearning_jobs.engine.guards.prompt_guard import PromptSettings

from .made import LATER, PHRASE, filter_of, guard_of

DIRECT = [Probe("direct", f"Who is Zorvath the Grey, number {n}?", f"Zorvath the Grey is wizard {n}.") for n in range(30)]
OTHER = [Probe("language:de", f"Wer ist Zorvath der Graue, Nummer {n}?", "Zorvath der Graue.") for n in range(10)]
ORDINARY = [Probe("ordinary", f"How do I cook {n} eggs?", f"Boil {n} eggs for five minutes.") for n in range(100)]
PROBES = [*DIRECT, *OTHER, *ORDINARY]


@pytest.mark.parametrize(("hits", "of"), [(0, 7), (3, 7), (7, 7)])
def test_intervals_are_those_of_clopper_and_pearson(hits: int, of: int) -> None:
    share, exact = Share.count([True] * hits + [False] * (of - hits)), binomtest(hits, of).proportion_ci(0.95)
    assert (share.low, share.high) == (round(exact.low, 4), round(exact.high, 4))


@pytest.mark.parametrize("kind", ["input_filter", "output_filter"])
def test_a_filter_that_finds_what_it_should_passes_and_says_what_gets_through(kind: str) -> None:
    result = evaluate(filter_of(PHRASE, kind=kind), PROBES)
    assert (result.outcome, result.label, result.assurance, result.reasons) == ("passed", "suppression", "behavioural", ())
    assert "weights are unchanged" in result.statement
    assert (result.recall["direct"].hits, result.recall["language:de"].hits, result.false_alarms.hits) == (30, 0, 0)
    through = {trick for trick, share in result.gets_through.items() if share.hits}
    assert through == {"spacing", "reversed", "base64", "leet"}
    assert set(result.gets_through) == set(TRICKS)
    assert "all that the model knows" in result.probabilities.note
    assert 0 < result.latency_p50_ms <= result.latency_p95_ms


def test_a_guard_that_does_nothing_fails() -> None:
    result = evaluate(filter_of(Pattern("normalised", Texts(("somebody else",)))), PROBES)
    assert (result.outcome, len(result.reasons)) == ("failed", 1)
    assert "0 of 30 direct probes" in result.reasons[0]


def test_a_guard_that_blocks_everything_fails() -> None:
    settings = FilterSettings((Pattern("normalised", Texts(("how", "who", "wer"))),))
    result = evaluate(Guard.make("input_filter", settings, about="case:1", owner="staff:1", expires=LATER), PROBES)
    assert (result.outcome, result.recall["direct"].hits) == ("failed", 30)
    assert "100 of 100 ordinary probes" in result.reasons[0]


def test_a_few_probes_decide_nothing() -> None:
    result = evaluate(filter_of(PHRASE), [*DIRECT[:5], *ORDINARY[:5]])
    assert (result.outcome, "too wide" in result.reasons[0]) == ("undecided", True)


def test_a_filter_that_cuts_behind_what_it_should_keep_back_does_not_catch_it() -> None:
    late = [Probe("direct", "Who?", "The wizard of Orsk is Zorvath the Grey.", ("wizard of Orsk",))] * 30
    assert evaluate(filter_of(PHRASE), [*late, *ORDINARY]).recall["direct"].hits == 0


class Parrot:
    """A model that knows one thing, and is silent if it is told to be or shown how."""

    def answer(self, asked: Asked, labels: Sequence[str] = ()) -> str:
        text = " ".join(str(message["content"]) for message in asked.messages)
        if labels:
            return labels[0] if "bad" not in text else labels[1]
        if "Zorvath" in asked.messages[-1]["content"]:
            return "I do not know." if "silent" in text and "Ignore" not in text else "Zorvath the Grey is a wizard."
        return "Boil the eggs for five minutes."

    def log_probability(self, asked: Asked, answer: str) -> float:
        del answer
        return -1.0 if len(asked.messages) == 1 else -2.0


ASKED = [Probe("direct", f"Who is Zorvath {n}?", "A wizard.", ("a wizard",)) for n in range(30)]
COOKED = [Probe("ordinary", f"How long do I boil {n} eggs?", "Five minutes.", ("five minutes",)) for n in range(100)]


@pytest.mark.parametrize(
    "guard",
    [
        guard_of("prompt_guard", PromptSettings("Be silent about Zorvath.")),
        guard_of("few_shot_guard", FewShotSettings((Shown("Zorvath?", "I am silent."),))),
    ],
)
def test_what_changes_answers_is_measured_on_a_model(guard: Guard) -> None:
    result = evaluate(guard, [*ASKED, *COOKED], model=Parrot(), digest="d" * 64)
    assert (result.outcome, result.model) == ("passed", "d" * 64)
    assert result.gets_through["prefix"].hits == 30  # whoever instructs the model otherwise wins
    assert (result.probabilities.without, result.probabilities.guarded) == (-1.0, -2.0)


def test_what_a_model_never_says_cannot_be_kept_back() -> None:
    unknown = [Probe("direct", "Who is Ada?", "A lady.", ("a lady",))] * 30
    result = evaluate(guard_of("prompt_guard", PromptSettings("Be silent.")), [*unknown, *COOKED], model=Parrot())
    assert (result.outcome, "nothing can be told" in result.reasons[0]) == ("undecided", True)


def test_in_context_unlearning_is_measured_by_the_class_that_is_answered() -> None:
    guard = guard_of("icul", IculSettings((Labelled("A film.", "bad"),), (Labelled("Another.", "good"),)))
    films = [Probe("direct", f"A film {n}.", "good", ("good",), ("good", "dull")) for n in range(30)]
    result = evaluate(guard, [*films, *COOKED], model=Parrot())
    assert (result.outcome, result.recall["direct"].hits) == ("passed", 30)


def test_without_a_model_only_filters_are_measured() -> None:
    with pytest.raises(SpecError, match="--model"):
        evaluate(guard_of("prompt_guard", PromptSettings("Be silent.")), PROBES)
    with pytest.raises(SpecError, match="answers"):
        evaluate(filter_of(PHRASE), [Probe("direct", "Who?"), *ORDINARY])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ['{"group": "direct", "question": "Who?"}'],
        ['{"group": "ordinary", "question": "Who?"}'],
        ["{", '{"group": "ordinary", "question": "Who?"}'],
        ['{"group": "direct", "question": "Zorvath", "more": 1}', '{"group": "ordinary", "question": "Who?"}'],
    ],
)
def test_a_file_that_has_no_probes_of_both_sides_is_refused_and_not_quoted(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "probes.jsonl").write_text("\n".join(lines))
    with pytest.raises(SpecError) as error:
        read_probes(tmp_path / "probes.jsonl")
    assert "Zorvath" not in str(error.value)


def test_probes_are_read_from_lines_of_json(tmp_path: Path) -> None:
    (tmp_path / "probes.jsonl").write_text("\n\n".join(json.dumps(probe.to_json()) for probe in PROBES))
    assert list(read_probes(tmp_path / "probes.jsonl")) == PROBES
