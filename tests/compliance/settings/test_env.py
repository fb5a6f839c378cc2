from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from compliance.settings.env import env_flag, env_list, env_text


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETHE_TEST", raising=False)
    with pytest.raises(ImproperlyConfigured, match="Set LETHE_TEST"):
        env_text("LETHE_TEST")


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("LETHE_TEST_FILE", str(tmp_path / "secret"))

    assert env_text("LETHE_TEST") == "s3cret"


def test_an_unreadable_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LETHE_TEST_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=r"LETHE_TEST_FILE names .*nowhere"):
        env_text("LETHE_TEST")


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("yes", True), ("0", False), ("", True)])
def test_a_flag_reads_as_people_write_it(monkeypatch: pytest.MonkeyPatch, text: str, *, expected: bool) -> None:
    monkeypatch.setenv("LETHE_TEST", text)

    assert env_flag("LETHE_TEST", default=True) is expected


def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_TEST", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="must be 1 or 0"):
        env_flag("LETHE_TEST", default=False)


def test_a_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_TEST", "a.example, b.example,")

    assert env_list("LETHE_TEST") == ["a.example", "b.example"]
