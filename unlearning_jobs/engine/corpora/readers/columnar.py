"""Reads Parquet and Arrow, which know their columns: also what `datasets` writes, with pictures and names of classes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import BLOCK, Fields, Picture, Row, SourceFile, unreadable
from .repeated import told_apart

BATCH_BYTES = 2 << 20
MOST_ROWS = 1024
PARQUET_MARK: Final = b"PAR1"
"""What a Parquet file begins and ends with."""
FILE_MARK: Final = b"ARROW1"
FILE_STREAM: Final = 8
"""Where the stream of an Arrow file begins: behind the mark and two bytes."""
FOOTER_END: Final = 4 + len(FILE_MARK)
"""Bytes behind the footer of an Arrow file: its length, and the mark again."""
STREAM_ENDS: Final = (b"\xff\xff\xff\xff\0\0\0\0", b"\0\0\0\0")
"""What ends a stream; the second before Arrow 0.15."""
UNREADABLE: Final = (OSError, ValueError, OverflowError)
"""Beside its own, what Arrow raises for a damaged page, and for values that Python has not, such as the year 60000."""
PICTURE_COLUMNS = frozenset({"image", "img", "picture", "jpg", "jpeg", "png", "webp"})


def parquet(file: SourceFile, options: ReadOptions) -> Iterator[Row]:  # noqa: ARG001  # a reader's signature
    """Yield the rows of a Parquet file, page by page."""
    import pyarrow as pa  # slow to load, and only some formats need it
    import pyarrow.parquet as pq

    try:
        with ExitStack() as stack:
            source = file.path if file.store is None else stack.enter_context(file.open())
            content = stack.enter_context(pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20))
            size = sum(content.metadata.row_group(n).total_byte_size for n in range(content.metadata.num_row_groups))
            rows = _rows_at_once(size, content.metadata.num_rows)
            yield from _rows(content.iter_batches(batch_size=rows), content.schema_arrow)
            _check_one(file, content.metadata)
    except (pa.ArrowException, *UNREADABLE) as error:
        raise _damaged(file, "Parquet", error) from None


def _check_one(file: SourceFile, metadata: Any) -> None:
    """Refuse files that were joined: the footer is that of the last, and its places are looked up in the first.

    Between the columns and the footer lie indexes at most; where another file begins, two marks meet.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    with file.open() as content:
        content.seek(max((_begin(column) + column.total_compressed_size for column in columns), default=0))
        before = b""
        while block := content.read(BLOCK):
            if PARQUET_MARK * 2 in before + block:
                raise unreadable(file, "another Parquet file follows in it; store each as a file of its own.")
            before = block[-2 * len(PARQUET_MARK) :]


def _begin(column: Any) -> int:
    return int(column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset)


def arrow(file: SourceFile, options: ReadOptions) -> Iterator[Row]:  # noqa: ARG001  # a reader's signature
    """Yield the rows of an Arrow file or stream, as `save_to_disk` writes them.

    A file is a stream between marks, with a footer behind it. Both are read as streams, because a stream alone says where
    it ends: one that was cut between two batches, or that another follows, is no whole file.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(file.path)) if file.store is None else pa.PythonFile(file.open(), "r") as content:
            is_file = content.read(len(FILE_MARK)) == FILE_MARK
            if is_file:
                pa.ipc.open_file(content)  # checks the footer
            content.seek(FILE_STREAM if is_file else 0)
            stream = pa.ipc.open_stream(content)
            yield from _rows(_slices(_to_its_end(file, content, stream, is_file=is_file)), stream.schema)
    except (pa.ArrowException, *UNREADABLE) as error:
        raise _damaged(file, "Arrow", error) from None


def _to_its_end(file: SourceFile, content: Any, stream: Any, *, is_file: bool) -> Iterator[Any]:
    """Yield the batches of a stream.

    Raises:
        CorpusError: no mark ends it, or something else follows that mark than the footer of a file.
    """
    before = content.tell()
    for batch in stream:
        yield batch
        before = content.tell()
    end, size = content.tell(), content.size()
    content.seek(max(before, end - len(STREAM_ENDS[0])))
    if content.read(end - content.tell()) not in STREAM_ENDS:
        raise unreadable(file, "the Arrow stream has no end, as if it had been cut off; export it again.")
    if is_file:
        content.seek(size - FOOTER_END)
        end += int.from_bytes(content.read(4), "little") + FOOTER_END
    if end != size:
        message = "something follows the end of the Arrow data, such as another stream; store one stream or table per file."
        raise unreadable(file, message)


def _damaged(file: SourceFile, form: str, error: Exception) -> Exception:
    if isinstance(error, FileNotFoundError | PermissionError):
        return error
    return unreadable(file, f"not readable as {form} ({type(error).__name__}); export it again.")


def _rows_at_once(size: int, rows: int) -> int:
    return max(1, min(MOST_ROWS, BATCH_BYTES * rows // max(size, 1)))


def _slices(batches: Any) -> Iterator[Any]:
    for batch in batches:
        rows = _rows_at_once(batch.nbytes, batch.num_rows)
        yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def _rows(batches: Any, schema: Any) -> Iterator[Row]:
    told = told_apart(schema)
    converters = _converters(told.schema)
    number = 0
    for batch in batches:
        for fields in told.batch(batch).to_pylist(maps_as_pydicts=None):
            number += 1
            yield number, _converted(fields, converters) if converters else fields


def _converted(fields: dict[str, Any], converters: Mapping[str, Callable[[Any], object]]) -> Fields:
    for name, convert in converters.items():
        if fields[name] is not None:
            fields[name] = convert(fields[name])
    return fields


def _converters(schema: Any) -> Mapping[str, Callable[[Any], object]]:
    """Return how the values of some columns become what they mean: names of classes, and pictures."""
    import pyarrow as pa

    converters: dict[str, Callable[[Any], object]] = {}
    for name, names in _class_names(schema.metadata or {}).items():
        if name in schema.names:
            converters[name] = partial(_class_name, names)
    for field in schema:
        members = {field.type.field(n).name for n in range(field.type.num_fields)} if pa.types.is_struct(field.type) else ()
        if members and members <= {"bytes", "path"} and "bytes" in members:
            converters[field.name] = _picture
        elif field.name.strip().lower() in PICTURE_COLUMNS and _is_binary(field.type):
            converters[field.name] = Picture
    return converters


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _picture(value: Mapping[str, Any]) -> Picture | None:
    return Picture(value["bytes"], value.get("path") or "") if value["bytes"] else None


def _class_name(names: list[str], value: object) -> object:
    """Return the name of a class by its number; -1 is how `datasets` writes that there is none."""
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return None if value == -1 else value


def _class_names(metadata: Mapping[bytes, bytes]) -> Mapping[str, list[str]]:
    """Return the names of classes by column, as `datasets` keeps them in the schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            name: list(map(str, about["names"])) for name, about in features.items() if about.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
