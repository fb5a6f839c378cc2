"""Rubbish, liars, silence and quarantine: a clear outcome each, and nothing of what is kept back."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.unlearning_jobs.engine.guards.made import NAME, filter_of
from unlearning_jobs.gateway.__main__ import main
from unlearning_jobs.gateway.upstream import Waits

from .conftest import client_of, write_policy
from .servers import Scripted, gateway
from .test_answers import ASKED, streamed, whole


def posted(client: OpenAI, content: bytes, path: str = "chat/completions") -> httpx.Response:
    return httpx.post(f"{client.base_url}{path}", content=content, timeout=10)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[1]", 400),
        (b'{"model": "tiny", "model": "old", "messages": []}', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "a\\u0000b"}]}', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud800"}]}', 400),
        (b'{"model": "tiny", "messages": NaN}', 400),
        (b'{"model": "tiny", "messages": []}', 400),
        (b'{"model": "tiny", "messages": "Who?"}', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": 7}]}', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "text"}]}]}', 400),
        (b'{"model": 7, "messages": []}', 400),
        (b"[" * 15_000, 400),
        (b'"' + b"x" * 30_000 + b'"', 413),
    ],
)
def test_rubbish_is_refused_in_the_form_of_openais_errors(client: OpenAI, content: bytes, status: int) -> None:
    answer = posted(client, content)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_body_that_does_not_arrive_is_given_up(client: OpenAI) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as slow:
        slow.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in slow.recv(100)


@pytest.mark.parametrize("path", ["embeddings", "responses", "chat/completions/7", "files"])
def test_pages_that_nobody_guards_are_not_there(client: OpenAI, path: str) -> None:
    answer = posted(client, b"{}", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_quarantined_model_answers_nobody(client: OpenAI, scripted: Scripted) -> None:
    for stream in (False, True):
        with pytest.raises(openai.PermissionDeniedError) as error:
            client.chat.completions.create(model="old", messages=ASKED, stream=stream)
        assert error.value.code == "model_quarantined"
    assert scripted.calls == []


def test_a_model_that_the_policy_does_not_name_is_not_there(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.chat.completions.create(model="tiny ", messages=ASKED)


def test_the_list_of_models_has_those_that_are_released_with_their_versions(client: OpenAI) -> None:
    listed = [model.to_dict() for model in client.models.list()]
    assert [(model["id"], model["version"]) for model in listed] == [("tiny", "model:tiny-2")]


def test_an_answer_of_a_quarantined_model_under_another_name_is_refused(client: OpenAI, scripted: Scripted) -> None:
    scripted.model = "old"
    with pytest.raises(openai.InternalServerError, match="quarantined") as error:
        whole(client)
    assert error.value.status_code == 502
    with pytest.raises(openai.APIError, match="quarantined"):
        streamed(client)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Thyra Kestelyn",
        b"[]",
        b'{"choices": 7}',
        b'{"choices": [7]}',
        b'{"choices": [{"index": 3, "message": {"content": "Thyra"}}]}',
        b'{"choices": [{"index": 0, "message": "Thyra"}]}',
        b'{"choices": [{"index": 0, "message": {"content": ["Thyra"]}}]}',
        b'{"choices": [{"index": 0, "message": {"content": "x", "tool_calls": [{"function": {"arguments": "Thyra"}}]}}]}',
        b'{"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": {"Thyra": 1}}]}',
    ],
)
def test_a_model_server_that_lies_is_told_and_not_quoted(client: OpenAI, scripted: Scripted, raw: bytes) -> None:
    scripted.raw = raw
    with pytest.raises(openai.InternalServerError) as error:
        whole(client)
    assert (error.value.status_code, error.value.code) == (502, "bad_upstream_answer")
    assert "Thyra" not in str(error.value)


@pytest.mark.parametrize(("status", "seen"), [(401, 401), (404, 404), (429, 429), (500, 502), (503, 502), (302, 502)])
def test_a_model_server_that_refuses_is_not_quoted(client: OpenAI, scripted: Scripted, status: int, seen: int) -> None:
    scripted.status, scripted.raw = status, b'{"error": {"message": "Thyra Kestelyn"}}'
    for ask in (whole, streamed):
        with pytest.raises(openai.APIStatusError) as error:
            ask(client)
        assert error.value.status_code == seen
        assert "Thyra" not in str(error.value)


def test_a_stream_that_stops_in_the_middle_is_an_error_and_what_was_held_back_stays_so(
    client: OpenAI, scripted: Scripted
) -> None:
    scripted.parts, scripted.stops = ["It was Thyra"], True
    got: list[str] = []
    chunks = client.chat.completions.create(model="tiny", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match="stopped in the middle"):
        got.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "Thyra" not in "".join(got)


@pytest.mark.parametrize(
    "raw", [b"data: Thyra\n\n", b'data: {"error": "Thyra"}\n\n', b'data: {"choices": [{"index": 9}]}\n\n']
)
def test_a_stream_of_rubbish_is_an_error(client: OpenAI, scripted: Scripted, raw: bytes) -> None:
    scripted.raw = raw
    with pytest.raises(openai.APIError) as error:
        streamed(client)
    assert "Thyra" not in str(error.value)


def test_a_choice_that_does_not_say_that_it_ends_is_given_whole(client: OpenAI, scripted: Scripted) -> None:
    said = {"choices": [{"index": 0, "delta": {"content": "It was Thyra"}, "finish_reason": None}]}
    scripted.raw = b"data: " + json.dumps(said).encode() + b"\r\n\r\ndata: [DONE]\r\n\r\n"
    assert streamed(client) == [("It was Thyra", "stop")]


def test_a_slow_model_server_is_given_up(upstream: str, scripted: Scripted, tmp_path: Path) -> None:
    scripted.pause = 3.0
    with gateway(write_policy(tmp_path / "policy.json"), upstream, Waits(1.0, 0.2)) as url:
        with pytest.raises(openai.InternalServerError) as error:
            whole(client_of(url))
        assert (error.value.status_code, error.value.code) == (504, "upstream_timeout")


def test_without_a_model_server_it_says_so(tmp_path: Path) -> None:
    policy = write_policy(tmp_path / "policy.json", filter_of(NAME))
    with gateway(policy, "http://127.0.0.1:9") as url:
        for ask in (whole, streamed):
            with pytest.raises(openai.InternalServerError) as error:
                ask(client_of(url))
            assert (error.value.status_code, error.value.code) == (502, "upstream_unreachable")
        health = httpx.get(f"{url}/healthz")
        assert (health.status_code, health.json()["upstream"]) == (503, "unreachable")


def test_a_failure_of_its_own_quotes_nothing(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        message = "Thyra Kestelyn"
        raise ValueError(message)

    monkeypatch.setattr("unlearning_jobs.gateway.app.guarded", fail)
    with pytest.raises(openai.InternalServerError) as error:
        whole(client)
    assert "Thyra" not in str(error.value)
    assert not any("Thyra" in record.getMessage() for record in caplog.records)


def test_it_does_not_start_with_a_broken_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.json").write_text("{")
    assert main(["--policy", str(tmp_path / "policy.json"), "--upstream", "http://127.0.0.1:9"]) == 2
    assert "policy" in capsys.readouterr().err
    assert main(["--policy", str(tmp_path / "none.json"), "--upstream", "http://127.0.0.1:9"]) == 2


def test_it_needs_a_policy_and_a_model_server() -> None:
    with pytest.raises(SystemExit):
        main(["--policy", "policy.json"])
