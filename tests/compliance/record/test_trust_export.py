"""The command that writes the published trust file."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.formats.canonical import sha256_hex
from compliance.record.keys import signing_keys
from compliance.record.models import TrustManifest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


def test_it_writes_the_exact_bytes_and_prints_their_digest(tmp_path: Path) -> None:
    signing_keys()
    printed = StringIO()
    call_command("trust_export", out=tmp_path / "trust.json", stdout=printed)
    content = (tmp_path / "trust.json").read_bytes()
    assert content == bytes(TrustManifest.objects.get().body)
    assert f"SHA-256 {sha256_hex(content)}" in printed.getvalue()


def test_without_a_file_only_the_trust_file_goes_to_the_standard_output() -> None:
    signing_keys()
    printed, beside = StringIO(), StringIO()
    call_command("trust_export", stdout=printed, stderr=beside)
    assert printed.getvalue().encode() == bytes(TrustManifest.objects.get().body)
    assert sha256_hex(printed.getvalue().encode()) in beside.getvalue()


def test_it_says_so_if_no_keys_are_published_or_the_file_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No keys have been published"):
        call_command("trust_export", out=tmp_path / "trust.json")
    signing_keys()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("trust_export", out=tmp_path / "nowhere" / "trust.json")
