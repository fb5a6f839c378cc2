"""The command line, as its users and the worker run it."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import JobResult, JobSpec, Progress, Protocol
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.example import EXAMPLES, make_example
from unlearning_jobs.engine.preparation import check_unlearning
from unlearning_jobs.engine.progress import reporter
from unlearning_jobs.engine.training.training_data import TrainingData

ENGINE = [sys.executable, "-m", "unlearning_jobs.engine"]
WITHOUT_DJANGO = """
import sys, importlib.abc

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "celery", "psycopg2", "requests_app"):
            raise ModuleNotFoundError(name)
        if name.startswith("compliance.") and not name.startswith("compliance.formats"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
"""


def changed_spec(tmp_path: Path, **changes: Any) -> Path:
    data = make_example("causal_lm", tmp_path / "example").to_json()
    data.update(changes)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def quick_spec(tmp_path: Path) -> Path:
    """A train job of a second or less: its model need not know the corpus."""
    recipe = {**make_example("causal_lm", tmp_path / "example").recipe.to_json(), "epochs": 4}
    return changed_spec(tmp_path, kind="train", method=None, protocol=None, forget_ids=[], recipe=recipe)


def test_the_advice_on_a_job_lists_every_method_for_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", str(changed_spec(tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines if not line.startswith(" ")]
    production = {entry.name for entry in METHODS.values() if entry.for_production}
    assert production <= set(listed)
    assert listed.index("retrain") < listed.index("npo") < listed.index("summation")
    assert "    Subtract from the sums works on summation only, and the model is a causal_lm." in lines
    assert any("Only an evaluation says how well" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"protocol": None}, "needs a protocol"), ({"snapshot": {"path": "nowhere", "digest": "0"}}, "nowhere")],
)
def test_advice_on_a_job_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    assert main(["advise", str(changed_spec(tmp_path, **changes))]) == 2
    assert message in capsys.readouterr().err


def test_the_example_runs_as_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "causal_lm", "--out", str(tmp_path / "e")]) == 0
    (tmp_path / "spec.json").write_text(capsys.readouterr().out)
    assert main(["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out"), "--progress", "none"]) == 0
    printed = capsys.readouterr().out
    result = JobResult.from_json(json.loads((tmp_path / "out" / "result.json").read_bytes()))
    assert result.evaluation is not None
    assert f"verdict: {result.evaluation.verdict.outcome}" in printed


@pytest.mark.parametrize("family", EXAMPLES)
def test_every_family_has_an_example_that_can_be_done(family: str, tmp_path: Path) -> None:
    spec = make_example(family, tmp_path)
    assert spec.recipe.family == family
    snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
    TrainingData.prepare(spec.recipe, snapshot, spec.base)
    check_unlearning(spec, snapshot)
    assert JobSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


STAGES = {
    "replay": ["causal_lm", "--slices", "3"],
    "sisa": ["classifier", "--shards", "5"],
}


@pytest.mark.parametrize("method", STAGES)
def test_an_example_in_stages_or_shards_can_be_done_and_its_advice_says_what_a_deletion_costs(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["example", *STAGES[method], "--out", str(tmp_path / "e")]) == 0
    printed = capsys.readouterr().out
    spec = JobSpec.from_json(json.loads(printed))
    assert spec.method is not None
    assert spec.method.name == method
    check_unlearning(spec, Snapshot.open(spec.snapshot.path, spec.snapshot.digest))
    (tmp_path / "spec.json").write_text(printed)
    assert main(["advise", str(tmp_path / "spec.json")]) == 0
    assert "is expected to cost" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("family", "message"),
    [("logistic", "this is a logistic; leave sharding out"), ("causal_lm", "would be a whole language model")],
)
def test_an_example_in_shards_that_cannot_be_trained_is_refused(
    family: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["example", family, "--shards", "2", "--out", str(tmp_path / "e")]) == 2
    assert message in capsys.readouterr().err


def test_the_schema_describes_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "causal_lm", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    described = schema["$defs"]["JobSpec"]
    assert set(described["properties"]) == set(JobSpec.__annotations__)
    assert described["required"] == ["kind", "reference", "snapshot", "recipe", "seed", "cache"]
    assert schema["$defs"]["Recipe"]["properties"]["family"] == {"enum": list(FAMILY_DESCRIPTIONS)}


def test_it_all_works_where_django_cannot_be_imported(quick_spec: Path, tmp_path: Path) -> None:
    arguments = ["run", str(quick_spec), "--out", str(tmp_path / "out")]
    code = f"{WITHOUT_DJANGO}\nfrom unlearning_jobs.engine.__main__ import main\nsys.exit(main({arguments!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "exact_memorization" in done.stdout


@pytest.mark.parametrize("module", ["contracts", "errors", "catalogue", "advisor", "artefacts", "corpora", "matching"])
def test_what_web_processes_import_loads_no_torch(module: str) -> None:
    code = f"import sys, unlearning_jobs.engine.{module}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_progress_for_the_worker_is_one_json_object_per_line(quick_spec: Path, tmp_path: Path) -> None:
    command = [*ENGINE, "run", str(quick_spec), "--out", str(tmp_path / "out"), "--progress", "ndjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(line) == {"stage", "done", "total", "point"} for line in lines)
    assert (lines[-1]["stage"], lines[-1]["done"]) == ("evaluate", lines[-1]["total"])
    assert any(line["point"] for line in lines)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"forget_ids": []}, "bad_spec"),
        ({"method": {"name": "magic", "config": {}}}, "bad_spec"),
        ({"surprise": 1}, "bad_spec"),
        ({"snapshot": {"path": "nowhere", "digest": "0"}}, "bad_corpus"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_a_message_in_both_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], code: str
) -> None:
    spec = changed_spec(tmp_path, **changes)
    assert main(["run", str(spec), "--out", str(tmp_path / "out"), "--progress", "ndjson"]) == 2
    printed = capsys.readouterr()
    error = json.loads(printed.out.splitlines()[-1])["error"]
    assert error["code"] == code
    assert error["message"] in printed.err


def careless_protocols() -> dict[str, Protocol]:
    """By what they would let pass."""
    protocol = Protocol((2, 3), (11, 12, 13, 14), metrics=())
    wide = tuple(replace(e, margin=1000.0) if e.examples == "forget" else e for e in protocol.estimands)
    blind = tuple(e for e in protocol.estimands if e.examples != "forget")
    return {
        "is above 0 and at most 0.5": replace(protocol, estimands=wide),
        "Nothing judges where the forget set lies": replace(protocol, estimands=blind),
        "The significance level is 0.8": replace(protocol, alpha=0.8),
        "not 0 times": replace(protocol, looks=0),
        "At least three pairs": Protocol((2,), (11, 12), design="paired", metrics=()),
    }


@pytest.mark.parametrize("complaint", careless_protocols())
def test_doing_nothing_by_a_protocol_that_would_let_it_pass_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], complaint: str
) -> None:
    protocol = careless_protocols()[complaint].to_json()
    spec = changed_spec(tmp_path, method={"name": "nothing", "config": {}}, protocol=protocol)
    assert main(["run", str(spec), "--out", str(tmp_path / "out"), "--progress", "ndjson"]) == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert error["code"] == "bad_spec"
    assert complaint in error["message"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_spec_that_is_no_spec_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (tmp_path / "spec.json").write_text(content)
    assert main(["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.strip()


def test_a_missing_spec_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "gone.json"), "--out", str(tmp_path / "out")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_unexpected_error_ends_with_1_and_quotes_nothing(
    quick_spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file where the folder should be: Secretperson")
    assert main(["run", str(quick_spec), "--out", str(tmp_path / "out"), "--progress", "ndjson"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["error"]["code"] == "unexpected"
    assert "Secretperson" not in printed.out + printed.err
    assert str(tmp_path) not in printed.err


def started(tmp_path: Path, *more: str) -> subprocess.Popen[str]:
    """A long job, once it has begun to train."""
    recipe = {**make_example("causal_lm", tmp_path / "example").recipe.to_json(), "epochs": 100_000}
    spec = changed_spec(tmp_path, kind="train", method=None, protocol=None, forget_ids=[], recipe=recipe)
    command = [*ENGINE, "run", str(spec), "--out", str(tmp_path / "out"), "--progress", "ndjson", *more]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["point"]:
            return process
    raise AssertionError(process.stderr.read() if process.stderr else "no progress")


def test_sigterm_ends_a_job_cleanly(tmp_path: Path) -> None:
    process = started(tmp_path)
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in errors
    assert list((tmp_path / "out").iterdir()) == []


def test_whoever_runs_a_job_in_their_own_process_takes_sigterm_as_before(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["run", str(tmp_path / "gone.json"), "--out", str(tmp_path / "out")]) == 2
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_job_ends_with_its_parent(tmp_path: Path) -> None:
    process = started(tmp_path, "--exit-with-parent")
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_terminal_shows_a_bar_per_stage_that_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.openpty()
    termios.tcsetwinsize(reader, (24, 100))
    with os.fdopen(writer, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        report = reporter("auto")
        for stage, total in (("load", 1), ("oracles", 200)):
            for done in range(total + 1):
                report(Progress(stage, done, total))
        terminal.flush()
        shown = b""
        while b"oracles      100 %" not in shown:
            assert select.select([reader], [], [], 10)[0], shown
            shown += os.read(reader, 10_000)
    os.close(reader)
    assert re.search(rb"load +100 %.*\n.*oracles +100 %", shown, re.DOTALL), shown


def test_what_is_not_a_terminal_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    reporter("auto")(Progress("load", 1, 1))
    assert capsys.readouterr() == ("", "")
