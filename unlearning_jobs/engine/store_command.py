"""The command `store`: erases documents from a data store in steps, and reads back what is left of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .printing import printable
from .stopping import ended_by_sigterm, exit_with_parent


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    parser = commands.add_parser("store", help="erase documents from a data store, and read its bytes back")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    find = steps.add_parser("find", help="find what is to go, change nothing, and print the digest that is to be approved")
    erase = steps.add_parser("erase", help="delete what was found and approved, rebuild the store, and read it back")
    verify = steps.add_parser("verify", help="look again, and change nothing")
    for step in (find, erase, verify):
        step.add_argument("spec", type=Path, help="which store, and what to find in it: a JSON file (docs/stores.md)")
        step.add_argument("--out", type=Path, required=step is not verify, help="folder of the job; not in the store")
    for step in (find, erase):
        step.add_argument("--progress", choices=["ndjson"], help="also print why it cannot be done as a line of JSON")
        step.add_argument("--exit-with-parent", action="store_true", help="end when standard input is closed")
    erase.add_argument("--approved", required=True, metavar="DIGEST", help="of the list, as find printed it")
    find.set_defaults(command=_find)
    erase.set_defaults(command=_erase)
    verify.set_defaults(command=_verify)


def _find(options: argparse.Namespace) -> int:
    from .stores import find_documents, read_spec

    if options.exit_with_parent:
        exit_with_parent()
    listing = find_documents(read_spec(options.spec), options.out)
    ways = ", ".join(f"{count} by {how}" for how, count in listing.how.items() if count)
    _print(f"{listing.count} of {listing.total} documents: {ways}")
    _print(f"digest of the list: {listing.digest}")
    return 0


@ended_by_sigterm()
def _erase(options: argparse.Namespace) -> int:
    from .stores import erase, read_spec

    if options.exit_with_parent:
        exit_with_parent()
    result = erase(read_spec(options.spec), options.out, options.approved, say=lambda line: sys.stderr.write(f"{line}\n"))
    _say(result["verdict"])
    if book := result["closed_book"]:
        _print(
            f"closed book: the model answers {book['alone']} of {book['questions']} questions without the store; of"
            f" {book['with_passage']} that it answers with the store's passage, {book['from_store']} came from the store"
        )
    _print(f"guarantee: {result['guarantee']}, for the store alone. It does not cover:")
    for line in result["does_not_cover"]:
        _print(f"    {line}")
    _print(f"result: {options.out / 'result.json'}")
    return 0 if result["verdict"]["outcome"] == "passed" else 2


def _verify(options: argparse.Namespace) -> int:
    from .stores import read_spec, verdict_of, verify

    found = verify(read_spec(options.spec), options.out)
    verdict = verdict_of(found, found, same=True)
    _say(verdict)
    words = {"job": "all that the job deleted", "spec": "what the spec names; what else was deleted is no longer known here"}
    _print(f"Looked for {words[found['looked_for']]}.")
    return 0 if verdict["outcome"] == "passed" else 2


def _say(verdict: Mapping[str, Any]) -> None:
    _print(f"verdict: {verdict['outcome']}")
    for sentence in verdict["sentences"]:
        _print(f"    {sentence}")


def _print(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
