"""A language model in a folder, as transformers writes it: answers for an evaluation, and for the gateway's own server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.families.checkpoint_folders import check_weights, folder_problem, refused

from .asked import Asked

MOST_TOKENS: Final = 64
"""Tokens of an answer in an evaluation."""


class LocalModel:
    """Answers greedily, or by chance at a temperature. Reads safetensors alone, and runs no code from the folder."""

    def __init__(self, network: Any, tokenizer: Any, digest: str) -> None:
        self._network, self._tokenizer, self.digest = network, tokenizer, digest
        self._longest = int(getattr(network.config, "max_position_embeddings", 0) or 2048)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a folder.

        Raises:
            CheckpointError: there is no model in it that can be read safely and whole.
        """
        try:
            config = json.loads((folder / "config.json").read_bytes())
        except (OSError, ValueError):
            raise refused(folder, "it has no readable config.json") from None
        if problem := folder_problem(folder, config):
            raise refused(folder, problem)
        check_weights(folder)
        try:
            network = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            tokenizer = cast("Any", AutoTokenizer).from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise refused(folder, f"transformers cannot read it ({type(error).__name__})") from None
        return cls(cast("Any", network).eval(), tokenizer, checkpoint_digest(folder))

    def answer(self, asked: Asked, labels: Sequence[str] = ()) -> str:
        """Return the greedy answer; of several labels, the likeliest."""
        if labels:
            return max(labels, key=lambda label: self.log_probability(asked, label))
        return "".join(self.pieces(asked, MOST_TOKENS))

    @torch.inference_mode()
    def log_probability(self, asked: Asked, answer: str) -> float:
        """Return the mean log probability of the answer's tokens behind what is asked."""
        prompt = self._text(asked)
        given, whole = self._ids(prompt), self._ids(f"{prompt} {answer}")
        begin = next((i for i, (one, other) in enumerate(zip(given, whole, strict=False)) if one != other), len(given))
        begin = max(1, min(begin, len(whole) - 1))
        cut = max(0, len(whole) - self._longest)
        ids = torch.tensor([whole[cut:]])
        logged = self._network(input_ids=ids).logits[0].log_softmax(-1)
        places = torch.arange(max(begin - cut, 1), ids.shape[1])
        return float(logged[places - 1, ids[0, places]].mean())

    @torch.inference_mode()
    def pieces(self, asked: Asked, most: int, *, temperature: float = 0.0, seed: int | None = None) -> Iterator[str]:
        """Yield an answer piece by piece, of at most so many tokens."""
        given = self._ids(self._text(asked))
        most = min(most, self._longest - 1)
        given = given[-(self._longest - most) :]
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        new, cache, said, shown = torch.tensor([given]), None, list[int](), ""
        for _ in range(most):
            step = self._network(input_ids=new, past_key_values=cache, use_cache=True)
            token, cache = _chosen(step.logits[0, -1], temperature, generator), step.past_key_values
            if token == self._tokenizer.eos_token_id:
                break
            said.append(token)
            new = torch.tensor([[token]])
            text = self._tokenizer.decode(said, skip_special_tokens=True)
            if text.startswith(shown) and not text.endswith("\N{REPLACEMENT CHARACTER}"):  # a character may be unfinished
                yield text[len(shown) :]
                shown = text
        if said and (rest := self._tokenizer.decode(said, skip_special_tokens=True)).startswith(shown):
            yield rest[len(shown) :]

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self._ids(text))

    def _text(self, asked: Asked) -> str:
        if asked.prompt is not None:
            return asked.prompt
        if getattr(self._tokenizer, "chat_template", None):
            return str(self._tokenizer.apply_chat_template(list(asked.messages), tokenize=False, add_generation_prompt=True))
        return "\n".join(_content(message) for message in asked.messages)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text)["input_ids"]
        return ids or [self._tokenizer.eos_token_id or 0]


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    return "".join(part["text"] for part in content if "text" in part) if isinstance(content, list) else str(content or "")


def _chosen(logits: Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits.float() / temperature).softmax(-1), 1, generator=generator))
