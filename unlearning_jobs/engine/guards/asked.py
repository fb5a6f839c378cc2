"""What a model is asked: a conversation, or a text that it is to continue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """Messages of a conversation as OpenAI's interface writes them; or a prompt to continue."""

    messages: tuple[dict[str, Any], ...] = ()
    prompt: str | None = None

    @classmethod
    def question(cls, text: str) -> Self:
        """Return a conversation of one question."""
        return cls(({"role": "user", "content": text},))

    def with_instruction(self, text: str) -> Self:
        """Return the same with an instruction before everything else."""
        if self.prompt is not None:
            return replace(self, prompt=f"{text}\n\n{self.prompt}")
        if self.messages and self.messages[0].get("role") in ("system", "developer"):
            first = self.messages[0]
            return replace(self, messages=({**first, "content": _before(text, first.get("content"))}, *self.messages[1:]))
        return replace(self, messages=({"role": "system", "content": text}, *self.messages))

    def with_examples(self, pairs: Sequence[tuple[str, str]]) -> Self:
        """Return the same with questions and answers before the conversation, and behind what instructs it."""
        if self.prompt is not None:
            shown = "".join(f"{question}\n{answer}\n\n" for question, answer in pairs)
            return replace(self, prompt=shown + self.prompt)
        begin = next((i for i, m in enumerate(self.messages) if m.get("role") not in ("system", "developer")), 0)
        shown_messages = [
            {"role": role, "content": text}
            for question, answer in pairs
            for role, text in (("user", question), ("assistant", answer))
        ]
        return replace(self, messages=(*self.messages[:begin], *shown_messages, *self.messages[begin:]))

    def with_context(self, text: str) -> Self:
        """Return the same with a text right before the prompt, or before the last message of the user."""
        if self.prompt is not None:
            return replace(self, prompt=text + self.prompt)
        last = max((i for i, m in enumerate(self.messages) if m.get("role") == "user"), default=None)
        if last is None:
            return self
        message = self.messages[last]
        changed = {**message, "content": _before(text, message.get("content"), between="")}
        return replace(self, messages=(*self.messages[:last], changed, *self.messages[last + 1 :]))


def _before(text: str, content: object, between: str = "\n\n") -> object:
    if isinstance(content, list):
        return [{"type": "text", "text": text + between}, *content]
    return f"{text}{between}{content or ''}"
