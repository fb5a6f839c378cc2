"""Versions that stand in two places agree."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from .pages import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
PINS = [(pin.group(1), Version(pin.group(2))) for pin in PIN.finditer(LOCK)]


def requirements(path: Path) -> Iterator[Requirement]:
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "-")):
            yield Requirement(line)


PRODUCTION = list(requirements(ROOT / "requirements.txt"))


def test_the_lock_was_made_from_these_requirements() -> None:
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()
    assert f"\n# sha256:{digest}\n" in LOCK, "requirements.txt has changed since; run `make lock`"


@pytest.mark.parametrize("requirement", PRODUCTION, ids=str)
def test_the_lock_has_a_release_that_the_requirement_allows(requirement: Requirement) -> None:
    versions = [version for name, version in PINS if name == canonicalize_name(requirement.name)]
    assert versions
    assert all(requirement.specifier.contains(version) for version in versions)


def test_the_lock_pins_everything_by_hash_and_names_no_index_and_no_path() -> None:
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith("#")]
    assert sum(not line.startswith(" ") for line in lines) == len(PINS) > len(PRODUCTION)
    assert not [line for line in lines if "://" in line or re.search(r"^-|^ +--(?!hash=sha256:)| @ ", line)]


def test_the_newest_version_in_the_changelog_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    titles = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(project['version'])} \(\d{{4}}-\d\d-\d\d\)", titles[1])


@pytest.mark.parametrize(("tool", "repository"), [("ruff", "ruff-pre-commit"), ("djade", "djade-pre-commit")])
def test_checks_before_a_commit_are_those_of_make_check(tool: str, repository: str) -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    revision = re.search(rf"{repository}\n\s+rev: v?([\d.]+)\n", hooks)
    [pinned] = [r for r in requirements(ROOT / "requirements-dev.txt") if r.name == tool]
    assert revision is not None
    assert str(pinned.specifier) == f"=={revision.group(1)}"
