"""The process of a sentence encoder: reads texts from standard input and writes vectors to standard output.

    python -m unlearning_jobs.engine.matching.encoder_process FOLDER

It begins by writing the digest of the files that it loaded. A question is its length in bytes (8 bytes, big-endian), then a
JSON list: the number of tokens to read of each text, and the texts. An answer is its length, then the vectors as 32-bit
floats. The process ends when standard input does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel

from .encoder import Vectors, tokenizer_open
from .encoder_sentence import LENGTH_BYTES, encoder_digest

BATCH = 32


def main(folder: Path, questions: BinaryIO, answers: BinaryIO) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Safetensors only: other weights are Python pickles and may run code.
    digest = encoder_digest(folder)
    network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    network = network.to(device).eval()
    for parameter in network.parameters():  # into memory: the file may be mapped, and somebody may write to it later
        parameter.data = parameter.data.clone()
    tokenizer = tokenizer_open(folder)
    if encoder_digest(folder) != digest:
        return
    answers.write(digest.encode("ascii"))
    answers.flush()
    while length := int.from_bytes(questions.read(LENGTH_BYTES)):
        most_tokens, *texts = json.loads(questions.read(length))
        tokenizer.enable_truncation(most_tokens)
        answer = encode(network, tokenizer, texts).tobytes()
        answers.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        answers.flush()


def encode(network: nn.Module, tokenizer: Tokenizer, texts: Sequence[str]) -> Vectors:
    """Encode in batches of texts of like length, so that little is computed for padding."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    device = next(network.parameters()).device
    rows = [_mean(network, [ids[i] for i in order[at : at + BATCH]], device) for at in range(0, len(order), BATCH)]
    vectors = torch.empty(len(ids), rows[0].shape[1])
    vectors[order] = torch.cat(rows).cpu()
    return vectors.numpy()


@torch.inference_mode()
def _mean(network: nn.Module, batch: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    longest = max(len(row) for row in batch)
    inputs = torch.tensor([[*row, *[0] * (longest - len(row))] for row in batch], device=device)  # (batch, longest)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch], device=device)
    hidden = network(input_ids=inputs, attention_mask=mask).last_hidden_state  # (batch, longest, dimensions)
    summed = (hidden * mask.unsqueeze(-1)).sum(dim=1)
    return nn.functional.normalize(summed / mask.sum(dim=1, keepdim=True).clamp(min=1), dim=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
