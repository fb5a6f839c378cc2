"""The command `store`, from finding to looking again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.stores import adapters
from unlearning_jobs.engine.stores.store import Document

from .conftest import Planted


@pytest.fixture
def spec_file(plant_store: Planted, documents: list[Document], tmp_path: Path) -> Path:
    file = tmp_path / "spec.json"
    query = {"kind": "exact", "value": documents[0].text.split(":")[0]}
    file.write_text(json.dumps({"store": plant_store("folder"), "find": {"keys": ["1001"], "queries": [query]}}))
    return file


def test_an_erasure_goes_from_finding_over_approval_to_looking_again(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["--out", str(tmp_path / "job")]
    assert main(["store", "find", str(spec_file), *job]) == 0
    found = capsys.readouterr().out
    assert found.startswith("2 of 60 documents: 1 by key, 1 by text\n")
    digest = found.split()[-1]

    assert main(["store", "erase", str(spec_file), *job, "--approved", "of another list"]) == 2
    assert "not approved" in capsys.readouterr().err

    assert main(["store", "erase", str(spec_file), *job, "--approved", digest]) == 0
    said = capsys.readouterr()
    assert "step 3 of 8: delete" in said.err
    assert "verdict: passed\n    residue in 0 of 59 places\n" in said.out
    assert "guarantee: exact, for the store alone" in said.out
    assert "The weights of models" in said.out
    assert "1001" not in said.out + said.err

    assert main(["store", "verify", str(spec_file), *job]) == 0
    assert "Looked for what the spec names" in capsys.readouterr().out


def test_looking_again_before_anything_is_deleted_fails_with_the_places(
    spec_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["store", "find", str(spec_file), "--out", str(tmp_path / "job")])
    assert main(["store", "verify", str(spec_file), "--out", str(tmp_path / "job")]) == 2
    said = capsys.readouterr().out
    assert "verdict: failed\n    residue in 2 of 61 places" in said
    assert "Looked for all that the job deleted" in said
    assert "Résumé" not in said


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"store": 1}', '{"store": {"kind": "folder"}}'])
def test_a_file_that_is_no_spec_is_refused_in_a_sentence(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text(content)
    assert main(["store", "find", str(tmp_path / "spec.json"), "--out", str(tmp_path / "job")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chromadb", None)
    monkeypatch.delitem(sys.modules, f"{adapters.__name__}.chroma", raising=False)
    store = {"kind": "chroma", "path": str(tmp_path), "collection": "x"}
    (tmp_path / "spec.json").write_text(json.dumps({"store": store, "find": {"keys": ["a"]}}))
    assert main(["store", "find", str(tmp_path / "spec.json"), "--out", str(tmp_path.parent / "job")]) == 2
    assert "pip install -r requirements-stores.txt" in capsys.readouterr().err
