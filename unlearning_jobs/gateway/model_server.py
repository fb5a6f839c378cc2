"""A small model server on transformers, for one model on one machine: one answer at a time. It applies no guards."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from unlearning_jobs.engine.guards import ActiveGuards
from unlearning_jobs.engine.guards.local_model import LocalModel

from .calls import Call, Kind, read_body
from .errors import Refusal, bad
from .events import DONE, EventStream, event

MOST_TOKENS: Final = 1024
USUAL_TOKENS: Final = 128
BODY_BYTES: Final = 1 << 20
BODY_SECONDS: Final = 30.0


class ModelServer:
    """Answers by a language model in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._model, self._name = LocalModel.open(folder), name
        self._one = asyncio.Lock()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/completions", self.completion, methods=["POST"]),
                Route("/v1/models", self.models),
            ]
        )

    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        return await self._complete("chat", request)

    async def completion(self, request: Request) -> Response:
        """Continue a text."""
        return await self._complete("completion", request)

    async def models(self, request: Request) -> Response:
        """List the one model, with the digest of its files."""
        del request
        model = {"id": self._name, "object": "model", "created": 0, "owned_by": "lethe", "version": self._model.digest}
        return JSONResponse({"object": "list", "data": [model]})

    async def _complete(self, kind: Kind, request: Request) -> Response:
        try:
            body = await read_body(request, most=BODY_BYTES, seconds=BODY_SECONDS)
            call = Call.read(kind, body, ActiveGuards(()).acting())
            self._require_own(call.model)
            wanted = _wanted(call)
        except Refusal as refused:
            return refused.response()
        about = {"id": uuid.uuid4().hex, "created": int(time.time()), "model": self._name}
        kinds = {"chat": "chat.completion", "completion": "text_completion"}
        if call.stream:
            streamed = f"{kinds[kind]}.chunk" if kind == "chat" else kinds[kind]
            return EventStream(self._events(call, {**about, "object": streamed}, wanted))
        async with self._one:
            text = await run_in_threadpool(lambda: "".join(self._model.pieces(call.asked[0], **wanted)))
        said = {"text": text} if kind == "completion" else {"message": {"role": "assistant", "content": text}}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": "stop"}
        return JSONResponse({**about, "object": kinds[kind], "choices": [choice], "usage": self._usage(call, text)})

    def _require_own(self, model: str) -> None:
        if model != self._name:
            message = "This server has another model; /v1/models names it."
            raise Refusal(404, "model_not_found", message, param="model")

    async def _events(self, call: Call, about: dict[str, Any], wanted: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        async with self._one:
            async for text in iterate_in_threadpool(self._model.pieces(call.asked[0], **wanted)):
                said = {"text": text} if call.kind == "completion" else {"delta": {"role": "assistant", "content": text}}
                yield event({**about, "choices": [{"index": 0, **said, "logprobs": None, "finish_reason": None}]})
        last: dict[str, Any] = {"text": ""} if call.kind == "completion" else {"delta": {}}
        yield event({**about, "choices": [{"index": 0, **last, "logprobs": None, "finish_reason": "stop"}]})
        yield DONE

    def _usage(self, call: Call, text: str) -> dict[str, int]:
        asked = call.asked[0]
        read = asked.prompt if asked.prompt is not None else "\n".join(str(m.get("content") or "") for m in asked.messages)
        counts = self._model.tokens(read), self._model.tokens(text)
        return {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}


def _wanted(call: Call) -> dict[str, Any]:
    """Return how an answer is to be made (Refusal if this server cannot make it so)."""
    body = call.body
    most = body.get("max_completion_tokens") or body.get("max_tokens") or USUAL_TOKENS
    temperature, seed = body.get("temperature") or 0.0, body.get("seed")
    if not isinstance(most, int) or not 1 <= most <= MOST_TOKENS:
        message = f"max_tokens is a whole number up to {MOST_TOKENS}."
        raise bad(message, param="max_tokens")
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:  # noqa: PLR2004  # OpenAI's highest
        message = "temperature is a number from 0 to 2."
        raise bad(message, param="temperature")
    if not (seed is None or (isinstance(seed, int) and 0 <= seed < 1 << 63)):
        message = "seed is a whole number."
        raise bad(message, param="seed")
    if call.choices > 1 or body.get("logprobs") or body.get("tools") or body.get("stop"):
        message = "This server gives one answer at a time, without log probabilities, tools and stops."
        raise bad(message)
    return {"most": most, "temperature": float(temperature), "seed": seed}
