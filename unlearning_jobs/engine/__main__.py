"""The engine's command line.

    python -m unlearning_jobs.engine methods | metrics | attacks
    python -m unlearning_jobs.engine example FAMILY|concept [--adapter] [--shards N] [--slices N] [--out DIR] > spec.json
    python -m unlearning_jobs.engine describe CHECKPOINT [--max-length TOKENS] [--template TEXT] [--adapter-rank RANK]
    python -m unlearning_jobs.engine advise spec.json
    python -m unlearning_jobs.engine index SNAPSHOT [--out DIR] [--previous DIR]
    python -m unlearning_jobs.engine search SNAPSHOT [--index DIR] [--self-test] [--exact TEXT] [--name NAME]
    python -m unlearning_jobs.engine sweep FOLDER... (--queries | --register) FILE [--out FILE] [--estimate]
    python -m unlearning_jobs.engine judge --original DIR --unlearned DIR --oracles DIR... --snapshot DIR --forget FILE
    python -m unlearning_jobs.engine canaries make | draw | judge
    python -m unlearning_jobs.engine guard make | show | evaluate
    python -m unlearning_jobs.engine store find | erase | verify SPEC [--out DIR] [--approved DIGEST]
    python -m unlearning_jobs.engine probes draft.json [--probes FILE] [--neighbours FILE] > concept.json
    python -m unlearning_jobs.engine concept spec.json --out DIR [--oracle DIR]
    python -m unlearning_jobs.engine run spec.json --out DIR [--progress ndjson] [--exit-with-parent]

Exit status: 0 done; 1 unexpected error, or nobody reads the output; 2 it cannot be done, a message says why; 143 SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from . import (
    canaries_command,
    concept_command,
    guard_command,
    judge_command,
    search_command,
    store_command,
    sweep_command,
)
from .contracts import Adapter, JobSpec, Sharding
from .contracts.concepts import ConceptSpec
from .contracts.families import FAMILY_DESCRIPTIONS, family_from
from .errors import EngineError, SpecError, explained
from .listings import LISTINGS
from .printing import readable_json
from .progress import reporter
from .stopping import ended_by_sigterm, exit_with_parent
from .summary import summary_lines

ALSO_CALLED = {"from_base": "finetuned_lm"}
"""Other names of examples."""
CONCEPT = "concept"
"""The example that is no job about examples."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status = int(options.command(options))
        sys.stdout.flush()  # or a closed pipe would only show while Python exits
    except EngineError as error:
        _report_error(options, error.code, str(error))
        return 2
    except Exception as error:  # noqa: BLE001  # the last handler
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 1
        if known := explained(error):
            _report_error(options, known.code, str(known))
            return 2
        # Do not print the error's own message: those of other libraries may quote the corpus.
        _report_error(options, "unexpected", f"Unexpected {type(error).__name__}.")
        for frame in traceback.extract_tb(error.__traceback__):
            sys.stderr.write(f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}\n")
        return 1
    return status


