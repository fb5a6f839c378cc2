"""Errors of the machine are told apart from those of a job, in words without anything from the corpus."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.errors import SpecError, explained
from unlearning_jobs.engine.example import make_example
from unlearning_jobs.engine.printing import readable_json

NO_SPACE = OSError(errno.ENOSPC, "No space left on device", "/somewhere/Secretperson")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NO_SPACE, "disk_full"),
        (RuntimeError("PytorchStreamWriter failed writing file Secretperson: file write failed"), "disk_full"),
        (SafetensorError("IoError: No space left on device (os error 28) Secretperson"), "disk_full"),
        (SafetensorError("IoError: File too large (os error 27) Secretperson"), "disk_full"),
        (OSError(errno.EFBIG, "File too large", "/somewhere/Secretperson"), "disk_full"),
        (RuntimeError("can't start new thread"), "out_of_memory"),
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere/Secretperson"), "forbidden"),
        (OSError(errno.EROFS, "Read-only file system", "/somewhere/Secretperson"), "forbidden"),
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. Secretperson"), "out_of_memory"),
        (
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes. Secretperson"),
            "out_of_memory",
        ),
    ],
)
def test_an_error_of_the_machine_is_told_in_words_that_say_what_to_do(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: Exception,
    code: str,
) -> None:
    def failing(*_arguments: object, **_options: object) -> None:
        try:
            raise error
        except type(error) as first:
            message = "While writing Secretperson"
            raise ValueError(message) from first

    monkeypatch.setattr("unlearning_jobs.engine.pipeline.run", failing)
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(make_example("classifier", tmp_path / "example").to_json()))
    assert main(["run", str(spec), "--out", str(tmp_path / "out"), "--progress", "ndjson"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["error"]["code"] == code
    assert printed.err.strip().endswith(("machine that ran the job.", "worker's user.", "more memory."))
    assert "Secretperson" not in printed.out + printed.err


def test_an_error_that_says_nothing_about_the_machine_is_none_of_these() -> None:
    assert explained(ValueError("the loss was out of range")) is None
    assert explained(SpecError("There is not enough memory of this example.")) is None
    assert explained(FileNotFoundError(errno.ENOENT, "No such file or directory")) is None


@pytest.mark.parametrize("steering", ["\x1b[2J", "\x9b2J", "\u202e", "\r", "\n"])
def test_no_message_steers_the_terminal_on_which_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steering: str
) -> None:
    """Names of folders, tensors, shards and settings come from others."""
    foreign = tmp_path / f"model{steering}"
    foreign.mkdir()
    (foreign / "config.json").write_text("{}")
    assert main(["describe", str(foreign)]) == 2
    printed = capsys.readouterr().err
    assert "model" in printed
    assert printed.strip().isprintable()
    assert str(SpecError(f"The tensor {steering} is missing.")).isprintable()


def test_json_that_people_read_keeps_letters_and_escapes_the_rest() -> None:
    value = {"template": "Müller 田中 \u202e\x1b\x9b\n{prompt}", "targets": ["q\r"]}
    shown = readable_json(value, indent=2)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "Müller 田中" in shown
    assert json.loads(shown) == value
