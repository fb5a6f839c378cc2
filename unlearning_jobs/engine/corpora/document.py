"""What is searched and shown of an example: its text, and a line for each of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self


class Column(NamedTuple):
    """A column of a row, and characters `start` to `end` of the document where it stands with its name."""

    name: str
    value: str
    start: int
    end: int


class Document(str):
    """A text that knows its columns: a line in the text, or in a value, may look like one and is none."""

    __slots__ = ("_metadata", "_text_length")
    _metadata: Mapping[str, str]
    _text_length: int

    def __new__(cls, text: str, metadata: Mapping[str, str]) -> Self:
        document = super().__new__(cls, "\n".join([text, *(f"{name}: {value}" for name, value in metadata.items())]))
        document._text_length, document._metadata = len(text), metadata
        return document

    def __reduce__(self) -> tuple[type[Document], tuple[str, dict[str, str]]]:
        return Document, (self[: self._text_length], dict(self._metadata))

    def columns(self) -> Iterator[Column]:
        """Yield the columns in their order."""
        end = self._text_length
        for name, value in self._metadata.items():
            start = end + 1
            end = start + len(f"{name}: {value}")
            yield Column(name, value, start, end)
