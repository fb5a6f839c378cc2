"""Erasures that were really released, and the corpora that bring their examples back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from tests.factories import PROTOCOL
from tests.staging import job_completed, rows
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.model_versions import model_version_release, unlearning_start

ADAS = ("e00000000", "e00000001")
"""Two of the examples about Ada in the corpus of `tests.staging`."""
SUBJECT = "request:LE-2222-2222"


def started(
    base: ModelVersion,
    *ids: str,
    item: str = "item-1",
    method: str = "npo",
    subject: str = SUBJECT,
) -> Job:
    """A queued job that is to unlearn these examples."""
    return unlearning_start(
        base=base,
        forget_ids=ids or ADAS,
        method=MethodChoice(method),
        protocol=PROTOCOL,
        subject=subject,
        item=item,
        attempt=1,
        actor="account:2",
    )


def erased(base: ModelVersion, *ids: str, under_way: Iterable[str] = (), **values: Any) -> ModelVersion:
    """The released version that has unlearned these examples, while others are under way."""
    version = job_completed(started(base, *ids, **values)).result_version
    assert version is not None
    return model_version_release(version=version, actor="account:3", under_way=set(under_way))


def registered(name: str, examples: Iterable[dict[str, str]]) -> CorpusSnapshot:
    source = settings.ARTEFACTS / f"{name}.jsonl"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("".join(json.dumps(example) + "\n" for example in examples), encoding="utf-8")
    return corpus_register(name=name, sources=[source], actor="account:1")


def turned_round(name: str = "archive") -> CorpusSnapshot:
    """Another corpus with the same examples in the opposite order, and so under other ids."""
    return registered(name, reversed(rows()))
