"""Answers in parts, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

DONE: Final = b"data: [DONE]\n\n"


def event(chunk: Mapping[str, Any]) -> bytes:
    """Return a chunk as an event of a stream."""
    return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


class EventStream(StreamingResponse):
    """Sends events, and ends their source as soon as nobody reads them: it may hold what others wait for."""

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        super().__init__(source, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._source.aclose()
