"""Judges an unlearned model that has no oracles: by how the examples to forget rank among held-out ones."""

from __future__ import annotations

from dataclasses import replace

from compliance.formats.twins import LOST, TwinFinding, twin_outcome
from unlearning_jobs.engine.contracts import Protocol

from .exchange import rank_test, smallest_difference
from .outputs import Array, Outputs

STATISTIC = "margin"


def judge_twins(outputs: Outputs, protocol: Protocol) -> TwinFinding:
    """Compare forget set and held-out examples in the unlearned model, and before, in its original."""
    (before, twins_before), (after, twins_after) = (
        [outputs.matrix(group, name, STATISTIC)[0] for name in ("forget", "held_out")] for group in ("original", "unlearned")
    )
    control, found = rank_test(before, twins_before), rank_test(after, twins_after)
    retain, held_out = _lost(outputs, "retain"), _lost(outputs, "held_out")
    finding = TwinFinding(
        outcome="says_nothing",
        forget=len(after),
        held_out=len(twins_after),
        control_above=control.above,
        control_p=control.p_above,
        control_difference=float(before.mean() - twins_before.mean()),
        above=found.above,
        p_value=found.p_value,
        difference=float(after.mean() - twins_after.mean()),
        smallest=smallest_difference(twins_after, len(after), protocol.alpha),
        retain_lost=float(retain.mean()),
        retain_damaged=float((retain > LOST).mean()),
        held_out_lost=float(held_out.mean()),
        held_out_damaged=float((held_out > LOST).mean()),
    )
    return replace(finding, outcome=twin_outcome(finding, protocol.alpha))


def _lost(outputs: Outputs, name: str) -> Array:
    """Return what each example's probability lost, (examples,)."""
    original: Array = outputs.matrix("original", name, "probability")[0]
    unlearned: Array = outputs.matrix("unlearned", name, "probability")[0]
    lost: Array = original - unlearned
    return lost
