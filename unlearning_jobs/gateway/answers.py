"""What a client is answered: the model server's answer as far as the guards leave it, or a refusal in its place."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final

from unlearning_jobs.engine.guards import GuardedAnswer, GuardsNow, Refused

from .calls import Call
from .errors import upstream_lies
from .events import DONE, event

ABOUT: Final = ("id", "object", "created", "usage", "system_fingerprint")
"""Fields of an answer that are passed on while it is read. Others may hold text that nobody has read, and are left out."""
CUT: Final = "content_filter"


def refusal(call: Call, refused: Refused) -> dict[str, Any]:
    """Return an answer that says the refusal, once for each answer that was asked for."""
    choices = [_choice(call, index, refused.text, CUT) for index in range(call.choices)]
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {**_about(call), "choices": choices, "usage": usage}


def refusal_events(call: Call, refused: Refused) -> Iterator[bytes]:
    """Yield the same as a stream."""
    about = _about(call, streamed=True)
    for index in range(call.choices):
        yield event({**about, "choices": [_piece(call, index, refused.text, None, role="assistant")]})
        yield event({**about, "choices": [_piece(call, index, "", CUT)]})
    yield DONE


def guarded(call: Call, answer: object, guards: GuardsNow) -> tuple[dict[str, Any], list[Refused]]:
    """Return a whole answer as it may be given, and why it was cut.

    Raises:
        Refusal: it is not such an answer as was asked for.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
        message = "it has no choices."
        raise upstream_lies(message)
    if not guards.read_answers:
        return {**answer, "model": call.model}, []
    choices, refusals = [], []
    for choice in answer["choices"]:
        text = text_of(call, choice, "message")
        given, refused = guards.cut(text or "")
        finish = CUT if refused else choice.get("finish_reason")
        refusals += [refused] if refused else []
        choices.append(_choice(call, choice["index"], given if text is not None or refused else None, finish))
    about = {name: answer[name] for name in ABOUT if name in answer}
    return {**about, "model": call.model, "choices": choices}, refusals


def text_of(call: Call, choice: object, where: str) -> str | None:
    """Return the text of a choice, or of a piece of one (`where` is message or delta); None if it has none.

    Raises:
        Refusal: it is no choice that was asked for, or calls a tool that nobody offered.
    """
    index = choice.get("index") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(index, int) or not 0 <= index < call.choices:
        message = "it has a choice that nobody asked for."
        raise upstream_lies(message)
    said = choice if call.kind == "completion" else choice.get(where)
    if not isinstance(said, dict):
        message = f"a choice has no {where}."
        raise upstream_lies(message)
    if said.get("tool_calls") or said.get("function_call"):
        message = "it calls a tool that nobody offered."
        raise upstream_lies(message)
    text = said.get("text" if call.kind == "completion" else "content")
    if not (text is None or isinstance(text, str)):
        message = "a choice is no text."
        raise upstream_lies(message)
    finish = choice.get("finish_reason")
    if not (finish is None or isinstance(finish, str)):
        message = "a choice ends for no reason that can be read."
        raise upstream_lies(message)
    return text


class GuardedStream:
    """The choices of a stream, each read as it arrives."""

    def __init__(self, call: Call, guards: GuardsNow) -> None:
        self._call, self._guards = call, guards
        self._answers: dict[int, GuardedAnswer] = {}
        self._ended: set[int] = set()
        self.refusals: list[Refused] = []
        self._last = _about(call, streamed=True)

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will be given, whatever the model server says."""
        return len(self._ended) == self._call.choices

    def read(self, chunk: object) -> Iterator[bytes]:
        """Yield what may be given on of a chunk.

        Raises:
            Refusal: it is no chunk of such an answer as was asked for.
        """
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            message = "a part of it has no choices."
            raise upstream_lies(message)
        if not self._guards.read_answers:
            yield event({**chunk, "model": self._call.model})
            return
        self._last = {**{n: chunk[n] for n in ABOUT if n in chunk and n != "usage"}, "model": self._call.model}
        for choice in chunk["choices"]:
            text = text_of(self._call, choice, "delta") or ""
            delta = choice.get("delta")
            role = "assistant" if isinstance(delta, dict) and delta.get("role") else None
            yield from self._given(choice["index"], text, choice.get("finish_reason"), role)
        if chunk.get("usage"):
            yield event({**self._last, "choices": [], "usage": chunk["usage"]})

    def end(self) -> Iterator[bytes]:
        """Yield what was held back at the end of a stream, of choices that did not say that they end."""
        for index in sorted(self._answers.keys() - self._ended):
            yield from self._given(index, "", "stop", None)

    def _given(self, index: int, text: str, finish: str | None, role: str | None) -> Iterator[bytes]:
        if index in self._ended:
            return
        role = None if index in self._answers else role  # once: empty parts would tell how much is held back
        answer = self._answers.setdefault(index, self._guards.answer())
        given = answer.read(text, final=finish is not None)
        if answer.refused:
            self.refusals.append(answer.refused)
            finish = CUT
        if finish is not None:
            self._ended.add(index)
        if given or role or finish is not None:
            yield event({**self._last, "choices": [_piece(self._call, index, given, finish, role=role)]})


def _about(call: Call, *, streamed: bool = False) -> dict[str, Any]:
    names = {"chat": ("chatcmpl", "chat.completion"), "completion": ("cmpl", "text_completion")}
    prefix, kind = names[call.kind]
    if streamed and call.kind == "chat":
        kind += ".chunk"
    return {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": call.model}


def _choice(call: Call, index: int, text: str | None, finish: str | None) -> dict[str, Any]:
    said = {"text": text or ""} if call.kind == "completion" else {"message": {"role": "assistant", "content": text}}
    return {"index": index, **said, "logprobs": None, "finish_reason": finish}


def _piece(call: Call, index: int, text: str, finish: str | None, *, role: str | None = None) -> dict[str, Any]:
    if call.kind == "completion":
        return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    delta = {**({"role": role} if role else {}), **({"content": text} if text or role else {})}
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
