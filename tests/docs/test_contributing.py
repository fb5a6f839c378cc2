"""CONTRIBUTING.md's rules about source files, for every file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import ROOT

SILENCED = re.compile(r"#\s*(noqa|type: ignore|ruff: noqa)\b")
WITH_REASON = re.compile(r"#\s*(noqa|type: ignore|ruff: noqa)\b[^#]*#\s*(noqa|type: ignore|\S[^#]*)")


@pytest.fixture(scope="module")
def sources() -> dict[Path, list[str]]:
    """Every Python file of the project, with its lines."""
    folders = ["benchmarks", "compliance", "demo", "requests_app", "tests", "unlearning_jobs"]
    paths = [*ROOT.glob("*.py"), *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8").splitlines() for path in paths}


def test_no_file_has_more_than_300_lines(sources: dict[Path, list[str]]) -> None:
    assert {str(path): len(lines) for path, lines in sources.items() if len(lines) > 300} == {}


def test_whatever_silences_a_check_says_why(sources: dict[Path, list[str]]) -> None:
    silenced = {
        f"{path}:{number}": line
        for path, lines in sources.items()
        for number, line in enumerate(lines, 1)
        if SILENCED.search(line) and not WITH_REASON.search(line)
    }
    assert silenced == {}
