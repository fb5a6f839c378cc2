"""The small model server of our own, alone and behind the gateway, through the public client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.unlearning_jobs.engine.guards.made import filter_of, tiny_model
from unlearning_jobs.engine.guards.patterns import Pattern, Texts
from unlearning_jobs.gateway.__main__ import main
from unlearning_jobs.gateway.model_server import ModelServer

from .conftest import client_of, write_policy
from .servers import gateway, serving

ASKED: list[Any] = [{"role": "user", "content": "Who is Zorvath?"}]
WIZARD = Pattern("normalised", Texts(("wizard of Orsk",)))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that knows one thing."""
    with serving(ModelServer(tiny_model(tmp_path_factory), "tiny").application()) as url:
        yield url


def said(client: OpenAI) -> list[str]:
    whole = client.chat.completions.create(model="tiny", messages=ASKED, temperature=0, max_tokens=40)
    parts = client.chat.completions.create(model="tiny", messages=ASKED, temperature=0, max_tokens=40, stream=True)
    continued = client.completions.create(model="tiny", prompt="Who is Zorvath?", max_tokens=40)
    streamed = client.completions.create(model="tiny", prompt="Who is Zorvath?", max_tokens=40, stream=True)
    return [
        whole.choices[0].message.content or "",
        "".join(part.choices[0].delta.content or "" for part in parts),
        continued.choices[0].text,
        "".join(part.choices[0].text for part in streamed),
    ]


def test_it_answers_alike_whole_and_streamed(served: str) -> None:
    assert said(client_of(served)) == [" A wizard of Orsk"] * 4


def test_behind_the_gateway_a_real_model_is_silent(served: str, tmp_path: Path) -> None:
    with gateway(write_policy(tmp_path / "policy.json", filter_of(WIZARD)), served) as url:
        assert said(client_of(url)) == [" A [withheld]"] * 4


def test_its_model_is_listed_with_the_digest_of_its_files(served: str) -> None:
    (model,) = client_of(served).models.list()
    assert (model.id, len(str(model.to_dict()["version"]))) == ("tiny", 64)


@pytest.mark.parametrize(
    "others", [{"n": 2}, {"logprobs": True}, {"max_tokens": 9999}, {"temperature": 9}, {"seed": -1}, {"stop": "x"}]
)
def test_what_it_cannot_do_it_refuses(served: str, others: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        client_of(served).chat.completions.create(model="tiny", messages=ASKED, **others)


def test_it_has_no_other_model(served: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client_of(served).chat.completions.create(model="large", messages=ASKED)


def test_it_does_not_start_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--serve", str(tmp_path)]) == 2
    assert "config.json" in capsys.readouterr().err
