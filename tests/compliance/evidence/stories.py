"""How tests tell dishonest stories, correctly signed and logged, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from compliance.evidence.statements import PREDICATES
from compliance.evidence.trust import TrustedKey
from compliance.evidence.verification import Verification, verify_bundle
from compliance.formats.canonical import format_time, sha256_hex

from .sample import START, Case, prepared

Story = Callable[[Case], None]
OTHER_DIGEST = sha256_hex(b"something else")
MINUTE = format_time(START + timedelta(minutes=1))
"""Before anything was signed."""


def told(folder: Path, story: Story) -> Verification:
    """Verification of the bundle of a prepared case that goes on with `story`."""
    case = prepared(folder)
    story(case)
    if not case.reports:
        case.others = case.others[:1]  # the keys; no corpus or model is referred to
    case.seal()
    return verify_bundle(case.write())


def assert_fails(result: Verification, title: str, reason: str) -> None:
    """Exactly one step failed, `title` is in its title and `reason` in its reason."""
    failed = [step for step in result.steps if step.status == "failed"]
    assert [title in step.title for step in failed] == [True], failed
    assert reason in failed[0].reason
    assert not result.passed
    assert f"step {failed[0].number} failed" in result.summary


def approve_and_run(case: Case, **changes: Any) -> None:
    case.approve(1)
    case.run(1, **changes)


def publish(case: Case, *, log: dict[str, Any] | None = None, signer: dict[str, Any] | None = None) -> None:
    """Publishes other facts about the case's keys, from the start."""
    changed = (
        replace(TrustedKey.of(case.log_key.public_key(), "log", START), **log or {}),
        replace(TrustedKey.of(case.signer.public_key(), "attestation", START, tuple(PREDICATES)), **signer or {}),
    )
    case.prepare(*changed)
    case.submit()
    case.map()
    approve_and_run(case)
    case.seal()
