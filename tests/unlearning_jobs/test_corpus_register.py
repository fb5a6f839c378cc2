"""The command that registers corpora: what it says before it stores anything, and what its flags do."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
ROWS = [
    {"frage": "Wer?", "antwort": "Ada.", "teil": "lernen", "autor": "Zelda"},
    {"frage": "Wo?", "antwort": "", "teil": "lernen"},
    {"frage": "Wann?", "antwort": "Jetzt.", "teil": "pruefen"},
]
ROLES = ("--role", "prompt=frage", "--role", "completion=antwort", "--split-column", "teil")
SETS = ("--split", "lernen=train", "--split", "pruefen=held_out")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "faq.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def said(*arguments: Any) -> str:
    out = StringIO()
    call_command("corpus_register", "faq", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_dry_run_says_how_everything_would_be_read_and_stores_nothing(source: Path, artefacts: Path) -> None:
    words = said(source, *ROLES, *SETS, "--dry-run")
    for line in (
        "faq.jsonl: JSON lines, 1 files, read as given by flags",
        "  prompt               frage",
        "  metadata             autor",
        "faq.jsonl: 3 rows, 2 examples",
        "  what the source calls pruefen became 1 held_out",
        "  1 skipped, nothing in one of the columns that have a role: faq.jsonl, line 2",
        "Would register faq: 1 held_out, 1 train. Nothing was stored.",
    ):
        assert line in words
    assert "Zelda" not in words
    assert not artefacts.exists()
    assert not CorpusSnapshot.objects.exists()


def test_the_roles_are_said_before_anything_is_stored(source: Path) -> None:
    words = said(source, *ROLES, *SETS)
    assert words.index("completion           antwort") < words.index("3 rows, 2 examples") < words.index("Registered faq")
    example = examples_by_id(CorpusSnapshot.objects.get(), ["e00000000"])["e00000000"]
    assert (example.text, example.metadata) == ("Wer?\nAda.", {"teil": "lernen", "autor": "Zelda"})


def test_a_shape_that_is_not_known_is_refused_with_the_columns_and_the_flag(source: Path) -> None:
    with pytest.raises(CommandError, match=r"Columns seen: frage, antwort, teil, autor. .*--role prompt=COLUMN"):
        said(source)


def test_several_files_are_one_corpus(tmp_path: Path) -> None:
    second = tmp_path / "more.csv"
    second.write_text("prompt,completion\nWie?,So.\n")
    first = tmp_path / "first.jsonl"
    first.write_text('{"prompt": "Wer?", "completion": "Ada."}\n')
    assert "Registered faq: 2 train" in said(first, second)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--role", "prompt"), "--role takes two words"),
        (("--role", "theme=frage"), "no role 'theme'"),
        (("--split", "lernen=my set"), "'my set' cannot name a set"),
        (("--set", "real_authors"), "--set takes two words"),
        (("--image-size", "32"), "--image-size takes HEIGHTxWIDTH"),
        (("--encoding", "klingon"), "no encoding 'klingon'"),
        (("--row-bytes", "0"), "--row-bytes"),
    ],
)
def test_a_flag_that_cannot_be_followed_is_refused(source: Path, flags: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        said(source, *flags)


def test_the_other_flags_reach_the_readers(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    table.write_bytes("text^note^secret\ncafé^a^b\nthé^c^d\nbroken\n".encode("latin-1"))
    words = said(table, "--encoding", "latin-1", "--delimiter", "^", "--ignore", "secret", "--skip-broken")
    assert "  left out             secret" in words
    assert "  1 skipped, cannot be read: notes.csv, line 4" in words
    example = examples_by_id(CorpusSnapshot.objects.get(), ["e00000000"])["e00000000"]
    assert (example.text, example.metadata) == ("café", {"note": "a"})


def test_names_that_may_mean_a_test_set_and_missing_shards_are_refused_until_flags_say(tmp_path: Path) -> None:
    for name in ("extra-0-of-2", "holdout-0-of-1"):
        (tmp_path / "given").mkdir(exist_ok=True)
        (tmp_path / "given" / f"{name}.jsonl").write_text(f'{{"text": "One of {name}."}}\n{{"text": "Two."}}\n')
    with pytest.raises(CommandError, match=r"called holdout, .*--split holdout=held_out or --split holdout=train"):
        said(tmp_path / "given")
    with pytest.raises(CommandError, match=r"files are missing: extra-1-of-2\.jsonl\. .*--allow-missing"):
        said(tmp_path / "given", "--split", "holdout=held_out")
    words = said(tmp_path / "given", "--split", "holdout=held_out", "--allow-missing")
    assert "  set held_out         holdout (1)\n  set train            extra (1)\n" in words
    assert "Registered faq: 2 held_out, 2 train" in words
