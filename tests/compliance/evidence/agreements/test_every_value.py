"""No value of an evaluation or certificate can be another one, unless a literal list says that nobody computes it again."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import MEASURED, Story, ToldReport, contradictions, outputs_read
from compliance.evidence.agreements.coverage import NOT_RECOMPUTED
from compliance.evidence.agreements.judged import BESIDE, JUDGEMENT
from compliance.evidence.bundle import BundleFolder
from compliance.evidence.checks import attestations, findings, log
from compliance.evidence.statements import report_folder
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import EvidenceError
from compliance.formats.findings import Evaluation
from compliance.formats.results import Certificate
from compliance.formats.rules import certificate_check, possible_verdicts
from compliance.formats.verdicts import Verdict

from .retold import Real
from .test_measured import ALONE, told

Place = tuple[str | int, ...]
VOCABULARIES = (
    ("within", "below", "above", "undecided"),
    ("passed", "failed", "inconclusive", "no_influence"),
    ("method", "shipped"),
    ("forget", "retain", "held_out"),
    ("location", "deviation", "missed", "damaged"),
    ("gap", "absolute"),
)
PAIRS = (*JUDGEMENT, *BESIDE)
"""All that are about an evaluation by itself."""
DECIDED = ("item-1", 2)
"""The attempt that passed and was released."""


def story_of(real: Real) -> Story:
    """What the steps of the verification read from the bundle."""
    folder = BundleFolder.open(real.bundle)
    trust = log.read_trust(folder, None)
    head = log.read_checkpoint(folder, trust)
    history = log.read_history(log.read_record(folder, head.checkpoint), None)
    bodies = attestations.check_signatures(attestations.match_envelopes(folder, history), trust)
    story = findings.check_findings(folder, attestations.read_statements(bodies, history), history)
    told = outputs_read(story.reports[DECIDED], folder.root / report_folder(*DECIDED))
    return replace(story, reports={**story.reports, DECIDED: told})


def leaves(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value in it; objects and lists are named too, and their values follow."""
    if path and isinstance(value, (dict, list)):
        yield path, ...
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path, value


def others(value: Any) -> Iterator[Any]:
    """Other values: none at all, of the same type, of another, and out of the vocabulary."""
    if value is not None:
        yield None
    if isinstance(value, bool):
        yield from (not value, str(value).lower())
    elif isinstance(value, float):
        yield from (value + 0.0123, value * -1000 - 1)
    elif isinstance(value, int):
        yield from (value + 1, str(value))
    elif isinstance(value, str):
        yield f"{value}x"
        yield from (word for words in VOCABULARIES if value in words for word in words if word != value)


def changed(content: Any, path: Place, value: Any) -> Any:
    content = deepcopy(content)
    inside = content
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return content


def noticed(story: Story, evaluation: Any, **others: Any) -> bool:
    """Whether a story with this evaluation contradicts itself, with its verdict and with any other that follows from it."""
    told = story.reports[attempt_of(story)]
    verdicts = [evaluation.get("verdict")]
    verdicts += [verdict for verdict in following(told, evaluation) if verdict != told.result["evaluation"]["verdict"]]
    return all(_noticed(story, evaluation | {"verdict": verdict}, **others) for verdict in verdicts)


def following(told: ToldReport, evaluation: Any) -> list[Any]:
    """The verdicts that the rules allow for an evaluation; whoever lies in it states one of them."""
    try:
        verdicts = possible_verdicts(parse(Evaluation, evaluation), told.protocol, told.report.method.guarantee)
        return list(map(plain, verdicts))
    except EvidenceError:
        return []


def attempt_of(story: Story) -> tuple[str, int]:
    """The attempt that was released, or the only one."""
    return next(attempt for attempt in story.reports if attempt == DECIDED or len(story.reports) == 1)


