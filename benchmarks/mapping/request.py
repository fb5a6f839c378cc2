"""How long a request takes in the product: from the order of its search to rows in PostgreSQL, by the index of its corpus.

    make bench-mapping-request [DOCUMENTS=100000]

Each request is about one planted person, by name and e-mail address, and pastes an answer that repeats a planted passage. It
is searched as a worker does it, with the self-test, by the index of words and passages. The corpus is that of
`make bench-mapping`. The database is that of BENCH_DATABASE_URL, which must be empty, or a local one; everything lies under
var/bench/mapping/<documents>/request.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.tofu.corpus import RECIPE
from compliance.local.services import database_start

from .corpus import Planted, write_corpus
from .run import DOCUMENTS, VAR

REQUESTS: Final = 40
WARM: Final = 5
"""Requests that come first and do not count: they read the index for the first time."""
NAME: Final = "bench"


def run(_data: Path | None = None) -> None:
    """Print the table."""
    documents = int(os.environ.get("DOCUMENTS", str(DOCUMENTS)))
    folder = VAR / str(documents)
    planted = _planted(folder, documents)
    os.environ |= {
        "LETHE_ENV": "local",
        "DJANGO_SETTINGS_MODULE": "compliance.settings",
        "LETHE_ARTEFACTS": str(folder / "request"),
        "REDIS_URL": "memory://",  # nobody listens: the searches are done here
        "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL") or database_start(folder / "postgres", name="bench_request"),
    }
    peak = _registered(folder / "corpus.jsonl")
    if peak:
        print(f"| registration: peak memory, MiB | {peak:.0f} |", flush=True)
    for what, value in _measured(planted).items():
        print(f"| {what} | {value:.3f} |", flush=True)


def _planted(folder: Path, documents: int) -> Planted:
    """Return what is planted in the corpus, which is written unless `make bench-mapping` has done so."""
    path = folder / "planted.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(write_corpus(folder / "corpus.jsonl", documents))), encoding="utf-8")
    return Planted(**json.loads(path.read_text(encoding="utf-8")))


def _registered(corpus: Path) -> float:
    """Register the corpus and build its index by the product's commands; return the peak memory of the registration."""
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
    import django

    django.setup()
    from unlearning_jobs.index_parts import Kind
    from unlearning_jobs.index_runner import index_execute
    from unlearning_jobs.models import CorpusSnapshot

    if CorpusSnapshot.objects.exists():
        return 0.0
    command = [sys.executable, "manage.py", "corpus_register", NAME, str(corpus), "--index-later"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    # By meaning, twenty texts a second are read (docs/benchmarks/mapping-meaning.md): that index is left out.
    index_execute(index_id=CorpusSnapshot.objects.get().indexes.get(kind=Kind.TEXTS).pk)
    return peak


def _measured(planted: Planted) -> dict[str, float]:
    from requests_app.search_runner import request_map

    _model_in_use()
    spent, found, batch = [], 0, f"{time.time_ns()}"
    for number in range(WARM + REQUESTS):
        request = _confirmed(planted, number % len(planted.names), f"{batch}-{number}")
        begun = time.perf_counter()
        request_map(request_id=request.pk)
        spent.append(time.perf_counter() - begun)
        found += request.matches.count()
    counted = sorted(spent[WARM:])
    return {
        "a request mapped: p50 s": statistics.median(counted),
        "a request mapped: slowest s": counted[-1],
        "matches of a request": found / len(spent),
    }


def _model_in_use() -> None:
    """Have a model in use that learned from the corpus, or nothing would be searched. Nobody trains it here."""
    from unlearning_jobs.engine.contracts import Recipe
    from unlearning_jobs.models import CorpusSnapshot, ModelVersion, RegisteredRecipe

    recipe = Recipe.from_json(json.loads(RECIPE.read_text(encoding="utf-8")))
    row, _made = RegisteredRecipe.objects.get_or_create(digest=recipe.digest(), defaults={"body": recipe.to_json()})
    about: dict[str, Any] = {"snapshot": CorpusSnapshot.objects.get(), "recipe": row, "seed": 1, "state": "active"}
    measured = {"path": "models/bench", "digest": "0" * 64, "training_seconds": 1.0, "training_device": "cpu"}
    ModelVersion.objects.get_or_create(name=NAME, number=1, defaults=about | measured)


def _confirmed(planted: Planted, number: int, key: str) -> Any:
    """Submit a request, and confirm it by a link as the e-mail would carry it."""
    from django.utils import timezone

    from requests_app.models import AccessLink
    from requests_app.services.intake import ClaimantDetails, TargetDetails, email_confirm, request_submit
    from requests_app.services.messages import token_digest

    name, address = planted.names[number], planted.addresses[number % len(planted.addresses)]
    request = request_submit(
        kind="erasure",
        language="en",
        claimant=ClaimantDetails(name=name, email=address),
        target=TargetDetails(name=name, evidence_output=planted.passages[number % len(planted.passages)]),
        submission_key=key,
    )
    expires = timezone.now() + timedelta(days=1)
    AccessLink.objects.create(request=request, purpose="confirm", token_sha256=token_digest(key), expires_at=expires)
    return email_confirm(token=key)
