"""Runs a sentence encoder in a process of its own, so that no process of ours loads torch for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
from tokenizers import Tokenizer

from .encoder import EncoderError, Vectors, files_digest, tokenizer_open

MODULE: Final = "unlearning_jobs.engine.matching.encoder_process"
ROOT: Final = Path(__file__).resolve().parents[3]
LENGTH_BYTES: Final = 8
ENDED: Final = "The encoder's process ended; there may be too little memory, or its weights are damaged."
PASSED_ON: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES")
"""Variables of the environment that the encoder's process sees. Passwords are not among them."""


class SentenceEncoder:
    """An encoder of the layout of sentence-transformers, pooled by the mean over the tokens.

    The process starts with the first text and ends with this object, or when this process ends, however it ends.
    """

    def __init__(self, folder: Path, config: dict[str, object], tokenizer: Tokenizer, digest: str, threads: int) -> None:
        self.name = str(config.get("_name_or_path") or folder.name).split("/")[-1]
        self.version = f"mean-pooling/{config['model_type']}"
        self.digest, self.tokenizer = digest, tokenizer
        self.dimensions = int(str(config["hidden_size"]))
        self.most_tokens = int(str(config["most_tokens"]))
        self._folder, self._threads = folder, threads
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # one question at a time

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1) -> Self:
        """Read what the folder says about itself; the weights are read by the process.

        Raises:
            EncoderError: a file is missing or damaged, or the vectors are not pooled by the mean.
        """
        digest = encoder_digest(folder)
        try:
            config = json.loads((folder / "config.json").read_bytes())
            config["most_tokens"] = _most_tokens(folder, config)
            _check_pooling(folder)
            return cls(folder, config, tokenizer_open(folder), digest, threads)
        except (ValueError, KeyError, TypeError):
            message = "The encoder's configuration is damaged; check the path of the encoder."
            raise EncoderError(message) from None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a row of length 1 for each text.

        Raises:
            EncoderError: the process ended.
        """
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        with self._lock:
            answer = self._ask(json.dumps([self.most_tokens, *texts]).encode())
        vectors = np.frombuffer(answer, np.float32).reshape(-1, self.dimensions)
        if len(vectors) != len(texts):
            message = "The encoder answered with another number of vectors than there are texts."
            raise EncoderError(message)
        return vectors

    def close(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _ask(self, question: bytes) -> bytes:
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise AssertionError  # both are pipes
        try:
            process.stdin.write(len(question).to_bytes(LENGTH_BYTES) + question)
            process.stdin.flush()
            length = int.from_bytes(process.stdout.read(LENGTH_BYTES))
            answer = process.stdout.read(length)
        except OSError:
            length, answer = 0, b""
        if not answer or len(answer) != length:
            self.close()
            raise EncoderError(ENDED)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = _start(self._folder, self._threads)
            weakref.finalize(self, _end, self._process)
            self._require_same(self._process)
        return self._process

    def _require_same(self, process: subprocess.Popen[bytes]) -> None:
        """Raise EncoderError unless the process has loaded the files that this encoder was opened with."""
        if process.stdout is None:
            raise AssertionError  # it is a pipe
        loaded = process.stdout.read(len(self.digest)).decode("ascii", "replace")
        if loaded != self.digest:
            self.close()
            changed = "The encoder's files changed since it was opened."
            raise EncoderError(changed if loaded else ENDED)


def encoder_digest(folder: Path) -> str:
    """Return the digest of the files that a vector depends on.

    Raises:
        EncoderError: one of them is missing.
    """
    return files_digest(folder, _files(folder))


def _files(folder: Path) -> list[str]:
    """Name the files that a vector depends on."""
    weights = [path.name for path in folder.glob("*.safetensors")]
    optional = ("1_Pooling/config.json", "sentence_bert_config.json", "model.safetensors.index.json")
    return [
        "config.json",
        "tokenizer.json",
        *(weights or ["model.safetensors"]),
        *(f for f in optional if (folder / f).is_file()),
    ]


def _most_tokens(folder: Path, config: dict[str, object]) -> int:
    about = folder / "sentence_bert_config.json"
    stated = json.loads(about.read_bytes()).get("max_seq_length") if about.is_file() else None
    return int(stated or str(config["max_position_embeddings"]))


def _check_pooling(folder: Path) -> None:
    about = folder / "1_Pooling" / "config.json"
    if about.is_file() and not json.loads(about.read_bytes()).get("pooling_mode_mean_tokens"):
        message = "The encoder does not pool by the mean over its tokens; choose one that does."
        raise EncoderError(message)


def _start(folder: Path, threads: int) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}  # nothing is ever downloaded
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
        [sys.executable, "-m", MODULE, str(folder.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # other libraries' messages may quote texts
        env=environment,
        cwd=ROOT,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it has nothing to save
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
