"""What a client asks, read in full before anything of it is passed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.requests import ClientDisconnect, Request

from compliance.formats.canonical import parse_json
from compliance.formats.errors import FormatError
from unlearning_jobs.engine.guards import Asked, GuardsNow

from .errors import Refusal, bad

Kind = Literal["chat", "completion"]
MOST_CHOICES: Final = 16
TOOLS: Final = ("tools", "functions")
NO_TEXT: Final = frozenset({"model", "role", "type", "detail"})
"""Fields whose strings are no texts that a model reads."""


async def read_body(request: Request, *, most: int, seconds: float) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Refusal: it is too large, comes too slowly, or is no JSON object without NUL and lone surrogates.
    """
    raw = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                raw += part
                if len(raw) > most:
                    message = f"The request is larger than {most} bytes."
                    raise Refusal(413, "request_too_large", message)
    except TimeoutError:
        message = "The request did not arrive in time."
        raise Refusal(408, "request_timeout", message) from None
    except ClientDisconnect:
        message = "The client went away."
        raise Refusal(499, "client_closed_request", message) from None
    try:
        body = parse_json(bytes(raw))
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate has no UTF-8
    except (FormatError, UnicodeEncodeError, RecursionError):
        message = "The request is not JSON, in UTF-8, that says each field once."
        raise bad(message) from None
    if not isinstance(body, dict):
        message = "The request is no JSON object."
        raise bad(message)
    if any("\0" in text for text in _strings(body)):
        message = "The request holds a NUL character, which no text has."
        raise bad(message)
    return body


@dataclass(frozen=True)
class Call:
    """A request for an answer that may be guarded."""

    kind: Kind
    body: Mapping[str, Any]
    model: str
    stream: bool
    choices: int
    """How many answers are asked for, of all prompts together."""
    asked: tuple[Asked, ...]
    """The conversation; or each prompt that is to be continued."""

    @classmethod
    def read(cls, kind: Kind, body: Mapping[str, Any], guards: GuardsNow) -> Call:
        """Read a request.

        Raises:
            Refusal: a field is not what it has to be, or asks for what the active guards cannot read.
        """
        model, stream, count = body.get("model"), body.get("stream") or False, body.get("n")
        count = 1 if count is None else count
        if not isinstance(model, str) or not model:
            message = "Name the model."
            raise bad(message, param="model")
        if not isinstance(stream, bool):
            message = "stream is true or false."
            raise bad(message, param="stream")
        asked = _conversation(body) if kind == "chat" else _prompts(body)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count * len(asked) <= MOST_CHOICES:
            message = f"n is a whole number, and at most {MOST_CHOICES} answers are given at once."
            raise bad(message, param="n")
        if guards.read_answers:
            _require_readable_answer(body)
        if guards.read_questions:
            _require_readable_question(body)
        return cls(kind, body, model, stream, count * len(asked), asked)

    @property
    def size(self) -> int:
        """Return how many characters of text there are to be read."""
        return sum(map(len, self.texts()))

    def texts(self) -> Iterator[str]:
        """Yield everything that the model reads: the conversation as a whole, messages in parts as one, then all else."""
        for asked in self.asked:
            if asked.prompt is not None:
                yield asked.prompt
            messages = [_parts(message.get("content")) for message in asked.messages]
            yield "\n".join("\n".join(parts) for parts in messages)
            yield from ("".join(parts) for parts in messages if len(parts) > 1)
        # Names, arguments of tools, and whatever else stands beside the contents.
        beside = [{k: v for k, v in message.items() if k != "content"} for asked in self.asked for message in asked.messages]
        others = {name: value for name, value in self.body.items() if name not in ("messages", "prompt")}
        yield "\n".join(_strings([others, beside]))

    def forwarded(self, guards: GuardsNow) -> dict[str, Any]:
        """Return what the model server is asked instead."""
        rewritten = [guards.rewritten(asked) for asked in self.asked]
        if self.kind == "chat":
            return {**self.body, "messages": list(rewritten[0].messages)}
        prompts = [asked.prompt for asked in rewritten]
        return {**self.body, "prompt": prompts if isinstance(self.body.get("prompt"), list) else prompts[0]}


def _conversation(body: Mapping[str, Any]) -> tuple[Asked, ...]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        message = "messages is a list of messages."
        raise bad(message, param="messages")
    for one in messages:
        content = one.get("content")
        if not (content is None or isinstance(content, str) or _is_parts(content)):
            message = "The content of a message is a text, or a list of parts."
            raise bad(message, param="messages")
    return (Asked(tuple(messages)),)


def _prompts(body: Mapping[str, Any]) -> tuple[Asked, ...]:
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list) or not prompts or not all(isinstance(one, str) for one in prompts):
        message = "prompt is a text, or a list of texts. Numbers of tokens cannot be read here."
        raise bad(message, param="prompt")
    return tuple(Asked(prompt=one) for one in prompts)


def _is_parts(content: object) -> bool:
    return isinstance(content, list) and all(
        isinstance(part, dict) and (part.get("type") != "text" or isinstance(part.get("text"), str)) for part in content
    )


def _parts(content: object) -> list[str]:
    """Return the texts of a message; what is no text has none."""
    if isinstance(content, list):
        return [part["text"] for part in content if isinstance(part.get("text"), str)]
    return [content] if isinstance(content, str) else []


def _require_readable_answer(body: Mapping[str, Any]) -> None:
    wanted = body.get("logprobs")
    if (wanted is not None and wanted is not False) or body.get("top_logprobs"):  # of texts to continue, 0 asks for some
        message = "Log probabilities are not given while a guard reads answers: they tell what the guard keeps back."
        raise bad(message, param="logprobs", code="logprobs_guarded")
    for name in TOOLS:
        if body.get(name):
            message = "Tools are not available while a guard reads answers: it cannot read what a tool would be told."
            raise bad(message, param=name, code="tools_guarded")


def _require_readable_question(body: Mapping[str, Any]) -> None:
    for message in body.get("messages") or ():
        content = message.get("content")
        if isinstance(content, list) and any(part.get("type") != "text" for part in content):
            words = "Only texts are passed on while a guard reads questions: it cannot read pictures, sound or files."
            raise bad(words, param="messages", code="content_guarded")


def _strings(value: object) -> Iterator[str]:
    """Yield every text in a value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            if name not in NO_TEXT or not isinstance(inner, str):
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
