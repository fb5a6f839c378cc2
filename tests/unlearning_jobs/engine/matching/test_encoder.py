"""Encoders from folders, and the process that one runs in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unlearning_jobs.engine.matching.encoder import EncoderError
from unlearning_jobs.engine.matching.encoder_folder import encoder_open
from unlearning_jobs.engine.matching.encoder_sentence import ROOT, SentenceEncoder
from unlearning_jobs.engine.matching.encoder_static import StaticEncoder, static_encoder_create

from .conftest import TEXTS


def _pid(encoder: SentenceEncoder) -> int:
    encoder.encode(["mara"])
    assert encoder._process is not None
    return encoder._process.pid


def test_a_text_has_one_vector_of_length_one_in_whatever_company(tiny: SentenceEncoder) -> None:
    together = tiny.encode(TEXTS[:40])
    assert together.shape == (40, 32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(tiny.encode([TEXTS[7], "mara"])[0], together[7], atol=1e-5)


def test_no_texts_have_no_vectors_and_an_empty_text_has_one(tiny: SentenceEncoder) -> None:
    assert tiny.encode([]).shape == (0, 32)
    assert np.isfinite(tiny.encode([""])).all()


def test_what_is_beyond_the_tokens_that_are_read_changes_nothing(tiny: SentenceEncoder) -> None:
    long = " ".join(TEXTS)
    words = long.replace(".", " .").split()
    as_read = " ".join(words[: tiny.most_tokens - 2])
    whole, cut = tiny.encode([long, as_read])
    assert np.allclose(whole, cut, atol=1e-5)


def test_a_killed_process_is_replaced_and_knows_no_password_of_its_parent(
    tiny: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    killed = _pid(tiny)
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
    assert _pid(tiny) != killed
    assert b"secret" not in Path(f"/proc/{_pid(tiny)}/environ").read_bytes()


def test_a_process_that_cannot_read_the_weights_is_an_error(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(EncoderError, match="process ended"):
        encoder_open(tmp_path / "cut").encode(["mara"])


def test_the_process_ends_when_its_parent_is_gone(tiny: SentenceEncoder) -> None:
    _pid(tiny)
    process = tiny._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # what the kernel does when the parent dies
    assert process.wait(timeout=20) == 0
    tiny.close()


def test_searching_loads_no_torch() -> None:
    modules = ("encoder", "encoder_sentence", "encoder_static", "meaning", "image")
    code = "".join(f"import unlearning_jobs.engine.matching.{name}\n" for name in modules)
    code += "import sys; sys.exit(bool({'torch', 'transformers', 'django'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_other_weights_are_another_encoder(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "other")
    assert encoder_open(tmp_path / "other").digest == encoder_open(tiny_folder).digest
    _flip(tmp_path / "other" / "model.safetensors")
    assert encoder_open(tmp_path / "other").digest != encoder_open(tiny_folder).digest


DAMAGES: dict[str, Callable[[Path], object]] = {
    "nothing there": shutil.rmtree,
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "weights as a pickle": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
    "no tokenizer": lambda folder: (folder / "tokenizer.json").write_text("{}"),
    "no configuration": lambda folder: (folder / "config.json").write_text("{}"),
    "a list": lambda folder: (folder / "config.json").write_text("[]"),
    "another pooling": lambda folder: (folder / "1_Pooling" / "config.json").write_text("{}"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_folder_without_a_usable_encoder_is_refused(
    damage: Callable[[Path], object], tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "damaged")
    damage(tmp_path / "damaged")
    with pytest.raises(EncoderError):
        encoder_open(tmp_path / "damaged")


def test_static_vectors_come_from_the_encoder_without_its_process(static_folder: Path, tiny: SentenceEncoder) -> None:
    static = encoder_open(static_folder)
    assert isinstance(static, StaticEncoder)
    vectors = static.encode([*TEXTS[:30], " ".join(reversed(TEXTS[0].split()))])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[-1], vectors[0], atol=1e-5)  # order is lost
    assert (vectors[:30] @ vectors[:30].T).argmax(axis=1).tolist() == list(range(30))
    assert static.name.startswith("static-")
    assert static.digest != tiny.digest


def test_a_text_without_a_known_token_has_no_direction(static_folder: Path) -> None:
    assert not encoder_open(static_folder).encode(["", "Ωμέγα", "[CLS]"]).any()


@pytest.mark.parametrize("name", ["vectors.npy", "tokenizer.json"])
def test_static_vectors_with_a_swapped_file_are_refused(name: str, static_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(static_folder, tmp_path / "static")
    _flip(tmp_path / "static" / name)
    with pytest.raises(EncoderError, match="damaged"):
        encoder_open(tmp_path / "static")


def test_static_vectors_are_never_written_over_others(static_folder: Path, tiny: SentenceEncoder) -> None:
    with pytest.raises(EncoderError, match="exists already"):
        static_encoder_create(tiny, static_folder)


def test_an_encoder_whose_files_change_before_its_process_begins_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "swapped")
    encoder = encoder_open(tmp_path / "swapped")
    _flip(tmp_path / "swapped" / "model.safetensors")
    with pytest.raises(EncoderError, match="changed since it was opened"):
        encoder.encode(["mara"])


@pytest.mark.parametrize("kind", ["tiny_folder", "static_folder"])
def test_an_encoder_that_is_open_answers_as_before_when_its_files_are_written_to(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copytree(request.getfixturevalue(kind), tmp_path / "open")
    encoder = encoder_open(tmp_path / "open")
    before = encoder.encode(TEXTS[:3])
    weights = next(path for path in (tmp_path / "open").iterdir() if path.suffix in {".safetensors", ".npy"})
    with weights.open("r+b") as file:
        file.seek(weights.stat().st_size // 2)
        file.write(bytes(weights.stat().st_size // 2))
    assert np.array_equal(encoder.encode(TEXTS[:3]), before)
