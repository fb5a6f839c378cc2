"""The commands about concepts: `concept` edits one out of a model and evaluates it, `probes` proposes how to ask for it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .contracts.concepts import ConceptSpec
from .errors import SpecError
from .printing import printable, readable_json
from .stopping import ended_by_sigterm

if TYPE_CHECKING:
    from collections.abc import Callable

    from .concepts.measured import Measured
    from .concepts.run import ConceptResult
    from .contracts import ProgressCallback

WORDS: Final = {
    "nothing_to_remove": "The original does not know the concept, so there was nothing to remove.",
    "says_nothing": "The evaluation says nothing.",
    "undershot": "It undershot: the model still gives answers that had to go.",
    "overshot": "It overshot: the answers are less likely than to a model that never learned the concept.",
    "damaged": "It overshot: the answers are gone, and so is what had to stay.",
    "nothing_found": "The answers were not found any more.",
}
ASSURANCE: Final = (
    "Assurance: behavioural. These are answers to questions, and no proof that anything was erased, so no outcome is called"
    " passed."
)


def add_to(commands: Any, reporter: Callable[[str], ProgressCallback]) -> None:
    """Add the commands to those of the engine."""
    concept = commands.add_parser("concept", help="edit a concept out of a model, and see what it still answers")
    concept.add_argument("spec", type=Path, help="the job, a JSON file; engine example concept prints one")
    concept.add_argument("--out", type=Path, required=True, help="folder for the result")
    concept.add_argument("--oracle", type=Path, help="folder of a model that was trained without the concept")
    concept.add_argument("--progress", choices=["auto", "ndjson", "none"], default="auto")
    concept.set_defaults(command=lambda options: _concept(options, reporter(options.progress)))
    probes = commands.add_parser("probes", help="print a concept with probes from templates and files, to edit")
    probes.add_argument("draft", type=Path, help="its names, and facts about it and its neighbours, a JSON file")
    probes.add_argument("--probes", type=Path, help="more probes, one JSON object a line")
    probes.add_argument("--neighbours", type=Path, help="more probes about neighbours")
    probes.set_defaults(command=_probes)


@ended_by_sigterm()
def _concept(options: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from .concepts.run import run_concept

    spec = ConceptSpec.from_json(_read(options.spec))
    result = run_concept(spec, options.out, on_progress, options.oracle)
    if options.progress != "ndjson":
        for line in _lines(result):
            _print(line)
        _print(f"result: {options.out / 'result.json'}")
    return 0


def _probes(options: argparse.Namespace) -> int:
    from .concepts.probe_files import ConceptDraft, propose

    concept = propose(ConceptDraft.from_json(_read(options.draft)), options.probes, options.neighbours)
    _print(readable_json(concept.to_json(), indent=2))
    return 0


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}."
        raise SpecError(message) from None
    except ValueError as error:
        message = f"{file} is not JSON ({type(error).__name__})."
        raise SpecError(message) from None


def _lines(result: ConceptResult) -> Iterator[str]:
    yield ASSURANCE
    yield f"concept {result.concept_digest}, edited out of the weights {result.original}"
    for name, control in result.controls.items():
        yield f"control {name}: {control.finding.outcome}"
    if not result.methods:
        yield from _finding("original", result.controls["nothing"])
    for made in result.methods:
        yield from _finding(f"{made.method.name} ({made.guarantee}, {made.seconds:.1f} s)", made.measured)
    yield "What this does not show:"
    yield from (f"    {one}" for one in result.does_not_show)


def _finding(title: str, measured: Measured) -> Iterator[str]:
    finding = measured.finding
    yield f"{title}: {finding.outcome}. {WORDS[finding.outcome]}"
    yield from (f"    {reason}" for reason in finding.reasons)
    for share in finding.shares:
        oracle = "" if share.oracle is None else f"  oracle {share.oracle:.2f}"
        yield (
            f"    {share.name:<30} {share.of:<24} {share.count:>3}/{share.total:<3} [{share.low:.2f}, {share.high:.2f}]"
            f"  original {share.original:.2f}{oracle}"
        )
    u = finding.utility
    oracle = "" if u.oracle is None else f"  oracle {u.oracle:.2f}"
    rose = f"{u.rose:+.2f} [{u.low:+.2f}, {u.high:+.2f}]"
    yield f"    loss on {u.texts} other texts: {u.edited:.2f}, {rose}  original {u.original:.2f}{oracle}"


def _print(text: str) -> None:
    sys.stdout.write("".join(f"{printable(line)}\n" for line in text.split("\n")))
