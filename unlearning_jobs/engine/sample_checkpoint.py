"""Makes a small checkpoint with transformers, as somebody else would, for the example of models that start from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from .families.tokens import IGNORED, pad

END: Final = "</s>"
STEPS: Final = 120
BATCH: Final = 16
SPELLED: Final = 40
"""How many letters of a text are learned as letters."""
LEARNING_RATE: Final = 3e-3
SIZE: Final[Mapping[str, Any]] = {"n_positions": 96, "n_embd": 64, "n_layer": 2, "n_head": 2}


def write_checkpoint(folder: Path, texts: Sequence[str]) -> Path:
    """Train a GPT-2 of a hundred thousand parameters on the texts, and write it with its tokenizer."""
    tokenizer = _tokenizer(texts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, bos_token_id=None, **SIZE)
        )
        _train(network, [tokenizer.encode(text + END) for text in texts] + [_spelled(text, tokenizer) for text in texts])
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _spelled(text: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens of the text letter by letter: other texts have words that this tokenizer spells."""
    tokens = [token for letter in text for token in cast("list[int]", tokenizer.encode(letter))]
    return [*tokens[:SPELLED], cast("int", tokenizer.eos_token_id)]


def _tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    trained.train_from_iterator(texts, trainer)
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    return make(tokenizer_object=trained, eos_token=END, pad_token=END)


def _train(network: GPT2LMHeadModel, encoded: Sequence[Any]) -> None:
    optimizer, generator = torch.optim.AdamW(network.parameters(), LEARNING_RATE), torch.Generator().manual_seed(1)
    network.train()
    for _ in range(STEPS):
        chosen = [encoded[place] for place in torch.randint(len(encoded), (BATCH,), generator=generator).tolist()]
        labels = pad(chosen, IGNORED)  # (batch, longest)
        logits = network(input_ids=labels.clamp(min=0)).logits[:, :-1]
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED))
        optimizer.step()
