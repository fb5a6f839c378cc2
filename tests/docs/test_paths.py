"""Every file, command and link that a document names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pages import PAGES, ROOT, name

CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"[\w.<>*-]+(/[\w.<>*-]+)*/?")
KNOWN_ENDINGS = (".py", ".html", ".toml", ".yaml", ".yml", ".txt", ".lock", ".md", ".po", ".js", ".css")
ROOMS = ("compliance", "requests_app", "unlearning_jobs", "templates")
SHORT_FOR = ("", "unlearning_jobs/", "requests_app/", "compliance/", "templates/")
"""A document may leave these folders out where it is clear which room it speaks of."""
MADE_BY_COMMANDS = ("result.json", "spec.json", "trust.json", "lethe.json", "snapshot.json")
"""Files that Lethe writes or an operator provides, which are not part of the source."""


def words_in_code(text: str) -> Iterator[str]:
    for code in CODE.findall(BLOCK.sub("", text)):
        yield from code.split()


def paths_in(text: str) -> Iterator[str]:
    """What looks like a file or folder of the project."""
    tops = {path.name for path in ROOT.iterdir()}
    for word in words_in_code(text):
        if not PATH.fullmatch(word) or Path(word).name in MADE_BY_COMMANDS:
            continue
        is_folder = word.endswith("/") and word.count("/") > 1
        if word.endswith(KNOWN_ENDINGS) or word.split("/")[0] in tops & set(word.split("/")[:-1]) or is_folder:
            yield word


def exists(word: str) -> bool:
    """Whether the path, or for a pattern such as `methods/<name>.py` any like it, is there."""
    pattern = re.sub(r"<[^>]+>", "*", word.rstrip("/"))
    folders = SHORT_FOR if "/" in word else ("", *(f"{room}/**/" for room in ROOMS))
    return any(any(ROOT.glob(folder + pattern)) for folder in folders)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_exists(page: Path) -> None:
    missing = {word for word in paths_in(page.read_text()) if not exists(word)}
    assert not missing, f"{name(page)} names {', '.join(sorted(missing))}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    rules = re.findall(r"^([a-z%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    patterns = [re.compile(re.escape(rule).replace("%", "[a-z-]+")) for rule in rules]
    targets = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    missing = {target for target in targets if not any(pattern.fullmatch(target.rstrip("-")) for pattern in patterns)}
    assert not missing, f"{name(page)} names make {', '.join(sorted(missing))}, which the Makefile does not have"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_the_project_resolves(page: Path) -> None:
    broken = set()
    for link in LINK.findall(BLOCK.sub("", page.read_text())):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            broken.add(link)
    assert not broken, f"{name(page)} links to {', '.join(sorted(broken))}, which is not there"


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}


def test_the_check_notices_what_is_not_there() -> None:
    text = "`unlearning_jobs/engine/nowhere.py` and `engine/methods/<name>.py`, `no_such_file.py`, `docs/verifying.md`"
    assert [word for word in paths_in(text) if not exists(word)] == ["unlearning_jobs/engine/nowhere.py", "no_such_file.py"]


def test_every_page_is_reachable_from_the_index() -> None:
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall((ROOT / "docs" / "index.md").read_text())}
    pages = {page for page in PAGES if page.parent != ROOT and ".github" not in page.parts} - {ROOT / "docs" / "index.md"}
    assert pages <= linked
