"""A model server, guards, and a gateway between them and a public client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from compliance.formats.canonical import format_time
from tests.unlearning_jobs.engine.guards.made import LATER, NAME, PHRASE, filter_of
from unlearning_jobs.engine.guards import Guard

from .servers import Scripted, gateway, serving

RELEASED = {
    "tiny": {"state": "released", "version": "model:tiny-2"},
    "old": {"state": "quarantined", "version": "model:tiny-1"},
}


def write_policy(path: Path, *guards: Guard, models: dict[str, Any] | None = None, until: str = "") -> Path:
    """Write a policy, and the guards that it names beside it."""
    entries = [{"file": guard.write(path.parent).name, "until": until or format_time(LATER)} for guard in guards]
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"format": "lethe-gateway-1", "models": models or RELEASED, "guards": entries}))
    draft.replace(path)
    return path


@pytest.fixture(scope="session")
def model_server() -> Iterator[tuple[Scripted, str]]:
    """One model server for all tests: starting one takes a while."""
    scripted = Scripted()
    with serving(scripted.application()) as url:
        yield scripted, url


@pytest.fixture
def scripted(model_server: tuple[Scripted, str]) -> Scripted:
    """The model server, as if it were new."""
    model_server[0].__init__()  # type: ignore[misc]  # the same server goes on
    return model_server[0]


@pytest.fixture
def upstream(model_server: tuple[Scripted, str], scripted: Scripted) -> str:
    del scripted
    return model_server[1]


@pytest.fixture
def guarded_by(upstream: str, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a gateway with these guards, and returns its address."""
    with ExitStack() as stack:
        yield lambda *guards: stack.enter_context(gateway(write_policy(tmp_path / "policy.json", *guards), upstream))


def client_of(url: str) -> OpenAI:
    """The public client, as its users make it."""
    return OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def usual_gateway(model_server: tuple[Scripted, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """One gateway for all tests that change nothing about it."""
    guards = filter_of(NAME), filter_of(PHRASE, kind="input_filter")
    policy = write_policy(tmp_path_factory.mktemp("usual") / "policy.json", *guards)
    with gateway(policy, model_server[1]) as url:
        yield client_of(url)


@pytest.fixture
def client(usual_gateway: OpenAI, scripted: Scripted) -> OpenAI:
    """A client of a gateway that filters answers for a person and questions for a wizard."""
    del scripted
    return usual_gateway
