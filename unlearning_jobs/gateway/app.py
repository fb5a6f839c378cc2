"""The gateway as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from unlearning_jobs.engine.guards import GuardsNow

from .answers import GuardedStream, guarded, refusal, refusal_events
from .calls import Call, Kind, read_body
from .counts import Counts, logger
from .errors import Refusal, upstream_lies
from .events import DONE, EventStream, event
from .policy import Policy, PolicyKeeper
from .upstream import Stream, Upstream

PATHS: Final[dict[Kind, str]] = {"chat": "/v1/chat/completions", "completion": "/v1/completions"}
LOGGED_EVERY: Final = 60.0
QUICK: Final = 16_384
"""Characters; a shorter text is read faster than a thread is begun."""
GONE: Final = 499
"""The client went away; nobody reads this status."""
T = TypeVar("T")
View = Callable[["Gateway", Request], Awaitable[Response]]


@dataclass(frozen=True)
class Limits:
    """What a request may take."""

    body_bytes: int = 1 << 20
    body_seconds: float = 30.0
    checked_every: float = 1.0
    """Seconds after which the policy is looked at again."""


def _answered(view: View) -> Callable[[Gateway, Request], Coroutine[Any, Any, Response]]:
    """Turn refusals into answers, and unexpected errors into one that quotes nothing."""

    @wraps(view)
    async def answered(self: Gateway, request: Request) -> Response:
        try:
            return await view(self, request)
        except Refusal as refused:
            self.counts.add(refused.code)
            return refused.response()
        except Exception as error:  # noqa: BLE001  # messages of other libraries may quote a text
            self.counts.add("unexpected")
            for frame in traceback.extract_tb(error.__traceback__):
                logger.error("%s: %s:%s", type(error).__name__, Path(frame.filename).name, frame.lineno)
            return Refusal(500, "unexpected", "The gateway failed.").response()

    return answered


class Gateway:
    """Guards what passes between clients and a model server."""

    def __init__(self, keeper: PolicyKeeper, upstream: Upstream, limits: Limits) -> None:
        self._keeper, self._upstream, self._limits = keeper, upstream, limits
        self.counts = Counts()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route(PATHS["chat"], self.chat, methods=["POST"]),
            Route(PATHS["completion"], self.completion, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/healthz", self.health),
        ]
        return Starlette(routes=routes, lifespan=self._life, exception_handlers={HTTPException: _no_such_page})

    @_answered
    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        return await self._complete("chat", request)

    @_answered
    async def completion(self, request: Request) -> Response:
        """Continue a text."""
        return await self._complete("completion", request)

    @_answered
    async def models(self, request: Request) -> Response:
        """List the released models; those of the model server, if the policy names none."""
        named = self._keeper.policy.models
        if named is None:
            return JSONResponse(await self._upstream.models(request.headers))
        released = [
            {"id": name, "object": "model", "created": 0, "owned_by": "lethe", "version": model.version}
            for name, model in sorted(named.items())
            if model.state == "released"
        ]
        return JSONResponse({"object": "list", "data": released})

    @_answered
    async def health(self, request: Request) -> Response:
        """Say whether everything is as it should be, and what has been counted."""
        del request
        policy, error = self._keeper.policy, self._keeper.error
        expired = sorted(guard.digest()[:16] for guard in policy.guards.expired())
        reachable = await self._upstream.is_there()
        about = {
            "status": "ok" if reachable and not error and not expired else "degraded",
            "suppression": "weights unchanged",
            "upstream": "reachable" if reachable else "unreachable",
            "policy": {"digest": policy.digest, "read_at": policy.read_at, "error": error},
            "guards": {"active": policy.count - len(expired), "expired": expired},
            **self.counts.to_json(),
        }
        return JSONResponse(about, 200 if reachable else 503)

    async def _complete(self, kind: Kind, request: Request) -> Response:
        self.counts.add("requests")
        body = await read_body(request, most=self._limits.body_bytes, seconds=self._limits.body_seconds)
        policy = self._keeper.policy
        guards = policy.guards.acting(model=str(body.get("model", "")))
        call = Call.read(kind, body, guards)
        policy.require_released(call.model)
        refused = await _guarding(guards.refuses, call.texts(), aside=call.size > QUICK or guards.compare_meanings)
        if refused:
            self.counts.refused("questions_refused", [refused])
            if call.stream:
                return EventStream(_said(refusal_events(call, refused)))
            return JSONResponse(refusal(call, refused))
        forwarded = call.forwarded(guards)
        if call.stream:
            stream = await self._upstream.stream(PATHS[kind], forwarded, request.headers)
            return EventStream(self._streamed(call, stream, guards, policy))
        work = self._upstream.answer(PATHS[kind], forwarded, request.headers)
        answered = await _unless_gone(request, work)
        if answered is None:
            self.counts.add("client_gone")
            return Response(status_code=GONE)
        answer, size = answered
        _require_no_quarantined(answer, policy)
        given, refusals = await _guarding(guarded, call, answer, guards, aside=size > QUICK or guards.compare_meanings)
        self.counts.refused("answers_cut", refusals)
        return JSONResponse(given)

    async def _streamed(self, call: Call, stream: Stream, guards: GuardsNow, policy: Policy) -> AsyncGenerator[bytes, None]:
        given = GuardedStream(call, guards)
        ended = False
        try:
            async for chunk in stream.chunks():
                _require_no_quarantined(chunk, policy)
                for part in await _guarding(_all, given.read(chunk), aside=guards.compare_meanings):
                    yield part
                if given.is_over and given.refusals:
                    break
            for part in await _guarding(_all, given.end(), aside=guards.compare_meanings):
                yield part
            ended = True
            yield DONE
        except Refusal as refused:  # the status has gone out already, so that the error is an event
            ended = True
            self.counts.add(refused.code)
            yield event(refused.body())
        finally:
            if not ended:
                self.counts.add("client_gone")
            self.counts.refused("answers_cut", given.refusals)
            await stream.close()

    @contextlib.asynccontextmanager
    async def _life(self, _application: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._keeper.watch(self._limits.checked_every))
        logging = asyncio.create_task(self._log())
        try:
            yield
        finally:
            watching.cancel()
            logging.cancel()
            self.counts.log()
            await self._upstream.close()

    async def _log(self) -> None:
        while True:
            await asyncio.sleep(LOGGED_EVERY)
            self.counts.log()


async def _guarding(work: Callable[..., T], *arguments: object, aside: bool) -> T:
    """Return what the work returns: at once, or `aside` in a thread, so that nobody else waits for it."""
    return await run_in_threadpool(work, *arguments) if aside else work(*arguments)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns; None, and no more work, if the client goes away first."""
    working, watching = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        watching.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _require_no_quarantined(answer: object, policy: Policy) -> None:
    if isinstance(answer, dict) and policy.is_quarantined(answer.get("model")):
        message = "it comes from a quarantined model."
        raise upstream_lies(message)


def _all(events: Iterator[bytes]) -> list[bytes]:
    return list(events)


async def _said(events: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    for one in events:
        yield one


def _no_such_page(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "The gateway has no such page; it answers /v1/chat/completions, /v1/completions and /v1/models."
    return Refusal(status, "not_found", message).response()
