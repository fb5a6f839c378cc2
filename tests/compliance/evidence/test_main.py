from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compliance.evidence.__main__ import main
from compliance.evidence.checkpoints import vkey
from compliance.evidence.tlog_proofs import TlogProof

from .log_in_memory import ORIGIN
from .sample import SampleRequest, honest

PACKAGE = Path(__file__).parents[3] / "compliance"
WITHOUT_DJANGO = (
    "import runpy, sys; sys.modules['django'] = None; sys.argv = ['evidence', 'verify', sys.argv[1]];"
    "runpy.run_module('compliance.evidence', run_name='__main__')"
)


def test_an_honest_bundle_exits_with_zero_and_prints_every_step(
    honest_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(honest_bundle)]) == 0
    printed = capsys.readouterr().out
    assert [f"{number:>2}  pass" in printed for number in range(1, 18)] == [True] * 17
    assert "not who owns them" in printed


def test_a_trust_file_of_ones_own_is_used(honest_sample: SampleRequest, honest_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(json.loads(honest_sample.trust), indent=4))
    assert main(["verify", str(honest_bundle), "--trust", str(tmp_path / "mine.json")]) == 0


@pytest.mark.parametrize("json_wanted", [[], ["--json"]])
def test_it_says_whose_keys_counted_and_can_demand_a_trust_file(
    honest_sample: SampleRequest,
    honest_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    json_wanted: list[str],
) -> None:
    (tmp_path / "mine.json").write_bytes(honest_sample.trust)
    command = ["verify", str(honest_bundle), "--require-trust", *json_wanted]
    words = ('"keys": "bundle"', '"keys": "trust file"') if json_wanted else ("integrity only", "that you gave")
    assert main(command) == 3
    assert words[0] in capsys.readouterr().out
    assert main([*command, "--trust", str(tmp_path / "mine.json")]) == 0
    assert words[1] in capsys.readouterr().out


