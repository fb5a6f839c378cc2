"""The command `judge`: compares models that others unlearned with oracles, by Lethe's own measurements and margins."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .errors import SpecError
from .found_file import require_writable, write_found
from .printing import printable

if TYPE_CHECKING:
    from .judging import Judgement

WORDS: Final = {
    "alike": "The unlearned model answers like the oracles, within the margins.",
    "different": "The unlearned model does not answer like the oracles.",
    "undecided": "Whether the unlearned model answers like the oracles cannot be told.",
}
ASSURANCE: Final = (
    "Assurance: behavioural. Nobody here watched how these models came about, so this is no verdict that passed; it says"
    " what they answer."
)
TOLERANCE: Final = 1e-6


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    parser = commands.add_parser("judge", help="compare models that others unlearned with models that never saw the data")
    for group in ("original", "unlearned", "oracles"):
        parser.add_argument(f"--{group}", type=Path, nargs="+", default=[], help="folders of models, or logs (*.json)")
    parser.add_argument("--snapshot", type=Path, help="the snapshot that the models were trained on, for folders")
    parser.add_argument("--forget", type=Path, help="ids of the examples to forget, one a line, for folders")
    parser.add_argument("--template", default="", help="what stands before an answer, with {prompt}; or chat")
    parser.add_argument("--max-length", type=int, default=0, help="longest sequence in tokens (default: up to 256)")
    parser.add_argument("--margins", type=Path, help=".npz with arrays (models, examples) such as oracle_forget, instead")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write what was found as JSON, too")
    parser.set_defaults(command=_judge)


def _judge(options: argparse.Namespace) -> int:
    require_writable(options.out)
    judgement = _judgement(options)
    for line in _lines(judgement):
        _print(line)
    if options.out:
        write_found(options.out, judgement.to_json())
        _print(f"result: {options.out}")
    return 0


def _judgement(options: argparse.Namespace) -> Judgement:
    from .judging import judge, outputs_of_logs, outputs_of_margins

    named = (*options.original, *options.unlearned, *options.oracles)
    if options.margins:
        if named:
            message = "Give margins, or folders or logs of models, not both."
            raise SpecError(message)
        return judge(outputs_of_margins(options.margins), "classifier")
    if not (options.original and options.unlearned and options.oracles):
        message = "Name the models as --original, --unlearned and --oracles; or give their margins as --margins."
        raise SpecError(message)
    if all(path.suffix == ".json" for path in named):
        judgement = judge(outputs_of_logs(options.original, options.unlearned, options.oracles), "causal_lm")
        _compare_with_log(judgement, options.unlearned[0])
        return judgement
    return _of_folders(options)


def _of_folders(options: argparse.Namespace) -> Judgement:
    from .judging import FolderSource, judge, outputs_of_folders
    from .training.device import choose_device

    if options.snapshot is None or options.forget is None:
        message = "Folders of models are measured here: name the corpus as --snapshot, and a file of ids as --forget."
        raise SpecError(message)
    source = FolderSource(
        snapshot=options.snapshot,
        forget_ids=_ids(options.forget),
        original=tuple(options.original),
        unlearned=tuple(options.unlearned),
        oracles=tuple(options.oracles),
        template=options.template,
        max_length=options.max_length,
    )
    outputs, family, digests = outputs_of_folders(source, choose_device(options.device), _measuring)
    return replace(judge(outputs, family), models=digests)


def _measuring(folder: Path) -> None:
    sys.stderr.write(f"measuring {printable(str(folder))}\n")


def _ids(file: Path) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(file.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read as a list of ids ({type(error).__name__})."
        raise SpecError(message) from None


def _compare_with_log(judgement: Judgement, file: Path) -> None:
    from .judging import logged_values

    for name, stated in logged_values(file).items():
        found = [finding.unlearned for finding in judgement.metrics if finding.name == name]
        if found and abs(found[0] - stated) > TOLERANCE * max(1.0, abs(stated)):
            _print(f"{file.name} states {name} {stated:.4g}, and its values by example give {found[0]:.4g}.")


def _lines(judgement: Judgement) -> list[str]:
    direction = f" It {judgement.direction}." if judgement.direction else ""
    lines = [f"{judgement.outcome}: {WORDS[judgement.outcome]}{direction}", ASSURANCE]
    lines += [f"    {reason}" for reason in judgement.reasons]
    lines += [
        f"{f.scope:<8} {f.estimand.name:<20} {f.estimate:8.3f}  [{f.low:.3f}, {f.high:.3f}]  {f.position}"
        for f in judgement.findings
    ]
    for metric in judgement.metrics:
        oracles = f"{sum(metric.oracles) / len(metric.oracles):.4g}" if metric.oracles else "too few"
        row = f"{metric.name} {metric.examples}".ljust(36) + f" {metric.unlearned:8.4g}"
        lines.append(f"{row}  original {metric.original:.4g}  oracles {oracles}  {metric.note}".rstrip())
    return [*lines, "What this does not show:", *(f"    {one}" for one in judgement.does_not_show)]


def _print(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
