"""A model server that answers at once, always the same: what takes time is then the gateway.

python -m benchmarks.guards.stub PORT
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from unlearning_jobs.engine.guards.too_broad import ORDINARY

ANSWER: Final = " ".join(ORDINARY)
"""About 150 words in several languages, of which no guard finds anything."""
ABOUT: Final = {"id": "x", "created": 1, "model": "stub"}


async def answer(request: Request) -> Response:
    if (await request.json()).get("stream"):
        return StreamingResponse(_events(), media_type="text/event-stream")
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    return JSONResponse({**ABOUT, "object": "chat.completion", "choices": [choice]})


def _events() -> Iterator[str]:
    for word in [*ANSWER.split(), None]:
        choice = {"index": 0, "delta": {"content": f"{word} "} if word else {}, "finish_reason": None if word else "stop"}
        yield f"data: {json.dumps({**ABOUT, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


if __name__ == "__main__":
    application = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical")
