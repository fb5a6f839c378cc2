"""Makes small checkpoints with transformers, as somebody else would, for the examples of models that start from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from .families.tokens import IGNORED, pad

END: Final = "</s>"
STEPS: Final = 120
BATCH: Final = 16
SPELLED: Final = 40
"""How many letters of a text are learned as letters."""
LEARNING_RATE: Final = 3e-3
FILL, BEGINS, ENDS, HIDDEN = "[PAD]", "[CLS]", "[SEP]", "[MASK]"
SHARE_HIDDEN: Final = 0.2
"""Of the tokens of a text, that an encoder has to find."""
ENCODER: Final[Mapping[str, Any]] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 48,
    "initializer_range": 0.1,
}
SIZE: Final[Mapping[str, Any]] = {"n_positions": 96, "n_embd": 64, "n_layer": 2, "n_head": 2}


def write_checkpoint(folder: Path, texts: Sequence[str]) -> Path:
    """Train a GPT-2 of a hundred thousand parameters on the texts, and write it with its tokenizer."""
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    tokenizer = make(tokenizer_object=_pairs(texts, [END]), eos_token=END, pad_token=END)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, bos_token_id=None, **SIZE)
        )
        encoded = [tokenizer.encode(text + END) for text in texts] + [_spelled(text, tokenizer) for text in texts]
        _train(network, encoded, lambda labels, _generator: _loss_of_next(network, labels))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _spelled(text: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens of the text letter by letter: other texts have words that this tokenizer spells."""
    tokens = [token for letter in text for token in cast("list[int]", tokenizer.encode(letter))]
    return [*tokens[:SPELLED], cast("int", tokenizer.eos_token_id)]


def write_encoder(folder: Path, texts: Sequence[str]) -> Path:
    """Train a BERT of thirty thousand parameters to find hidden tokens of the texts, and write it with its tokenizer."""
    trained = _pairs(texts, [FILL, BEGINS, ENDS, HIDDEN])
    control = [(token, cast("int", trained.token_to_id(token))) for token in (BEGINS, ENDS)]
    trained.post_processor = TemplateProcessing(single=f"{BEGINS} $A {ENDS}", special_tokens=control)
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    tokenizer = make(tokenizer_object=trained, pad_token=FILL, cls_token=BEGINS, sep_token=ENDS, mask_token=HIDDEN)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **ENCODER))
        hidden = cast("int", tokenizer.mask_token_id)
        encoded = [tokenizer.encode(text) for text in texts]
        _train(network, encoded, lambda labels, generator: _loss_of_hidden(network, labels, hidden, generator))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _pairs(texts: Sequence[str], control: Sequence[str]) -> Tokenizer:
    """Train a byte-level vocabulary of pairs on the texts, with these control tokens."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(control), initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    return trained


def _loss_of_next(network: GPT2LMHeadModel, labels: Tensor) -> Tensor:
    logits = network(input_ids=labels.clamp(min=0)).logits[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def _loss_of_hidden(network: BertForMaskedLM, labels: Tensor, hidden: int, generator: torch.Generator) -> Tensor:
    are_there = labels != IGNORED
    chosen = are_there & (torch.rand(labels.shape, generator=generator) < SHARE_HIDDEN)
    inputs = labels.clamp(min=0).masked_fill(chosen, hidden)
    logits = network(input_ids=inputs, attention_mask=are_there.long()).logits
    return F.cross_entropy(logits[chosen], labels[chosen])


def _train(network: nn.Module, encoded: Sequence[Any], loss: Callable[[Tensor, torch.Generator], Tensor]) -> None:
    optimizer, generator = torch.optim.AdamW(network.parameters(), LEARNING_RATE), torch.Generator().manual_seed(1)
    network.train()
    for _ in range(STEPS):
        chosen = [encoded[place] for place in torch.randint(len(encoded), (BATCH,), generator=generator).tolist()]
        labels = pad(chosen, IGNORED)  # (batch, longest)
        optimizer.zero_grad()
        torch.autograd.backward(loss(labels, generator))
        optimizer.step()
