from __future__ import annotations

import stat
from pathlib import Path

from compliance.local.secrets import local_secret


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    assert local_secret(tmp_path, "secret_key") == local_secret(tmp_path, "secret_key")


def test_secrets_differ(tmp_path: Path) -> None:
    assert local_secret(tmp_path, "secret_key") != local_secret(tmp_path, "data_key")


def test_only_the_owner_reads_a_secret(tmp_path: Path) -> None:
    local_secret(tmp_path, "secret_key")

    assert stat.S_IMODE((tmp_path / "secrets" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["secret_key"]
