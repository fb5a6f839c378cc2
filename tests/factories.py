"""Rows for tests, made the way the services make them where there is one."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password

from compliance.accounts.models import Account
from unlearning_jobs.engine.contracts import (
    JobSpec,
    LlamaArchitecture,
    MethodChoice,
    ModelRef,
    Protocol,
    Recipe,
    SnapshotRef,
)
from unlearning_jobs.ledger_keys import oldest_key
from unlearning_jobs.models import Corpus, CorpusSnapshot, Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.services.jobs import job_create

numbers = count(1)
PASSWORD = "correct-horse-battery"
RECIPE = Recipe(
    family="causal_lm",
    architecture=LlamaArchitecture(hidden_size=32, layers=1, heads=2, intermediate_size=64),
    vocabulary_size=256,
    epochs=1,
    batch_size=8,
    learning_rate=1e-3,
)
PROTOCOL = Protocol(replicate_seeds=(11, 12, 13), oracle_seeds=(21, 22, 23, 24, 25, 26))


def account(role: str, name: str = "") -> Account:
    return Account.objects.create(username=name or f"{role}{next(numbers)}", password=_hashed(), role=role)


@cache
def _hashed() -> str:
    """Hashing a password is slow on purpose; once is enough."""
    return make_password(PASSWORD)


def snapshot(**values: Any) -> CorpusSnapshot:
    number = next(numbers)
    corpus = values.pop("corpus", None) or Corpus.objects.create(name=f"corpus-{number}")
    defaults = {
        "digest": f"{number:064x}",
        "merkle_root": f"{number + 1:064x}",
        "path": f"corpora/{corpus.name}/{number}",
        "counts": {"train": 20, "held_out": 8},
        "contents_key": oldest_key().id,
    }
    return CorpusSnapshot.objects.create(corpus=corpus, **(defaults | values))


def recipe() -> RegisteredRecipe:
    row, _created = RegisteredRecipe.objects.get_or_create(digest=RECIPE.digest(), defaults={"body": RECIPE.to_json()})
    return row


def model_version(**values: Any) -> ModelVersion:
    number = next(numbers)
    defaults: dict[str, Any] = {
        "name": f"model-{number}",
        "number": 1,
        "state": "active",
        "recipe": recipe(),
        "seed": 7,
        "path": f"models/{number}",
        "digest": f"{number + 1000:064x}",
        "training_seconds": 60.0,
        "training_device": "cpu",
    }
    if "snapshot" not in values:
        values["snapshot"] = snapshot()
    return ModelVersion.objects.create(**(defaults | values))


def unlearning_job(base: ModelVersion | None = None, *, subject: str = "request:LE-2222-2222", item: str = "item-1") -> Job:
    """A queued unlearning job, made by the service."""
    base = base or model_version()
    spec = JobSpec(
        kind="unlearn",
        reference=subject,
        snapshot=SnapshotRef(base.snapshot.path, base.snapshot.digest),
        recipe=RECIPE,
        seed=base.seed,
        cache="cache",
        model=ModelRef(base.path, base.digest),
        forget_ids=("e00000001", "e00000002"),
        method=MethodChoice("retrain"),
        protocol=PROTOCOL,
    )
    return job_create(
        spec=spec,
        subject=subject,
        model_name=base.name,
        base=base,
        snapshot=base.snapshot,
        recipe=base.recipe,
        actor="account:1",
        item=item,
        attempt=1,
    )
