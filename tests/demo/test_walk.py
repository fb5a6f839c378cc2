"""What the demonstration has to show: its steps need an installation, so they stand in for themselves here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any, Self

import pytest

import demo
from demo import __main__ as program
from demo.casework import REFUSED, RELEASED, Attempt, DemoRequest
from demo.http import PageError
from demo.shown import Mapped, fell_back

HELD = {"process": [{"name": "weights_equal", "held": True}]}
PAIRED = Attempt("gradient_difference", 3, "completed", "passed", {}, {}, "paired")
MEASURED = replace(PAIRED, method="npo", job=1, design="independent")
EXACT = replace(MEASURED, method="retrain", job=2, evaluation=HELD)
Results = dict[str, DemoRequest]


@pytest.mark.parametrize("name", [module.name for module in iter_modules(demo.__path__)])
def test_every_part_of_the_demonstration_can_be_imported(name: str) -> None:
    assert import_module(f"demo.{name}").__doc__


def released(*attempts: Attempt) -> DemoRequest:
    return DemoRequest("LE-7KQ4-M2XD", ["e00000001"], list(attempts), RELEASED, settled=True)


def honest() -> Results:
    """How every request of the walk ends when all goes well."""
    return {
        "erasure": released(MEASURED),
        "copyright": released(EXACT),
        "erasure, refused": DemoRequest("LE-7KQ4-M2XE", ["e00000002"], [], REFUSED, settled=True),
        "erasure from a model that somebody else made": released(EXACT),
        "erasure of handwriting": released(PAIRED),
    }


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The walk over steps that stand in for the real ones, with what they have come to."""

    def walked(results: Results, *, encoder: bool = True, meaning: bool = True, image: bool = True) -> int:
        left = list(results.values())
        stands_in = {
            "VAR": tmp_path,
            "LocalStack": Stack,
            "Browser": lambda _url: None,
            "Officers": lambda *_: SimpleNamespace(omar=None),
            "watch_job": lambda *_: "completed",
            "_scenarios": lambda *_: [scenario(about, result) for about, result in results.items()],
            "confirm_address": lambda *_: None,
            "erase": lambda *_: left.pop(0),
            "refuse": lambda *_: left.pop(0),
            "export_and_verify": lambda *_: "verified",
            "installed_encoder": lambda: tmp_path if encoder else None,
            "map_retold": lambda *_: Mapped("meaning", "by meaning", found=meaning),
            "map_picture": lambda *_: Mapped("image", "by a copy of a picture", found=image),
            "train_again": lambda *_: "The next training left them out.",
        }
        seeds = ("seed_accounts", "seed_corpus", "seed_digits", "seed_model", "seed_reader", "seed_foreign_model")
        for name, value in (stands_in | dict.fromkeys(seeds, lambda *_: None)).items():
            assert hasattr(program, name), f"the walk has no {name} any more"
            monkeypatch.setattr(program, name, value)
        return program.walk(0)

    return walked


class Stack:
    """An installation that nobody started."""

    url = "http://127.0.0.1"

    def __init__(self, var: Path, **_: Any) -> None:
        self.var = var

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def scenario(about: str, result: DemoRequest) -> program.Scenario:
    methods: tuple[Any, ...] = () if result.outcome == REFUSED else (("npo", {}),)
    return program.Scenario(about, "somebody@example.org", lambda _: result.reference, methods)


def test_a_walk_that_has_shown_everything_ends_well(walk: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert walk(honest()) == 0
    printed = capsys.readouterr()
    assert "NOT shown" not in printed.err
    assert "FELL BACK" not in printed.out


@pytest.mark.parametrize(
    ("about", "instead", "sentence"),
    [
        (
            "erasure of handwriting",
            released(replace(PAIRED, verdict="inconclusive"), EXACT),
            "comparison in pairs was decided",
        ),
        ("erasure of handwriting", released(replace(PAIRED, design="independent")), "comparison in pairs"),
        ("erasure, refused", released(EXACT), "refused by two officers"),
        ("erasure", DemoRequest("LE-7KQ4-M2XD", [], [MEASURED]), "1 of 5 requests were not settled"),
    ],
)
def test_a_walk_without_pairs_a_refusal_or_an_end_has_failed(
    walk: Callable[..., int], capsys: pytest.CaptureFixture[str], about: str, instead: DemoRequest, sentence: str
) -> None:
    assert walk(honest() | {about: instead}) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize("process", [[], [{"name": "weights", "held": None}], [{"name": "weights", "held": False}]], ids=str)
def test_an_exact_release_counts_only_if_its_process_held(
    walk: Callable[..., int], capsys: pytest.CaptureFixture[str], process: list[dict[str, object]]
) -> None:
    broken = released(replace(EXACT, evaluation={"process": process}))
    assert walk(honest() | {"copyright": broken, "erasure from a model that somebody else made": broken}) == 1
    assert "on the evidence of its process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"meaning": False}, 1),
        ({"image": False}, 1),
        ({"meaning": False, "encoder": False}, 0),
        ({"image": False, "encoder": False}, 1),
    ],
)
def test_something_must_be_found_by_a_picture_and_by_its_meaning_where_there_is_an_encoder(
    walk: Callable[..., int], found: dict[str, bool], status: int
) -> None:
    assert walk(honest(), **found) == status


def test_that_a_model_failed_against_pairs_is_as_much_worth_showing(walk: Callable[..., int]) -> None:
    assert walk(honest() | {"erasure of handwriting": released(replace(PAIRED, verdict="failed"), EXACT)}) == 0


def test_a_fall_back_is_said_with_what_did_not_pass() -> None:
    assert fell_back(released(EXACT)) == ""
    assert fell_back(released(replace(PAIRED, verdict="failed"), EXACT)) == (
        "FELL BACK to retrain, after gradient_difference (failed)"
    )


def test_what_is_not_found_stops_the_walk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As `python -m demo` does it: whatever stops a step is said, and the status is not 0."""

    def nothing(_port: int) -> int:
        message = "LE-7KQ4-M2XD: e00000021 was not found by image."
        raise PageError(message)

    monkeypatch.setattr(program, "walk", nothing)
    monkeypatch.setattr("sys.argv", ["demo"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("LETHE_ENV", "local")
    assert program.main() == 1
    assert "was not found by image" in capsys.readouterr().err


def test_the_requests_of_the_walk_are_those_that_its_checks_expect() -> None:
    from demo.corpus import make_demo_corpus
    from demo.handwriting import make_writers

    about = {one.about: one.methods for one in program._scenarios(make_demo_corpus(), make_writers())}
    assert set(about) == set(honest())
    assert not about["erasure, refused"]
    assert about["copyright"] == about["erasure from a model that somebody else made"] == (("retrain", {}),)
    assert about["erasure of handwriting"][0][0] == "gradient_difference"
