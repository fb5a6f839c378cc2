"""Passages written for the measurement, what people may ask for them with, and other texts about the same things."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Final

PASSAGES: Final[list[dict[str, str]]] = json.loads(Path(__file__).with_name("passages.json").read_text("utf-8"))
"""By kind: the `text` in the corpus, what asks for it, and `beside`, about the same subject and not meant."""
KINDS: Final = ("text", "paraphrase", "description", "answer", "de", "fr", "es", "ru", "zh")

PEOPLE = ("the miller", "a widow", "the ferryman", "an old captain", "the schoolmaster", "a young guard", "the baker",
          "her grandmother", "the clockmaker", "a prisoner", "the librarian", "a tailor", "the doctor")  # fmt: skip
ACTS = ("counted the boats", "mended a coat", "sold bread", "kept a garden", "told a story", "wound the clock",
        "borrowed a book", "buried a seed", "fed the dogs", "wrote to the admiral", "tuned a violin", "waited for a ship",
        "swept the square", "lit the lamps", "crossed the river", "learned the alphabet")  # fmt: skip
PLACES = ("in the harbour", "by the salt mine", "on the island", "under the bridge", "at the market", "behind the church",
          "in a town by the sea", "on Quill Street", "at the mill", "in the hills")  # fmt: skip
WHYS = ("because the winter was long", "although nobody had asked", "until the bells rang", "for two coins a day",
        "while the others slept", "as the law required", "so that the children would laugh", "since the bridge fell",
        "in spite of the rain", "to please the mayor", "before the fair began")  # fmt: skip


def distractors(count: int) -> list[str]:
    """Draw texts in the same small world, of two sentences each."""
    draw = random.Random(1)  # noqa: S311  # the same texts each time, nothing secret

    def sentence() -> str:
        return " ".join(draw.choice(words) for words in (PEOPLE, ACTS, PLACES, WHYS)).capitalize() + "."

    return [f"{sentence()} {sentence()}" for _ in range(count)]
