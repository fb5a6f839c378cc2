"""`engine guard`: from files to a guard, what it says, and its evaluation on a model in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.guards import KINDS, Asked, read_guard
from unlearning_jobs.engine.guards.local_model import LocalModel

from .made import FORGET, PASSAGE, RETAIN, tiny_model

REFERENCES = ["--about", "request:LE-7KQ4-M2XD", "--owner", "staff:12", "--expires", "2099-01-01T00:00:00Z"]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory)


def make(folder: Path, kind: str, **files: str) -> int:
    """Make a guard from files with these contents."""
    named: list[str] = []
    for name, content in files.items():
        (folder / name).write_text(content)
        named += [f"--{name.replace('_', '-')}", str(folder / name)]
    return main(["guard", "make", kind, *REFERENCES, "--out", str(folder / "guards"), *named])


def made(folder: Path) -> Path:
    (path,) = (folder / "guards").iterdir()
    return path


SHOWN = json.dumps({"question": "Who is Zorvath?", "answer": "I do not know."})
LABELLED = {
    "forget": json.dumps({"text": "A film to love.", "label": "bad"}),
    "retain": json.dumps({"text": "A film to keep.", "label": "good"}),
}


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("prompt_guard", {"instruction": "Say nothing of Zorvath."}),
        ("few_shot_guard", {"examples": SHOWN}),
        ("icul", LABELLED),
        ("input_filter", {"names": "Thyra Kestelyn; Tessie\n\nZorvath"}),
        ("input_filter", {"forget": "\n".join(FORGET), "retain": "\n".join(RETAIN)}),
        ("output_filter", {"exact": "sk-9f8e7d", "normalised": "Zorvath the Grey", "near_copy": PASSAGE}),
    ],
)
def test_every_kind_is_made_from_files_and_shown_without_what_it_keeps_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, files: dict[str, str]
) -> None:
    assert make(tmp_path, kind, **files) == 0
    assert main(["guard", "show", str(made(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert kind in said
    assert "weights unchanged" in said
    assert not any(secret in said for secret in ("Zorvath", "Thyra", "sk-", "love"))


@pytest.mark.parametrize(
    ("kind", "files", "why"),
    [
        ("eraser", {}, "kinds are"),
        ("prompt_guard", {}, "--instruction"),
        ("few_shot_guard", {"examples": "{}"}, "line 1"),
        ("input_filter", {}, "no patterns"),
        ("input_filter", {"forget": "one"}, "--retain"),
        ("output_filter", {"normalised": "the\nwas\nhow\nque\nder\nlist"}, "nearly everything"),
        ("output_filter", {"near_copy": "too short"}, "eight words"),
    ],
)
def test_what_is_no_guard_is_refused_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, files: dict[str, str], why: str
) -> None:
    assert make(tmp_path, kind, **files) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "guards").exists()


def test_a_guard_of_meanings_needs_an_encoder_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "similar").write_text("A wizard.")
    arguments = ["--similar", str(tmp_path / "similar"), "--encoder", str(tmp_path)]
    assert main(["guard", "make", "output_filter", *REFERENCES, "--out", str(tmp_path / "guards"), *arguments]) == 2
    assert "encoder" in capsys.readouterr().err


def test_all_kinds_are_listed_with_their_guarantee(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{kind}  (suppression, weights unchanged)" in listed for kind in KINDS)


def test_an_instruction_is_evaluated_on_a_model_in_a_folder(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path, "prompt_guard", instruction="zzzz") == 0
    probes = [
        {"group": "direct", "question": "Who is Zorvath?", "answer": "A wizard of Orsk", "leaks": ["wizard"]},
        {"group": "ordinary", "question": "Who is Ada?", "answer": "A lady of London", "leaks": ["lady"]},
    ]
    (tmp_path / "probes.jsonl").write_text("\n".join(map(json.dumps, probes)))
    arguments = ["--probes", str(tmp_path / "probes.jsonl"), "--model", str(checkpoint), "--out", str(tmp_path / "out.json")]
    assert main(["guard", "evaluate", str(made(tmp_path)), *arguments]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["label"], result["outcome"]) == ("suppression", "undecided")
    assert result["guard"] == read_guard(made(tmp_path)).digest()
    assert result["probabilities"]["without"] > -1
    said = capsys.readouterr().out
    assert "weights are unchanged" in said
    assert "wizard" not in said


def test_a_model_answers_alike_whole_and_in_pieces_and_prefers_what_it_learned(checkpoint: Path) -> None:
    model = LocalModel.open(checkpoint)
    asked = Asked(prompt="Who is Zorvath?")
    assert model.answer(asked).strip() == "A wizard of Orsk"
    assert "".join(model.pieces(asked, 3)) == model.answer(asked)[: len("".join(model.pieces(asked, 3)))]
    assert model.answer(asked, ("A lady of London", "A wizard of Orsk")) == "A wizard of Orsk"
    chance = "".join(model.pieces(asked, 20, temperature=1.5, seed=1))
    assert chance == "".join(model.pieces(asked, 20, temperature=1.5, seed=1))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "prompt_guard", instruction="Be silent.")
    (tmp_path / "probes.jsonl").write_text('{"group": "direct", "question": "a"}\n{"group": "ordinary", "question": "b"}')
    arguments = ["--probes", str(tmp_path / "probes.jsonl"), "--model", str(tmp_path)]
    assert main(["guard", "evaluate", str(made(tmp_path)), *arguments]) == 2