def _noticed(story: Story, evaluation: Any, **others: Any) -> bool:
    """Whoever signs it has a report with its verdict and limits."""
    attempt = attempt_of(story)
    told = story.reports[attempt]
    try:
        verdict, limits = evaluation.get("verdict"), evaluation.get("limits", ())
        report = replace(
            told.report, verdict=parse(Verdict, verdict), does_not_show=tuple(limits or ("Everything was shown.",))
        )
        result = told.result | {"evaluation": evaluation} | others
        lied = replace(story, reports={attempt: ToldReport(report, told.files, result, told.spec, told.outputs)})
        return bool(contradictions(lied, PAIRS) or contradictions(lied, MEASURED))
    except EvidenceError:
        return True


def place_of(path: Place) -> str:
    return ".".join(str(key) for key in path if isinstance(key, str))


def is_first_of_its_kind(path: Place, evaluation: Any) -> bool:
    """Whether it is no estimand of a kind and scope that an earlier one has too: those are read alike."""
    if path[0] != "estimands" or len(path) == 1:
        return True
    kinds = [(one["estimand"]["kind"], one["estimand"]["unit"], one.get("scope")) for one in evaluation["estimands"]]
    return kinds.index(kinds[int(path[1])]) == path[1]


def is_listed(place: str) -> bool:
    return any(place == listed or place.startswith(f"{listed}.") for listed in NOT_RECOMPUTED)


def unnoticed(story: Story, evaluation: Any) -> set[str]:
    assert not noticed(story, evaluation)
    return {
        place_of(path)
        for path, value in leaves(evaluation)
        if not is_listed(place_of(path)) and is_first_of_its_kind(path, evaluation)
        for other in others(value)
        if not noticed(story, changed(evaluation, path, other))
    }


@pytest.mark.django_db
def test_every_value_of_an_evaluation_is_computed_again_or_listed(real: Real) -> None:
    story = story_of(real)
    assert unnoticed(story, story.reports[DECIDED].result["evaluation"]) == set()


@pytest.mark.parametrize("method", ["retrain", "replay", "adapter_shards", "certified_removal"])
def test_nor_can_one_of_a_result_that_rests_on_its_process(tmp_path: Path, method: str) -> None:
    story = told(tmp_path, ALONE, method=method)
    [one] = story.reports.values()
    assert unnoticed(story, one.result["evaluation"]) == set()
    training, evaluation = one.result.get("second_training", {}), one.result["evaluation"]
    lies = [training | {name: other} for name, value in training.items() for other in others(value)]
    assert [lie for lie in lies if not noticed(story, evaluation, second_training=lie)] == []


def test_nor_can_one_of_a_certificate(tmp_path: Path) -> None:
    story = told(tmp_path, ALONE, method="certified_removal")
    [one] = story.reports.values()
    evaluation, certificate = one.result["evaluation"], one.result["certificate"]
    lies = [(path, changed(certificate, path, other)) for path, value in leaves(certificate) for other in others(value)]
    missed = [path for path, lie in lies if not noticed(story, evaluation | process_by(lie), certificate=lie)]
    assert [path for path in missed if not is_listed(f"certificate.{place_of(path)}")] == []
    assert ("budget_spent",) in missed


def process_by(certificate: Any) -> dict[str, Any]:
    """What an evaluation says about a certificate."""
    try:
        return {"process": [plain(certificate_check(parse(Certificate, certificate)))]}
    except EvidenceError:
        return {}


@pytest.mark.django_db
def test_nothing_of_an_evaluation_can_be_left_out_or_added(real: Real) -> None:
    story = story_of(real)
    evaluation = story.reports[DECIDED].result["evaluation"]
    left_out = {name for name in evaluation if not noticed(story, {k: v for k, v in evaluation.items() if k != name})}
    assert left_out == set()
    assert noticed(story, evaluation | {"shipped_verdict": "failed"})


@pytest.mark.django_db
def test_what_is_listed_is_in_an_evaluation_or_a_certificate(real: Real) -> None:
    evaluation = story_of(real).reports[DECIDED].result["evaluation"]
    places = {place_of(path) for path, _ in leaves(evaluation)}
    places |= {f"certificate.{field.name}" for field in fields(Certificate)}
    assert [listed for listed in NOT_RECOMPUTED if not any(f"{place}.".startswith(f"{listed}.") for place in places)] == []
