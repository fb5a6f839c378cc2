"""Every command for verifying a bundle that a person is shown names a trust file: otherwise a forger's keys count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .pages import PAGES, ROOT

COMMAND = re.compile(r"compliance\.evidence verify [A-Za-z{<][^\n`]*")
FOLDERS = ("templates", "compliance", "requests_app", "unlearning_jobs", "demo", "benchmarks")


def printed_commands() -> Iterator[tuple[str, str]]:
    """Yield every command with its arguments in documents, templates and code, and the file that it is in."""
    code = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".html", ".txt"}]
    for path in [*PAGES, *code]:
        for command in COMMAND.findall(path.read_text()):
            yield path.relative_to(ROOT).as_posix(), command


def test_every_printed_command_names_a_trust_file() -> None:
    commands = list(printed_commands())
    assert {"README.md", "docs/verifying.md", "templates/record/bundle.html", "demo/__main__.py"} <= {
        place for place, _command in commands
    }
    assert [(place, command) for place, command in commands if "--trust" not in command] == []
