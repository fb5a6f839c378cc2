"""The model server behind the gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from .errors import Refusal, upstream_lies

LARGEST: Final = 8 << 20
"""Bytes of the longest answer that is read."""
PROBED: Final = 2.0
"""Seconds in which the model server says whether it is there."""
PASSED_ON: Final = ("authorization", "openai-organization", "openai-project")
"""Headers of a client that the model server sees."""
DONE: Final = b"[DONE]"


@dataclass(frozen=True)
class Waits:
    """Seconds that the model server has."""

    connect: float = 5.0
    read: float = 120.0
    """From one part of an answer to the next."""


class Upstream:
    """An OpenAI-compatible server, such as vLLM, TGI, llama.cpp, or our own."""

    def __init__(self, url: str, waits: Waits) -> None:
        base = url.rstrip("/").removesuffix("/v1")
        timeout = httpx.Timeout(connect=waits.connect, read=waits.read, write=30.0, pool=waits.connect)
        self._client = httpx.AsyncClient(base_url=base, timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def is_there(self) -> bool:
        """Return whether the model server answers at all."""
        try:
            await self._client.get("/v1/models", timeout=PROBED)
        except httpx.HTTPError:
            return False
        return True

    async def models(self, headers: Mapping[str, str]) -> Any:
        """Return the model server's list of models (Refusal if there is none)."""
        response = await self._sent("GET", "/v1/models", None, headers)
        return (await _json(response))[0]

    async def answer(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[Any, int]:
        """Return a whole answer, and how many bytes it has (Refusal if there is none)."""
        return await _json(await self._sent("POST", path, body, headers))

    async def stream(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Stream:
        """Begin an answer in parts (Refusal if there is none)."""
        return Stream(await self._sent("POST", path, body, headers))

    async def _sent(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        own = {name: headers[name] for name in PASSED_ON if name in headers}
        request = self._client.build_request(method, path, json=body, headers=own)
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreachable(error) from None
        if response.status_code != httpx.codes.OK:
            await response.aclose()
            raise _refused(response.status_code)
        return response


class Stream:
    """An answer that arrives in events."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def close(self) -> None:
        """Let the model server know that nobody waits for the rest."""
        with suppress(httpx.HTTPError):
            await self._response.aclose()

    async def chunks(self) -> AsyncIterator[Any]:
        """Yield the chunks of the answer, up to its proper end.

        Raises:
            Refusal: it ends before its end, is too long, or holds what is no chunk.
        """
        async for data in self._events():
            if data == DONE:
                return
            try:
                chunk = json.loads(data)
            except (ValueError, RecursionError):
                message = "a part of it is no JSON."
                raise upstream_lies(message) from None
            if isinstance(chunk, dict) and "error" in chunk:
                message = "The model server broke its answer off."
                raise Refusal(502, "upstream_failed", message)
            yield chunk
        message = "The model server stopped in the middle of its answer."
        raise Refusal(502, "upstream_stopped", message)

    async def _events(self) -> AsyncIterator[bytes]:
        """Yield the data of each event. Lines end as the standard of events says, and not as texts do."""
        rest, size = b"", 0
        try:
            async for part in self._response.aiter_bytes():
                size += len(part)
                _require_short(size)
                *lines, rest = (rest + part).replace(b"\r\n", b"\n").split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield line.removeprefix(b"data:").strip()
        except httpx.HTTPError as error:
            raise _unreachable(error) from None


async def _json(response: httpx.Response) -> tuple[Any, int]:
    raw = bytearray()
    try:
        async for part in response.aiter_bytes():
            raw += part
            _require_short(len(raw))
        return json.loads(raw), len(raw)
    except httpx.HTTPError as error:
        raise _unreachable(error) from None
    except (ValueError, RecursionError):
        message = "it is no JSON."
        raise upstream_lies(message) from None
    finally:
        await response.aclose()


def _require_short(size: int) -> None:
    if size > LARGEST:
        message = f"it is longer than {LARGEST} bytes."
        raise upstream_lies(message)


def _unreachable(error: httpx.HTTPError) -> Refusal:
    if isinstance(error, httpx.PoolTimeout):
        return Refusal(503, "busy", "All connections to the model server are in use; try again.")
    if isinstance(error, httpx.TimeoutException):
        return Refusal(504, "upstream_timeout", "The model server did not answer in time.")
    return Refusal(502, "upstream_unreachable", "The model server cannot be reached, or broke off.")


def _refused(status: int) -> Refusal:
    """Return what the client is told: the server's status, and none of its words, which nobody has read."""
    if 400 <= status < 500:  # noqa: PLR2004  # what a client did wrong
        return Refusal(status, "upstream_refused", f"The model server refused the request ({status}).")
    return Refusal(502, "upstream_failed", f"The model server failed ({status}).")
