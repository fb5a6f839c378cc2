"""Reads WebDataset archives: members that follow each other with the same name but for the ending are one row."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import Broken, Fields, Picture, Row, SourceFile, unreadable
from .lines import parsed_object
from .streams import open_stream

PICTURES: Final = frozenset({"jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"})
COLUMNS: Final = {"txt": "text", "text": "text", "cls": "label"}
PICKLES: Final = frozenset({"pyd", "pkl", "pickle", "pth", "pt"})
LARGEST_PICTURE: Final = 64 << 20


def webdataset(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the rows of an archive, which is read once from front to back; nothing is unpacked."""
    number, key = 0, ""
    fields: dict[str, Any] = {}
    try:
        with open_stream(file) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.isdir():
                    _check(file, member)
                    stem, ending = _split(member.name)
                    if stem != key and fields:
                        yield number, _row(fields)
                        fields = {}
                    number, key = number + (not fields), stem
                    fields.setdefault("__key__", stem)
                    content = archive.extractfile(member)
                    _add(fields, ending, content.read() if content else b"", options)
            if fields:
                yield number, _row(fields)
    except tarfile.TarError as error:
        raise unreadable(file, f"not readable as tar ({type(error).__name__}); pack it again.") from None


def _split(name: str) -> tuple[str, str]:
    """Cut a member's name at the first point of its last part, as WebDataset does."""
    path = PurePosixPath(name)
    stem, _, ending = path.name.partition(".")
    return str(path.with_name(stem or path.name)), ending.lower()


def _check(file: SourceFile, member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise unreadable(file, "a member's name leads out of the archive; pack it again with relative names.")
    if not member.isfile():
        raise unreadable(file, "it holds a link or a device; pack it again with plain files only.")
    if member.size > LARGEST_PICTURE:
        raise unreadable(file, f"a member is larger than {LARGEST_PICTURE} bytes; pack smaller ones.")


def _add(fields: dict[str, Any], ending: str, content: bytes, options: ReadOptions) -> None:
    """Add one member to the row, as a column named by its ending."""
    last = ending.rpartition(".")[2]
    if ending in options.ignored or last in options.ignored:
        return
    if last in PICKLES:
        fields["broken"] = Broken(f"a member ends in .{last}, and nothing is unpickled; leave it out with --ignore {last}")
    elif last in PICTURES:
        fields["image" if "image" not in fields else ending] = Picture(content, f"{fields['__key__']}.{ending}")
    elif last == "json":
        _add_object(fields, ending, content, options)
    else:
        try:
            fields[COLUMNS.get(ending, ending or "member")] = content.decode(options.encoding)
        except UnicodeDecodeError:
            reason = f"a member .{ending} is neither text nor a picture; leave it out with --ignore {last}"
            fields["broken"] = Broken(reason)


def _add_object(fields: dict[str, Any], ending: str, content: bytes, options: ReadOptions) -> None:
    try:
        parsed = parsed_object(content.decode(options.encoding))
    except UnicodeDecodeError:
        parsed = Broken(f"a member .{ending} is not {options.encoding.upper()}")
    if isinstance(parsed, Broken):
        fields["broken"] = parsed
        return
    for name, value in parsed.items():
        fields[name if name not in fields else f"{ending}.{name}"] = value


def _row(fields: dict[str, Any]) -> Fields | Broken:
    broken = fields.get("broken")
    return broken if isinstance(broken, Broken) else fields
