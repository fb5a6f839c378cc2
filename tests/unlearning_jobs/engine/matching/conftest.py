"""A tiny encoder, made here: the layout and the code path of a real one, and three hundred words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.encoder_sentence import SentenceEncoder
from unlearning_jobs.engine.matching.encoder_static import StaticEncoder, static_encoder_create

WORDS = [f"{first}{second}" for first in ("mar", "tol", "ken", "sul", "bri", "dov") for second in "aeiou"]
WORDS += [f"{word}{ending}" for word in WORDS for ending in ("n", "st", "ck", "ld", "rm", "ng", "sh", "p", "lt")]
TEXTS = [" ".join(WORDS[(7 * n + step * (1 + n % 5)) % len(WORDS)] for step in range(12)) + "." for n in range(120)]
"""Sentences of twelve words, each its own."""


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an encoder with random weights: texts with the same words have like vectors."""
    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", *WORDS]
    tokenizer = Tokenizer(models.WordPiece({token: n for n, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    import torch  # here: most tests of this folder need no torch, which takes seconds to load
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        BertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling"
    pooling.mkdir()
    (pooling / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Iterator[SentenceEncoder]:
    """That encoder, its process running once it is asked."""
    encoder = SentenceEncoder.open(tiny_folder)
    yield encoder
    encoder.close()


@pytest.fixture(scope="session")
def static_folder(tiny: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "static"
    static_encoder_create(tiny, folder)
    return folder


@pytest.fixture
def static(static_folder: Path) -> Encoder:
    return StaticEncoder.open(static_folder)


@pytest.fixture
def snapshot_of(tmp_path: Path) -> Callable[[Sequence[str]], Snapshot]:
    """Make a snapshot of texts, every fourth held out."""

    def make(texts: Sequence[str]) -> Snapshot:
        number = len(list(tmp_path.glob("*.jsonl")))
        source = tmp_path / f"{number}.jsonl"
        rows = ({"text": text, "split": "held_out" if n % 4 == 3 else "train"} for n, text in enumerate(texts))
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return Snapshot.open(snapshot_create([source], tmp_path / f"snapshot-{number}").path)

    return make
