"""Whoever holds every key can sign any story. One that contradicts itself does not verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.evidence.agreements import AGREEMENTS, MEASURED, Agreement
from compliance.evidence.verification import Verification, verify_bundle

from .contradictions import WRITTEN, contradiction_of
from .judged_otherwise import SHOWN_ELSEWHERE
from .retold import Real
from .sampled import honest

pytestmark = pytest.mark.django_db
TWICE, RAW = "Every fact that stands twice agrees", "The raw outputs are of the examples"


def test_the_real_bundle_verifies_and_so_does_its_story_told_again(real: Real, tmp_path: Path) -> None:
    trust = (real.bundle / "trust.json").read_bytes()
    for bundle in (real.bundle, real.retold(tmp_path).write({})):
        result = verify_bundle(bundle, trust)
        assert result.passed, result.summary


@pytest.mark.parametrize(
    "agreement",
    [pair for pair in AGREEMENTS + MEASURED if pair.name not in SHOWN_ELSEWHERE],
    ids=lambda agreement: agreement.name,
)
def test_a_bundle_that_contradicts_itself_fails_and_names_both_places(
    real: Real, tmp_path: Path, agreement: Agreement
) -> None:
    bundle = real.retold(tmp_path).write(contradiction_of(agreement))
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    reason = failure(result, RAW if agreement in MEASURED else TWICE)
    assert agreement.otherwise in reason
    assert f"({agreement.first.name}: " in reason
    assert f"; {agreement.second.name}: " in reason


def test_every_contradiction_is_of_a_pair_in_the_table() -> None:
    assert not WRITTEN.keys() - {agreement.name for agreement in AGREEMENTS + MEASURED}


def failure(result: Verification, title: str) -> str:
    reasons = [step.reason for step in result.steps if step.status == "failed" and step.title.startswith(title)]
    assert reasons, [step for step in result.steps if not step.passed]
    return reasons[0]


def test_a_bundle_with_a_sample_verifies(real: Real, tmp_path: Path) -> None:
    result = verify_bundle(real.retold(tmp_path).write({"entries": honest}), (real.bundle / "trust.json").read_bytes())
    assert result.passed, result.summary
