"""Servers on ports of this machine: a model server that says what a test wants, and the gateway in front of it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from unlearning_jobs.gateway.app import Gateway, Limits
from unlearning_jobs.gateway.policy import PolicyKeeper
from unlearning_jobs.gateway.upstream import Upstream, Waits

QUICK = Limits(body_bytes=20_000, body_seconds=1.0, checked_every=0.05)


@contextmanager
def serving(application: Starlette) -> Iterator[str]:
    """Serve an application, and yield its address."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        server = uvicorn.Server(uvicorn.Config(application, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def gateway(policy: Path, upstream: str, waits: Waits | None = None) -> Iterator[str]:
    """Serve a gateway."""
    made = Gateway(PolicyKeeper(policy), Upstream(upstream, waits or Waits(5.0, 20.0)), QUICK)
    with serving(made.application()) as url:
        yield url


def until(holds: Any, seconds: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


class Scripted:
    """A model server that gives the answer that a test has written, part by part."""

    def __init__(self) -> None:
        self.parts: list[str] = ["Hello", " there."]
        self.calls: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.raw: bytes | None = None
        """Instead of an answer."""
        self.status = 200
        self.stops = False
        """Whether it breaks off before the end."""
        self.pause = 0.0
        self.left = 0
        """How often somebody went away before the end."""
        self.choice: dict[str, Any] = {}
        """What else a choice says."""
        self.model: str | None = None

    def application(self) -> Starlette:
        paths = ("/v1/chat/completions", "/v1/completions")
        routes = [Route(path, self.answer, methods=["POST"]) for path in paths]
        return Starlette(routes=[*routes, Route("/v1/models", self.models)])

    async def models(self, _request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "tiny", "object": "model", "created": 0, "owned_by": "x"}]})

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.calls.append(body)
        self.headers = dict(request.headers)
        if self.raw is not None or self.status != 200:
            return Response(self.raw or b"{}", self.status, media_type="application/json")
        about = {"id": "x", "created": 1, "model": self.model or body["model"]}
        chat = request.url.path.endswith("chat/completions")
        prompts = body["prompt"] if isinstance(body.get("prompt"), list) else [0]
        choices = (body.get("n") or 1) * len(prompts)
        if body.get("stream"):
            return StreamingResponse(self.events(about, choices, chat=chat), media_type="text/event-stream")
        await asyncio.sleep(self.pause)
        said = "".join(self.parts)
        text: dict[str, Any] = {"message": {"role": "assistant", "content": said}} if chat else {"text": said}
        every = [{"index": i, **text, "logprobs": None, "finish_reason": "stop", **self.choice} for i in range(choices)]
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        kind = "chat.completion" if chat else "text_completion"
        return JSONResponse({**about, "object": kind, "choices": every, "usage": usage})

    async def events(self, about: dict[str, Any], choices: int, *, chat: bool) -> AsyncIterator[bytes]:
        def event(index: int, text: str, finish: str | None) -> bytes:
            said: dict[str, Any] = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
            choice = {"index": index, **said, "logprobs": None, "finish_reason": finish, **self.choice}
            kind = "chat.completion.chunk" if chat else "text_completion"
            return b"data: " + json.dumps({**about, "object": kind, "choices": [choice]}).encode() + b"\n\n"

        ended = False
        try:
            for part in self.parts:
                for index in range(choices):
                    yield event(index, part, None)
                await asyncio.sleep(self.pause)
            ended = True
            if not self.stops:
                for index in range(choices):
                    yield event(index, "", "stop")
                yield b"data: [DONE]\n\n"
        finally:
            self.left += not ended
