"""Arrays of margins are read as what they say, or refused with the array that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.outputs import ModelKey
from unlearning_jobs.engine.judging import judge, outputs_of_margins

RNG = np.random.default_rng(1)


def arrays(position: float = 0.0) -> dict[str, Any]:
    """Margins of four originals, four unlearned models at this position, and eight oracles, with a gap of 6."""
    return {
        **{
            f"{group}_forget": level + RNG.normal(0, 0.2, (models, 10))
            for group, level, models in (("original", 6.0, 4), ("unlearned", 6 * position, 4), ("oracle", 0.0, 8))
        },
        **{
            f"{group}_retain": 3 + RNG.normal(0, 0.2, (n, 12))
            for group, n in (("original", 4), ("unlearned", 4), ("oracle", 8))
        },
    }


def written(folder: Path, **changes: Any) -> Path:
    kept = {name: array for name, array in (arrays() | changes).items() if array is not None}
    np.savez(folder / "margins.npz", **kept)
    return folder / "margins.npz"


@pytest.mark.parametrize(("position", "outcome"), [(0.0, "alike"), (1.0, "different")])
def test_margins_are_judged(tmp_path: Path, position: float, outcome: str) -> None:
    np.savez(tmp_path / "margins.npz", **arrays(position))
    assert judge(outputs_of_margins(tmp_path / "margins.npz"), "classifier").outcome == outcome


def test_probability_and_accuracy_follow_from_the_margin(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        oracle_forget=np.array([[logit(0.9), logit(0.2)]]),
        **dict.fromkeys([name for name in arrays() if name.endswith("retain")]),
        original_forget=np.zeros((1, 2)),
        unlearned_forget=np.zeros((1, 2)),
    )
    outputs = outputs_of_margins(file)
    oracle = ModelKey("oracle", 1001)
    assert outputs.vector(oracle, "forget", "probability") == pytest.approx([0.9, 0.2])
    assert outputs.vector(oracle, "forget", "log_likelihood") == pytest.approx(np.log([0.9, 0.2]))
    assert outputs.vector(oracle, "forget", "accuracy").tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oracle_forget": None}, "no array oracle_forget"),
        ({"oracle_forget": np.zeros((8, 9))}, "different numbers of examples"),
        ({"oracle_forget": np.zeros(9)}, "must hold real numbers, a row for each model"),
        ({"oracle_forget": np.array([["a"]])}, "must hold real numbers"),
        ({"oracle_retain": np.zeros((7, 12))}, "another number of models"),
        ({"unlearned_forget": np.full((1, 12), np.nan)}, "unlearned_forget .* holds margins that are NaN or infinite"),
        ({"oracle_forget": np.array([[1.0, np.inf]])}, "NaN or infinite"),
        ({"unlearned_heldout": np.zeros((4, 9))}, "an array unlearned_heldout, which would not be looked at"),
        ({"forget": np.zeros((4, 10))}, "an array forget, which would not be looked at"),
        ({"oracle_forget": None, "original_forget": None, "unlearned_forget": None}, "no arrays of the forget set"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        outputs_of_margins(written(tmp_path, **changes))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "margins.npz", oracle_forget=np.array([[object()]]))
    with pytest.raises(SpecError, match="cannot be read"):
        outputs_of_margins(tmp_path / "margins.npz")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "margins.npz").write_text("margins")
    with pytest.raises(SpecError, match="cannot be read"):
        outputs_of_margins(tmp_path / "margins.npz")


def test_the_command_prints_what_it_found_and_what_that_does_not_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", "--margins", str(written(tmp_path)), "--out", str(tmp_path / "found.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("alike: ")
    assert "Assurance: behavioural" in printed
    assert "What this does not show:" in printed
    assert '"outcome": "alike"' in (tmp_path / "found.json").read_text()
    assert main(["judge", "--margins", str(written(tmp_path)), "--original", "somewhere"]) == 2
    assert main(["judge", "--original", "somewhere"]) == 2


@pytest.mark.parametrize("out", ["nowhere/found.json", "."])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert main(["judge", "--margins", str(written(tmp_path)), "--out", str(tmp_path / out)]) == 2
    printed = capsys.readouterr()
    assert "cannot be written; name a file in a folder that is there" in printed.err
    assert printed.out == ""


def test_a_single_array_and_complex_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "margins.npy", np.zeros((2, 2)))
    with pytest.raises(SpecError, match=r"cannot be read as an \.npz file"):
        outputs_of_margins(tmp_path / "margins.npy")
    with pytest.raises(SpecError, match="must hold real numbers"):
        outputs_of_margins(written(tmp_path, oracle_forget=np.zeros((8, 10), complex)))