def _nobody_reads() -> bool:
    """Say whether the reader of our output is gone, as `head` is after some lines; the rest then goes nowhere, quietly."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors are always reported: a pipe without a reader is one
    if gone := bool(output.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return gone


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unlearning_jobs.engine", description="Unlearn examples from models, and measure how well it worked."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (lines, words) in LISTINGS.items():
        commands.add_parser(name, help=words).set_defaults(command=partial(_list, lines))
    example = commands.add_parser("example", help="print a job spec that runs, and write the small corpus that it needs")
    example.add_argument("family", choices=[*FAMILY_DESCRIPTIONS, *ALSO_CALLED, CONCEPT])
    example.add_argument(
        "--adapter", action="store_true", help="fine-tune an adapter on the checkpoint (of language models alone)"
    )
    example.add_argument("--shards", type=int, help="train in so many shards: adapters, or the networks of classifiers")
    example.add_argument("--slices", type=int, help="train in so many stages, each of which learns a slice more")
    example.add_argument("--out", type=Path, help="folder for the corpus (default: engine-example-FAMILY)")
    example.add_argument("--schema", action="store_true", help="print the JSON schema of a job spec instead")
    example.set_defaults(command=_example)
    describe = commands.add_parser("describe", help="print what a recipe says about a checkpoint that models start from")
    describe.add_argument("checkpoint", type=Path, help="folder as transformers writes it: safetensors, config, tokenizer")
    describe.add_argument("--max-length", type=int, default=0, help="longest sequence in tokens (default: up to 256)")
    describe.add_argument(
        "--template", default="", help="what stands before an answer, with {prompt}; or chat (of language models)"
    )
    describe.add_argument("--adapter-rank", type=int, help="an adapter is to learn, of this rank, and nothing else")
    describe.add_argument("--adapter-alpha", type=float, help="weight of the adapter (default: twice its rank)")
    describe.add_argument("--adapter-targets", default="", help="layers for it, as q_proj,v_proj (default: all linear ones)")
    describe.add_argument("--adapter", type=Path, help="folder of an adapter on the checkpoint, as peft writes it")
    describe.set_defaults(command=_describe)
    advise = commands.add_parser("advise", help="list the methods that can do an unlearn job, and why the others cannot")
    advise.add_argument("spec", type=Path, help="the job spec, a JSON file; its method is ignored")
    advise.set_defaults(command=_advise)
    index = commands.add_parser("index", help="build the index of a snapshot, for searches")
    index.add_argument("snapshot", type=Path, help="the snapshot's folder")
    index.add_argument("--out", type=Path, help="folder for the index (default: SNAPSHOT.index)")
    index.add_argument("--previous", type=Path, help="index of an earlier snapshot of the same corpus")
    index.set_defaults(command=_index)
    search_command.add_to(commands)
    sweep_command.add_to(commands, reporter)
    judge_command.add_to(commands)
    canaries_command.add_to(commands)
    guard_command.add_to(commands)
    store_command.add_to(commands)
    concept_command.add_to(commands, reporter)
    run = commands.add_parser("run", help="run one job")
    run.add_argument("spec", type=Path, help="the job spec, a JSON file")
    run.add_argument("--out", type=Path, required=True, help="folder for the result")
    run.add_argument("--progress", choices=["auto", "ndjson", "none"], default="auto", help="auto shows a bar on a terminal")
    run.add_argument("--exit-with-parent", action="store_true", help="exit as soon as standard input is closed")
    run.set_defaults(command=_run)
    return parser


def _list(lines: Callable[[], Iterator[str]], _: argparse.Namespace) -> int:
    for line in lines():
        _print(line)
    return 0


def _example(options: argparse.Namespace) -> int:
    from .example import make_example
    from .schema import json_schema

    folder = options.out or Path(f"engine-example-{options.family}")
    family = ALSO_CALLED.get(options.family, options.family)
    if options.schema:
        shown = json_schema(ConceptSpec if options.family == CONCEPT else JobSpec)
    elif options.family == CONCEPT:
        from .concepts.world import planted_world

        if options.adapter or options.shards or options.slices:
            message = "The example of a concept has one model, trained whole; leave --adapter, --shards and --slices out."
            raise SpecError(message)
        shown = planted_world(folder).to_json()
    else:
        sharding = Sharding(options.shards or 1, options.slices or 1) if options.shards or options.slices else None
        shown = make_example(family, folder, adapter=options.adapter, sharding=sharding).to_json()
    _print(readable_json(shown, indent=2))
    return 0


def _describe(options: argparse.Namespace) -> int:
    from .families.bases import describe_base
    from .families.foreign_adapters import describe_adapter

    adapter = _asked_adapter(options)
    if adapter and options.adapter:
        message = "Describe either an adapter that is there, or one that is to be trained."
        raise SpecError(message)
    if options.adapter:
        adapter = describe_adapter(options.adapter, options.checkpoint)
    described = describe_base(options.checkpoint, max_length=options.max_length, template=options.template, adapter=adapter)
    sys.stderr.write(f'The architecture of a recipe with "family": "{family_from(described)}":\n')
    _print(readable_json(described.to_json(), indent=2))
    return 0


def _asked_adapter(options: argparse.Namespace) -> Adapter | None:
    rank, targets = options.adapter_rank, tuple(filter(None, options.adapter_targets.split(",")))
    if rank is None and (targets or options.adapter_alpha is not None):
        message = "An adapter needs a rank; add --adapter-rank 8, say."
        raise SpecError(message)
    if rank is None:
        return None
    return Adapter(rank, 2 * rank if options.adapter_alpha is None else options.adapter_alpha, targets)


def _advise(options: argparse.Namespace) -> int:
    from .advice_table import advice_lines

    for line in advice_lines(_read_spec(options.spec)):
        _print(line)
    return 0


def _index(options: argparse.Namespace) -> int:
    from .corpora import Snapshot
    from .matching.index import index_build

    out = options.out or options.snapshot.with_name(f"{options.snapshot.name}.index")
    index = index_build(Snapshot.open(options.snapshot), out, previous=options.previous)
    _print(f"{out}: index {index.digest}")
    return 0


@ended_by_sigterm()
def _run(options: argparse.Namespace) -> int:
    if options.exit_with_parent:
        exit_with_parent()
    spec = _read_spec(options.spec)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: spinning threads starve other processes
    from .pipeline import run

    result = run(spec, options.out, reporter(options.progress))
    if options.progress != "ndjson":
        for line in summary_lines(spec, result):
            _print(line)
        _print(f"result: {options.out / 'result.json'}")
    return 0


def _read_spec(path: Path) -> JobSpec:
    try:
        return JobSpec.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise SpecError(message) from None
    except ValueError as error:
        message = f"{path} is not JSON: {error}."
        raise SpecError(message) from None


def _report_error(options: argparse.Namespace, code: str, message: str) -> None:
    sys.stderr.write(f"{message}\n")
    if getattr(options, "progress", None) == "ndjson":
        _print(json.dumps({"error": {"code": code, "message": message}}), flush=True)


def _print(text: str, *, flush: bool = False) -> None:
    sys.stdout.write(f"{text}\n")
    if flush:
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
