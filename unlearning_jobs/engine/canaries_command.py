"""The command `canaries`: makes invented rows, draws which half a model is trained on, and judges a method by them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .errors import SpecError
from .found_file import require_writable, write_found

if TYPE_CHECKING:
    from .canaries.drawing import Draw
    from .canaries.judgement import CanaryJudgement

WORDS: Final = {
    "left_over": "left over: something of the erased canaries is still in the model.",
    "overshot": "overshot: the erased canaries are marked by being known too little.",
    "nothing_found": "nothing found: the erased canaries cannot be told from those that the model never saw.",
    "says_nothing": "says nothing: these canaries cannot show whether anything is left.",
}
ABOUT: Final = "About the method and the pipeline alone, not about the data of anybody who asked."
CHECKED: Final = {
    True: "The original says itself that it was trained on the half that was drawn.",
    False: "That the original was trained on the half that was drawn is what its owner says.",
}


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    parser = commands.add_parser("canaries", help="judge a method and a pipeline by invented rows, without any oracle")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    make = steps.add_parser("make", help="write canaries like the examples of a corpus, a further source for it")
    make.add_argument("--snapshot", type=Path, required=True, help="the snapshot of the corpus as it is")
    make.add_argument("--count", type=int, default=64, help="how many (default: 64)")
    make.add_argument("--seed", type=int, default=1)
    make.add_argument("--out", type=Path, required=True, help="the file; its ending follows from the corpus")
    make.set_defaults(command=_make)
    draw = steps.add_parser("draw", help="draw which half one model is trained on, and print the commitment to it")
    draw.add_argument("--snapshot", type=Path, required=True, help="the snapshot of the corpus with its canaries")
    draw.add_argument("--model", required=True, help="a name for the model that no other model has")
    draw.add_argument("--out", type=Path, required=True, help="file for the sealed draw; nobody else may read it")
    draw.add_argument("--exclude", type=Path, required=True, help="file for the ids that the training leaves out")
    draw.set_defaults(command=_draw)
    judge = steps.add_parser("judge", help="open the draw of a model and judge what was unlearned from it")
    for name, words in (
        ("original", "folder of the model before unlearning"),
        ("unlearned", "folder of the model after it"),
        ("snapshot", "the snapshot that the draw was made with"),
        ("draw", "the draw; it is opened for this original and no other"),
    ):
        judge.add_argument(f"--{name}", type=Path, required=True, help=words)
    judge.add_argument("--model", required=True, help="what the model was called when the draw was made")
    judge.add_argument("--commitment", required=True, help="what the draw printed, as it was kept before the training")
    judge.add_argument("--excluded", type=Path, help="ids of what else the training left out, one a line")
    judge.add_argument("--forgotten", type=Path, help="ids of everything that was erased, one a line")
    judge.add_argument("--template", default="", help="what stands before an answer, with {prompt}; or chat")
    judge.add_argument("--max-length", type=int, default=0, help="longest sequence in tokens (default: up to 256)")
    judge.add_argument("--device", default="auto")
    judge.add_argument("--out", type=Path, help="write what was found as JSON, too")
    judge.set_defaults(command=_judge)


def _make(options: argparse.Namespace) -> int:
    from .canaries.making import make_canaries
    from .corpora import Snapshot

    path = make_canaries(Snapshot.open(options.snapshot), options.out, count=options.count, seed=options.seed)
    _print(f"{path}: {options.count} canaries. Register the corpus again with this file among its sources.")
    return 0


def _draw(options: argparse.Namespace) -> int:
    from .canaries.drawing import seal
    from .corpora import Snapshot

    draw = seal(Snapshot.open(options.snapshot), options.model)
    _write_new(options.out, _spelled(draw))
    try:
        _write_new(options.exclude, "".join(f"{one}\n" for one in draw.left_out))
    except SpecError:
        options.out.unlink()  # a draw that nobody trains by
        raise
    _print(f"commitment: {draw.commitment}")
    _print(f"{len(draw.ids)} canaries, of which {len(draw.left_out)} are left out of the training: {options.exclude}")
    _print(
        f"Keep the commitment where nobody can change it, before the training. {options.out} stays secret until the judging."
    )
    return 0


def _judge(options: argparse.Namespace) -> int:
    from .canaries.folders import judge_folders
    from .canaries.source import CanarySource
    from .training.device import choose_device

    draw = _read(options.draw)
    require_writable(options.out)
    source = CanarySource(
        snapshot=options.snapshot,
        original=options.original,
        unlearned=options.unlearned,
        model=options.model,
        commitment=options.commitment,
        excluded=_ids(options.excluded) if options.excluded else (),
        forgotten=_ids(options.forgotten) if options.forgotten else None,
        template=options.template,
        max_length=options.max_length,
    )
    found = judge_folders(source, draw, choose_device(options.device), partial(_open, options.draw, draw), _measuring)
    for line in judgement_lines(found):
        _print(line)
    if options.out:
        write_found(options.out, found.to_json())
        _print(f"result: {options.out}")
    return 0


def _read(file: Path) -> Draw:
    from .canaries.drawing import Draw

    try:
        return Draw.from_json(json.loads(file.read_bytes()))
    except (OSError, ValueError) as error:
        message = f"{file.name} cannot be read as a draw ({type(error).__name__})."
        raise SpecError(message) from None


def _open(file: Path, draw: Draw, original: str) -> None:
    """Note for which original the draw was opened, completely or not at all."""
    if draw.opened_for != original:
        beside = file.with_name(f".{file.name}.new")
        beside.unlink(missing_ok=True)
        _write_new(beside, _spelled(replace(draw, opened_for=original)))
        beside.replace(file)


def _spelled(draw: Draw) -> str:
    return json.dumps(draw.to_json(), indent=2)


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, readable by its owner alone."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        message = f"{path.name} exists already, and a draw is never replaced; choose another name."
        raise SpecError(message) from None
    except FileNotFoundError:
        message = f"There is no folder for {path.name}; make it first."
        raise SpecError(message) from None


def _ids(file: Path) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(file.read_text(encoding="utf-8").split()))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file.name} cannot be read as a list of ids ({type(error).__name__})."
        raise SpecError(message) from None


def _measuring(folder: Path) -> None:
    sys.stderr.write(f"measuring {folder}\n")


def judgement_lines(found: CanaryJudgement) -> list[str]:
    """Return what was found, and what it does not show, a line each."""
    lines = [WORDS[found.outcome], ABOUT, *(f"    {reason}" for reason in found.reasons), CHECKED[found.is_checked]]
    if found.missed is not None:
        lines.append(f"pipeline: missed {found.missed} of {found.trained}")
    if found.above is not None and found.control_above is not None:
        kind = "all" if found.exhaustive else "drawn"
        lines += [
            _measured("original", found.control, found.control_above) + f"p {found.control_p:.4f} (one-sided)",
            _measured("unlearned", found.difference, found.above) + f"p {found.p_value:.4f} (two-sided)",
            f"log-odds of {found.trained} canaries against {found.canaries - found.trained}",
            f"compared with {found.draws} assignments, {kind}",
        ]
    return [*lines, "What this does not show:", *(f"    {one}" for one in found.does_not_show)]


def _measured(name: str, difference: float | None, above: float) -> str:
    return f"{name:<10} difference {difference:8.3f}  trained above never seen in {100 * above:.0f} % of pairs  "


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
