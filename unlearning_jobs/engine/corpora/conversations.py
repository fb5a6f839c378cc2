"""Turns conversations into a prompt and a completion, whatever the source calls who speaks and what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

SPEAKERS: Final = ("role", "from", "speaker", "author")
CONTENTS: Final = ("content", "value", "text", "message")
ANSWERING: Final = frozenset({"assistant", "gpt", "model", "bot", "chatgpt", "ai", "chatbot", "agent"})


@dataclass(frozen=True)
class Turn:
    """What somebody says in a conversation, and what else its source holds about it."""

    speaker: str
    text: str
    rest: Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    """A conversation as an example."""

    prompt: str
    completion: str
    rest: str
    """As JSON, what is neither: turns after the answer, calls of tools, pictures. Empty if there is nothing."""


def is_conversation(value: object) -> bool:
    """Return whether a value is a list of turns."""
    return isinstance(value, list) and bool(value) and all(_speaker_of(turn) for turn in value)


def read_conversation(value: object) -> Conversation | None:
    """Return the conversation up to its last answer; None if nobody answers.

    One turn before the answer is the prompt as it is. Of several, each line says who speaks.

    Raises:
        ValueError: it is no list of turns.
    """
    turns = _turns(value)
    answers = [place for place, turn in enumerate(turns) if turn.speaker.lower() in ANSWERING and turn.text.strip()]
    if not answers:
        return None
    last = answers[-1]
    later = [{"role": turn.speaker, "content": turn.text} for turn in turns[last + 1 :]]
    besides: list[Any] = [{"turn": place, **turn.rest} for place, turn in enumerate(turns, start=1) if turn.rest]
    rest = besides + ([{"after": later}] if later else [])
    text = json.dumps(rest, ensure_ascii=False, default=str) if rest else ""
    return Conversation(as_text(turns[:last]), turns[last].text, text)


def as_text(turns: Sequence[Turn]) -> str:
    """Return turns as one text."""
    said = [turn for turn in turns if turn.text.strip()]
    return said[0].text if len(said) == 1 else "\n".join(f"{turn.speaker}: {turn.text}" for turn in said)


def text_of_turns(value: object) -> str:
    """Return the text of a list of turns.

    Raises:
        ValueError: it is no list of turns.
    """
    return as_text(_turns(value))


def _turns(value: object) -> list[Turn]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = json.loads(value)  # a column of a table as text
    if isinstance(value, Mapping) and value and all(isinstance(v, list) for v in value.values()):
        # A list of structures as a structure of lists, as `datasets` writes it.
        value = [dict(zip(value, turn, strict=False)) for turn in zip(*value.values(), strict=False)]
    if not isinstance(value, list) or not all(_speaker_of(turn) for turn in value):
        message = "must be a list of messages, each with who speaks (role or from) and what (content or value)"
        raise ValueError(message)
    return [_turn(turn) for turn in value]


def _speaker_of(turn: object) -> str:
    if not isinstance(turn, Mapping):
        return ""
    has_content = any(name in turn for name in CONTENTS)
    return next((name for name in SPEAKERS if isinstance(turn.get(name), str) and turn[name]), "") if has_content else ""


def _turn(turn: Mapping[str, Any]) -> Turn:
    speaker = _speaker_of(turn)
    content = next(name for name in CONTENTS if name in turn)
    text, parts = _parts(turn[content])
    rest = {name: value for name, value in turn.items() if name not in {speaker, content} and value not in (None, [], {})}
    return Turn(turn[speaker], text, rest | ({"parts": parts} if parts else {}))


def _parts(content: object) -> tuple[str, list[Any]]:
    """Return the text of a content, and its parts that are none."""
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        return "", [content]
    texts = [part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
    others = [part for part in content if not (isinstance(part, Mapping) and isinstance(part.get("text"), str))]
    return "\n".join(texts), others