def test_a_forgers_bundle_passes_by_its_own_keys_alone(
    honest_sample: SampleRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = honest(tmp_path).write()
    (tmp_path / "mine.json").write_bytes(honest_sample.trust)
    assert main(["verify", str(forged)]) == 0
    assert "integrity only, not who signed" in capsys.readouterr().out
    assert main(["verify", str(forged), "--trust", str(tmp_path / "mine.json")]) == 1
    assert "signed with keys that are not in the trust file" in capsys.readouterr().out


def test_what_failed_exits_with_one_whosever_the_keys_are(bundle: Path) -> None:
    (bundle / "checkpoint").write_bytes(b"")
    assert main(["verify", str(bundle), "--require-trust"]) == 1


@pytest.mark.parametrize(("reference", "status"), [("LE-7KQ4-M2XD", 0), (" le-7kq4-m2xd ", 0), ("LE-2222-2222", 1), ("", 1)])
def test_the_request_can_be_demanded(honest_bundle: Path, reference: str, status: int) -> None:
    assert main(["verify", str(honest_bundle), "--request", reference]) == status


def test_a_damaged_bundle_exits_with_one_and_names_the_step(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "report/1-2/outputs/examples.parquet").write_bytes(b"other")
    assert main(["verify", str(bundle)]) == 1
    printed = capsys.readouterr().out
    assert "10  FAIL  The report files are exactly those that were signed" in printed
    assert "11  ----  The engine's result" not in printed
    assert "step 10 failed" in printed


def test_steps_that_could_not_be_checked_are_told_apart(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "trust.json").write_bytes(b"{}")
    assert main(["verify", str(bundle)]) == 1
    printed = capsys.readouterr().out
    assert " 2  FAIL" in printed
    assert "17  ----" in printed


def test_the_steps_can_be_had_as_json(honest_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(honest_bundle), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["passed"] is True
    assert [step["number"] for step in value["steps"]] == list(range(1, 18))
    assert {step["status"] for step in value["steps"]} == {"passed"}


@pytest.mark.parametrize("name", ["none", "file", "empty"])
def test_what_is_no_bundle_exits_with_one(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    assert main(["verify", str(tmp_path / name)]) == 1
    assert " 1  FAIL" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["verify"], ["nonsense"], ["verify", "DIR", "--trust", "/nowhere/trust.json"]])
def test_wrong_usage_exits_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_trust_file_that_is_none_fails_the_second_step(honest_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(b"\xff")
    assert main(["verify", str(honest_bundle), "--trust", str(tmp_path / "mine.json")]) == 1


def test_a_proof_is_written_for_other_tools(
    honest_sample: SampleRequest, honest_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.json").write_bytes(honest_sample.trust)
    index = next(line.index for line in honest_sample.lines() if line.entry.kind == "attestation.signed")
    command = ["proof", str(honest_bundle), str(index), str(tmp_path / "entry.json")]
    assert main([*command, "--trust", str(tmp_path / "mine.json")]) == 0
    assert capsys.readouterr().out.strip() == vkey(ORIGIN, honest_sample.log_key.public_key())
    body = (tmp_path / "entry.json").read_bytes()
    assert json.loads(body)["kind"] == "attestation.signed"
    proof = TlogProof.from_bytes((tmp_path / "entry.json.tlog-proof").read_bytes())
    proof.verify(body, ORIGIN, [honest_sample.log_key.public_key()])


@pytest.mark.parametrize("index", ["0", "999", "-1", "x"])
def test_a_proof_of_an_entry_that_is_not_there_is_wrong_usage(
    honest_sample: SampleRequest, honest_bundle: Path, tmp_path: Path, index: str
) -> None:
    (tmp_path / "mine.json").write_bytes(honest_sample.trust)
    with pytest.raises(SystemExit) as exit_info:
        main(["proof", str(honest_bundle), index, str(tmp_path / "entry.json"), "--trust", str(tmp_path / "mine.json")])
    assert exit_info.value.code == 2


@pytest.mark.parametrize("trust", [[], ["--trust", "trust.json"]])
def test_a_proof_prints_no_key_that_the_bundle_names_itself(
    honest_bundle: Path, tmp_path: Path, trust: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(honest_bundle / one) if one == "trust.json" else one for one in trust]
    with pytest.raises(SystemExit) as exit_info:
        main(["proof", str(honest_bundle), "3", str(tmp_path / "entry.json"), *given])
    assert exit_info.value.code == 2
    assert capsys.readouterr().out == ""


def test_checkpoints_are_not_compared_by_the_trust_file_of_a_bundle(
    honest_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(honest_bundle)
    with pytest.raises(SystemExit, match="2"):
        main(["consistency", bundle, bundle, "--trust", str(honest_bundle / "trust.json")])
    assert "the bundle's own" in capsys.readouterr().err


def test_the_trust_file_in_the_bundle_counts_as_none(honest_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(honest_bundle), "--trust", str(honest_bundle / "trust.json"), "--require-trust"]) == 3
    assert "integrity only" in capsys.readouterr().out


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the compliance package and nothing else of the project."""
    shutil.copytree(PACKAGE, tmp_path / "compliance", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def verify_in(folder: Path, bundle: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", WITHOUT_DJANGO, os.fspath(bundle)]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, env={"LC_ALL": "C", "PATH": ""})


def test_it_runs_from_a_copy_of_the_package_where_django_cannot_be_imported(copy: Path, honest_bundle: Path) -> None:
    process = verify_in(copy, honest_bundle)
    assert (process.returncode, process.stderr) == (0, b"")


def test_file_names_that_no_terminal_should_see_are_printed_escaped(copy: Path, bundle: Path) -> None:
    (bundle / os.fsdecode(b"\xff\x1b[31m\xe2\x80\xae")).write_bytes(b"")
    process = verify_in(copy, bundle)
    assert (process.returncode, process.stderr) == (1, b"")
    assert process.stdout.replace(b"\n", b"").decode("ascii").isprintable()
