"""No protocol is proposed by which a model could pass that was not unlearned, whatever page or command it comes from."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from compliance.record.models import RecordEntry
from requests_app.models import Proposal
from requests_app.services.decisions import proposal_submit
from requests_app.states import ItemState
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError

pytestmark = pytest.mark.django_db
RETRAIN = MethodChoice("retrain")
FOUR = replace(PROTOCOL, replicate_seeds=(), oracle_seeds=(21, 22, 23, 24))
"""What an exact method is proposed with."""


def with_margin(margin: float, name: str) -> Protocol:
    changed = (replace(e, margin=margin) if e.name == name else e for e in DEFAULT_ESTIMANDS)
    return replace(PROTOCOL, estimands=tuple(changed))


def without(*names: str) -> Protocol:
    return replace(PROTOCOL, estimands=tuple(e for e in DEFAULT_ESTIMANDS if e.name not in names))


REFUSED = [
    *(
        (with_margin(margin, name), "or doing nothing could pass")
        for margin in (1000.0, nan, inf, 0.0, -0.1)
        for name in ("forget_location", "forget_missed", "retain_damaged", "held_out_location")
    ),
    *((replace(PROTOCOL, alpha=alpha), "The significance level is") for alpha in (0.8, 1.0, 0.11, 0.0, -0.05, nan)),
    (without("forget_location"), "Nothing judges where the forget set lies"),
    (without("forget_missed"), "Nothing judges whether single examples were missed"),
    (without(*(e.name for e in DEFAULT_ESTIMANDS if e.examples == "forget")), "Nothing judges where the forget set lies"),
    (without(*(e.name for e in DEFAULT_ESTIMANDS if e.examples == "retain")), "Nothing judges"),
    (without(*(e.name for e in DEFAULT_ESTIMANDS if e.examples == "held_out")), "Nothing judges"),
    (replace(PROTOCOL, estimands=()), "Nothing judges where the forget set lies"),
    (replace(PROTOCOL, estimands=(*DEFAULT_ESTIMANDS, DEFAULT_ESTIMANDS[0])), "Two estimands have the same name"),
    (replace(PROTOCOL, oracle_seeds=(11, 21, 22, 23, 24, 25)), "share seeds"),
]


@pytest.mark.parametrize("method", [NPO, RETRAIN], ids=lambda method: method.name)
def test_a_protocol_that_lets_anything_pass_is_refused(stage: Stage, method: MethodChoice) -> None:
    item = stage.granted()
    entries = RecordEntry.objects.count()
    for named, words in REFUSED:
        judged, fits = named, method == NPO or "share seeds" in words
        if not fits:
            judged = replace(named, replicate_seeds=FOUR.replicate_seeds, oracle_seeds=FOUR.oracle_seeds)
        with pytest.raises(SpecError, match=words):
            proposal_submit(item=item, method=method, protocol=judged, by=stage.staff.omar)
    assert not Proposal.objects.exists()
    assert (stage.item.state, RecordEntry.objects.count()) == (ItemState.GRANTED, entries)


@pytest.mark.parametrize(("method", "protocol"), [(NPO, PROTOCOL), (RETRAIN, FOUR)])
def test_the_same_protocol_with_the_margins_and_the_level_that_are_usual_is_taken(
    stage: Stage, method: MethodChoice, protocol: Protocol
) -> None:
    proposal = proposal_submit(item=stage.granted(), method=method, protocol=protocol, by=stage.staff.omar)
    assert Protocol.from_json(proposal.protocol) == protocol
