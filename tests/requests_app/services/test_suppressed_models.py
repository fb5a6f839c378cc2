"""A suppression keeps one model silent, and no other: the model that it names, for as long as that has more to unlearn."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.formats.record_kinds import RecordKind
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.gateway.policy import read_policy
from unlearning_jobs.models import ModelVersion

from .test_closings import RETRAIN, released
from .test_letters_of_two_items import two_items_of_one_model
from .test_suppressions import acting, policy_file, started, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus())).searched()


@pytest.mark.usefixtures("artefacts", "signing")
def test_a_release_leaves_it_while_the_model_has_more_to_unlearn_for_the_request(staff: Staff) -> None:
    stage, one, two = two_items_of_one_model(staff)
    started(stage)
    released(one, staff)
    assert not told(stage, RecordKind.SUPPRESSION_ENDED)
    assert acting() == 1
    released(two, staff, RETRAIN)
    assert len(told(stage, RecordKind.SUPPRESSION_ENDED)) == 1
    assert acting() == 0


def test_another_model_of_the_same_gateway_says_what_it_said(stage: Stage) -> None:
    other = trained(stage.model.snapshot, name="other")
    started(stage)
    assert acting() == 1
    guards = read_policy(policy_file()).guards
    assert guards.acting(model=stage.model.name).read_answers
    assert guards.acting(model=f"{stage.model.name}:{stage.model.number}").read_answers
    assert not guards.acting(model=other.name).read_answers


def test_a_model_of_which_nothing_is_served_needs_no_guard_and_no_other_gets_its_guard(stage: Stage) -> None:
    row = started(stage)
    ModelVersion.objects.update(state="destroyed", path="")
    assert acting() == 0
    row.refresh_from_db()
    assert row.handed_over_at is None
