"""Zip files from strangers."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from compliance.record import uploads
from compliance.record.uploads import UploadRefusedError, unpack


def packed(files: dict[str, bytes], **attributes: int) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes.get("external_attr", 0)
            archive.writestr(info, content)
    file.seek(0)
    return file


def test_a_bundle_is_unpacked_as_it_is(tmp_path: Path) -> None:
    root = unpack(packed({"checkpoint": b"c", "report/1-1/result.json": b"{}"}), tmp_path)
    assert (root / "report/1-1/result.json").read_bytes() == b"{}"


def test_one_folder_around_everything_is_stepped_into(tmp_path: Path) -> None:
    assert unpack(packed({"LE-7KQ4-M2XD/checkpoint": b"c"}), tmp_path) == tmp_path / "LE-7KQ4-M2XD"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", ".hidden", "a//b", "ü"])
def test_a_name_that_no_bundle_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadRefusedError, match="a name that no bundle has"):
        unpack(packed({name: b"x"}), tmp_path / "in")
    assert not list(tmp_path.rglob("*evil*"))


def test_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadRefusedError, match="something that is not a file"):
        unpack(packed({"checkpoint": b"/etc/passwd"}, external_attr=stat.S_IFLNK << 16), tmp_path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = packed({"checkpoint": b"one"})
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("checkpoint", b"two")
    with pytest.raises(UploadRefusedError, match="the same name twice"):
        unpack(file, tmp_path)


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadRefusedError, match="conflict with one another"):
        unpack(packed({"a": b"1", "a/b": b"2"}), tmp_path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_FILES", 3)
    with pytest.raises(UploadRefusedError, match="more than 3 files"):
        unpack(packed({f"f{n}": b"" for n in range(4)}), tmp_path)


def test_what_unpacks_too_large_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 1000)
    with pytest.raises(UploadRefusedError, match="larger than"):
        unpack(packed({"bomb": b"0" * 100_000}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_size_that_lies_is_found_out_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 1000)
    raw = packed({"bomb": b"0" * 100_000}).getvalue().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(UploadRefusedError):
        unpack(io.BytesIO(raw), tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1000


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip at all" * 50])
def test_what_is_no_zip_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadRefusedError, match="not a readable zip file"):
        unpack(io.BytesIO(content), tmp_path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_content_is_no_readable_zip_file_however_it_was_compressed(tmp_path: Path, compression: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("b/checkpoint", b"hello world " * 100)
    raw, start = bytearray(file.getvalue()), 30 + len("b/checkpoint")
    raw[start + 9 : start + 30] = bytes(byte ^ 0xFF for byte in raw[start + 9 : start + 30])
    with pytest.raises(UploadRefusedError, match="not a readable zip file"):
        unpack(io.BytesIO(raw), tmp_path)


def test_an_empty_zip_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadRefusedError, match="empty"):
        unpack(packed({}), tmp_path)
