"""Probes come from templates and from files, and a line that is none is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.concepts.probe_files import ConceptDraft, Fact, propose, read_probes
from unlearning_jobs.engine.concepts.templates import TEMPLATES, probes_from
from unlearning_jobs.engine.contracts.concepts import Concept
from unlearning_jobs.engine.errors import SpecError

from .concept_cases import concept

DRAFT = ConceptDraft(
    "Mirelda",
    (
        Fact("place", "Tarnholm", wrong=("Weldry",)),
        Fact("place", "Tarnholm", language="de"),
        Fact("place", "Weldry", "Anselm"),
    ),
    ("the glass lady",),
)


@pytest.mark.parametrize("relation", TEMPLATES)
def test_every_relation_has_templates_in_english_and_german_with_the_subject_in_each(relation: str) -> None:
    for language in ("en", "de"):
        probes = list(probes_from("Mirelda", relation, "it", language=language))
        assert {"direct", "paraphrased", "cloze"} <= {probe.kind for probe in probes}
        assert all("Mirelda" in probe.prompt and "{" not in probe.prompt for probe in probes)


def test_a_draft_becomes_a_concept_with_probes_by_every_name() -> None:
    proposed = propose(DRAFT)
    assert {probe.language for probe in proposed.probes} == {"en", "de"}
    assert any("the glass lady" in probe.prompt for probe in proposed.probes)
    assert any(probe.kind == "multiple_choice" for probe in proposed.probes)
    assert {probe.subject for probe in proposed.neighbours} == {"Anselm"}


def test_a_relation_without_templates_is_refused() -> None:
    with pytest.raises(SpecError, match="write its probes into a file"):
        list(probes_from("Mirelda", "weight", "heavy"))


def test_files_add_probes(tmp_path: Path) -> None:
    file = tmp_path / "probes.jsonl"
    file.write_text("\n".join(json.dumps(probe.to_json()) for probe in concept().probes) + "\n\n")
    assert read_probes(file) == concept().probes


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Line 1 of probes.jsonl is not JSON"),
        ('{"prompt": "?"}', "Line 1 of probes.jsonl: Probe lacks"),
        ("3", "Line 1"),
    ],
)
def test_a_line_that_is_no_probe_is_named(line: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "probes.jsonl").write_text(f"{line}\n")
    with pytest.raises(SpecError, match=reason):
        read_probes(tmp_path / "probes.jsonl")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_probes(tmp_path / "none.jsonl")


def test_the_command_prints_a_concept_to_edit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "draft.json").write_text(json.dumps(DRAFT.to_json()))
    assert main(["probes", str(tmp_path / "draft.json")]) == 0
    assert Concept.from_json(json.loads(capsys.readouterr().out)) == propose(DRAFT)
