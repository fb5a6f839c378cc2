"""What a stranger's bundle may cost the page that verifies it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pyarrow import parquet

from compliance.record import verifying
from compliance.record.keys import signing_keys
from tests.compliance.evidence import engine_files, sample
from tests.compliance.evidence.sample import honest
from tests.compliance.record.test_verify_views import verified, zipped
from tests.web.pages import Page, Site, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing", "artefacts")]


def bomb() -> bytes:
    """Raw outputs of a few kilobytes, whose names are eight gigabytes once they are read."""
    rows = 10_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 800_000]))
    columns = {"group": long, "seed": [1] * rows, "set": ["forget"] * rows, "example_id": ["e1"] * rows}
    columns |= {"margin": [0.5] * rows, "probability": [0.5] * rows}
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, store_schema=False)  # so that it is not read as a dictionary
    return out.getvalue()


def hand_in(status: int, tmp_path: Path) -> Page:
    signing_keys()
    made = honest(tmp_path / "forged")
    return verified(Site(), zipped(made.write(), tmp_path), status, trust=SimpleUploadedFile("trust.json", made.trust))


def test_outputs_that_need_too_much_memory_are_not_checked_and_the_page_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bomb()
    assert len(content) < 100_000
    for module in (engine_files, sample):
        monkeypatch.setattr(module, "outputs", lambda *_: content)
    page = hand_in(200, tmp_path)
    [step] = [row for row in page.all("tr") if "it takes more memory than there is here" in text_of(row)]
    assert "not checked" in text_of(step)
    assert "Every step passed" not in page.words


def test_a_bundle_that_takes_too_long_is_to_be_verified_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "from compliance.record.verify_process import limit; limit(1, 1 << 30)\nwhile True: pass"
    monkeypatch.setattr(verifying, "COMMAND", (sys.executable, "-c", endless))
    assert "takes more time than this page allows" in hand_in(422, tmp_path).field_error("bundle")


def test_who_waits_too_long_for_the_bundles_of_others_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "LONGEST_WAIT", 0)
    with verifying._verifying:
        page = hand_in(503, tmp_path)
    assert page.field_error("bundle").startswith("Another bundle is being verified just now.")


def test_the_process_that_verifies_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_KEYS", "secret")
    monkeypatch.setattr(verifying, "COMMAND", (sys.executable, "-c", "import os; print(*os.environ)"))
    seen = verifying._output([]).decode().split()
    assert "PATH" in seen
    assert not {"DATA_KEYS", "SECRET_KEY", "DATABASE_URL", "LEDGER_KEYS", "INDEX_KEY", "SIGNING_KEYS_DIR"} & set(seen)
