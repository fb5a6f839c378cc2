"""Command line: `python -m compliance.evidence verify DIR [--trust FILE] [--json]`.

Exit status: 0 when every step passed, 1 when one did not, 2 when the command was not usable.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .bundle import MAX_READ
from .verification import Verification, verify_bundle

MARKS = {"passed": "pass", "failed": "FAIL", "not checked": "----"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text streams here; file names may be any bytes
    parser = argparse.ArgumentParser(
        prog="python -m compliance.evidence", description="Checks evidence without the platform."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="verify a bundle in numbered steps")
    verify.add_argument("directory", type=Path, metavar="DIR", help="the bundle")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="trust file that you got from the operator directly")
    verify.add_argument("--json", action="store_true", help="print the steps as JSON")
    options = parser.parse_args(arguments)
    try:
        trust = _read(options.trust) if options.trust else None
    except OSError as error:
        parser.error(f"the trust file cannot be read: {error.strerror}")
    verification = verify_bundle(options.directory, trust)
    print(_as_json(verification) if options.json else _as_text(verification))  # noqa: T201  # this is the command's output
    return 0 if verification.passed else 1


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_READ)


def _as_json(verification: Verification) -> str:
    steps = [asdict(step) for step in verification.steps]
    return json.dumps({"passed": verification.passed, "steps": steps, "summary": verification.summary}, indent=2)


def _as_text(verification: Verification) -> str:
    lines = []
    for step in verification.steps:
        lines.append(f"{step.number:>2}  {MARKS[step.status]}  {step.title}")
        if step.reason:
            lines.append(f"          {step.reason}")
    return "\n".join([*lines, "", verification.summary])


if __name__ == "__main__":
    sys.exit(main())
