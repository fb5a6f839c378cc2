"""Lets tests tell dishonest stories, correctly signed and logged, and assert how verification ends."""

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

from .log_in_memory import START
from .sample import SampleRequest, prepared

Story = Callable[[SampleRequest], None]
OTHER_DIGEST = sha256_hex(b"something else")
MINUTE = format_time(START + timedelta(minutes=1))
"""Before anything was signed."""


def verify_story(folder: Path, story: Story) -> Verification:
    """Verify the bundle of a prepared request whose history goes on with `story`."""
    sample = prepared(folder)
    story(sample)
    if not sample.reports:
        sample.others = sample.others[:1]  # the keys; no corpus or model is referred to
    sample.seal()
    return verify_bundle(sample.write())


def assert_fails(result: Verification, title: str, reason: str) -> None:
    """Assert that a step with `title` in its title failed, with `reason` in its reason. Others may see the same lie."""
    failed = [step for step in result.steps if step.status == "failed"]
    reasons = [step.reason for step in failed if title in step.title]
    assert len(reasons) == 1, failed
    assert reason in reasons[0]
    assert not result.passed
    assert f"step {failed[0].number} failed" in result.summary


def approve_and_run(sample: SampleRequest, **changes: Any) -> None:
    sample.approve(1)
    sample.run(1, **changes)


def publish(sample: SampleRequest, *, log: dict[str, Any] | None = None, signer: dict[str, Any] | None = None) -> None:
    """Publish other facts about the request's keys, from the start."""
    changed = (
        replace(TrustedKey.of(sample.log_key.public_key(), "log", START), **log or {}),
        replace(TrustedKey.of(sample.signer.public_key(), "attestation", START, tuple(PREDICATES)), **signer or {}),
    )
    sample.prepare(*changed)
    sample.submit()
    sample.map()
    approve_and_run(sample)
    sample.seal()
