"""A newer checkpoint extends an older one, or the command says that it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.__main__ import main
from compliance.evidence.consistency import proof_to_bytes
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.formats.merkle import consistency_proof

from .log_in_memory import ORIGIN, START, Log

KEY = Ed25519PrivateKey.generate()


def log_of(size: int, changed: int | None = None) -> Log:
    log = Log(KEY)
    for index in range(size):
        log.append("model:demo", "model.active", version=-1 if index == changed else index)
    return log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of five and eleven entries, the proof between them, and the keys."""
    log = log_of(11)
    (tmp_path / "old").write_bytes(log_of(5).checkpoint())
    (tmp_path / "new").write_bytes(log.checkpoint())
    (tmp_path / "proof").write_bytes(proof_to_bytes(consistency_proof(5, 11, log.node)))
    trusted = (TrustedKey.of(KEY.public_key(), "log", START),)
    (tmp_path / "trust.json").write_bytes(TrustFile("lethe-trust/1", ORIGIN, trusted).to_bytes())
    return tmp_path


def consistency(folder: Path, *names: str) -> int:
    return main(["consistency", *(str(folder / name) for name in names), "--trust", str(folder / "trust.json"), "--json"])


def test_a_log_that_grew_extends_the_older_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert consistency(folder, "old", "new", "proof") == 0
    assert json.loads(capsys.readouterr().out) == {
        "passed": True,
        "reason": "The log of 11 entries extends the log of 5: its first entries are the same.",
    }


def test_the_same_size_needs_no_proof(folder: Path) -> None:
    assert consistency(folder, "new", "new") == 0


@pytest.mark.parametrize("changed", [0, 4])
def test_a_rewritten_log_does_not_extend_it(folder: Path, changed: int, capsys: pytest.CaptureFixture[str]) -> None:
    fork = log_of(11, changed)
    (folder / "new").write_bytes(fork.checkpoint())
    (folder / "proof").write_bytes(proof_to_bytes(consistency_proof(5, 11, fork.node)))
    assert consistency(folder, "old", "new", "proof") == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "The new tree does not contain the old one."


def test_two_histories_of_one_size_are_seen(folder: Path) -> None:
    (folder / "fork").write_bytes(log_of(11, 7).checkpoint())
    assert consistency(folder, "fork", "new") == 1


def test_a_checkpoint_with_another_key_counts_for_nothing(folder: Path) -> None:
    log = log_of(5)
    log.key = Ed25519PrivateKey.generate()
    (folder / "old").write_bytes(log.checkpoint())
    assert consistency(folder, "old", "new", "proof") == 1


@pytest.mark.parametrize(
    "names",
    [("old", "new"), ("old", "nowhere", "proof"), ("old", "proof", "proof"), ("old", "new", "old"), ("new", "old", "proof")],
)
def test_what_cannot_be_checked_exits_with_two(folder: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        consistency(folder, *names)
    assert exit_info.value.code == 2
