"""What stands around an example's texts: the token that begins texts, and the template in which a prompt stands.

A template for conversations comes with a checkpoint, and may do anything. It is used only if it writes each prompt as it
is, once, and the same around it: what it writes are control tokens, and the prompt's own letters are never taken for such.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transformers import PreTrainedTokenizerFast

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import CorpusError, SpecError

DAY: Final[Mapping[str, Any]] = {"date_string": "26 Jul 2024"}
"""What templates for conversations write as the day, if they can be told: a training must not depend on the day it runs on.
It is the one that Llama 3's templates name where they know none."""
TODAY: Final = "\u2063today\u2063"
MARK: Final = "\u2063lethe\u2063"
"""Stands for a prompt while a template is written around it."""
TRIED: Final = ("Who keeps the light?", "a", "2 lines,\nand a sign: <x>")
"""Prompts with which a template must do as with any other."""
Frame = tuple[str, str]
"""What stands before a prompt, and between it and the answer."""


def begins_texts(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Return whether a tokenizer itself puts the token that begins texts before one. GPT-2's has one and does not."""
    return tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]


def chat_frame(tokenizer: PreTrainedTokenizerFast) -> Frame:
    """Return what a tokenizer's template for conversations writes around what the user says.

    Raises:
        SpecError: it has none, or one that depends on the day, or that does not write what the user says as it is, once,
            with the same around it.
    """
    if problem := _problem(tokenizer):
        message = f"The tokenizer {problem}; give the recipe a template with {{prompt}}."
        raise SpecError(message)
    first, _mark, last = _written(tokenizer, MARK).partition(MARK)
    return first, last


def _problem(tokenizer: PreTrainedTokenizerFast) -> str:
    """Return why a template for conversations cannot be used; empty if it can."""
    if not tokenizer.chat_template:
        return "has no template for conversations"
    try:
        if _writes_the_day(tokenizer):
            return (
                "has a template for conversations that writes the day on which it is used, so a training would be another"
                " one tomorrow"
            )
        first, mark, last = _written(tokenizer, MARK).partition(MARK)
        same = all(_written(tokenizer, prompt) == first + prompt + last for prompt in TRIED)
    except Exception as error:  # noqa: BLE001  # a template may raise whatever it likes
        return f"has a template for conversations that fails ({type(error).__name__})"
    if not (mark and same) or MARK in last:
        return (
            "has a template for conversations that does not write what the user says as it is, once, with the same around it"
        )
    return ""


def said_in_chat(tokenizer: PreTrainedTokenizerFast, frame: Frame, example: Example) -> str:
    """Return an example's prompt as the template writes it: some leave out white space around it.

    Raises:
        CorpusError: the template writes something else of this prompt, or around it, than of others.
    """
    first, last = frame
    written = _written(tokenizer, example.prompt)
    for said in (example.prompt, example.prompt.strip()):
        if written == first + said + last:
            return said
    message = (
        f"The tokenizer's template for conversations writes the prompt of example {example.id} otherwise than other prompts;"
        " give the recipe a template with {prompt}, or leave the example out."
    )
    raise CorpusError(message)


def _written(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    asked = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True, **DAY))


def _writes_the_day(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Return whether the template for conversations asks for the day although it is told one."""
    template = str(tokenizer.chat_template)
    if "strftime_now" not in template:
        return False
    watched = f"{{%- macro strftime_now(format) -%}}{TODAY}{{%- endmacro -%}}{template}"
    asked = [{"role": "user", "content": "?"}]
    how: Mapping[str, Any] = {"chat_template": watched, "tokenize": False, "add_generation_prompt": True, **DAY}
    return TODAY in str(tokenizer.apply_chat_template(asked, **how))
