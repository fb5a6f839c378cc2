"""Turns the columns of a row into an example: what a model learns from by the roles, and everything else as metadata."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from .cells import RowError, RowSkipped, Text, as_text, is_missing, read_label, read_text, texts_of
from .choices import Choice
from .conversations import read_conversation
from .options import ReadOptions
from .readers import Fields, Picture, PictureError, decode
from .roles import Roles
from .set_names import SPELLINGS

INVISIBLE: Final = string.whitespace + "\u00a0\u00ad\u200b\u200c\u200d\u2060\u3000\ufeff"
"""Characters of which nothing is seen: a text of them alone is none."""


@dataclass(frozen=True)
class FeatureFormat:
    """The layout of an example's features in memory: NumPy's name of the type, and the shape."""

    dtype: Literal["uint8", "<f4"]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One example as read from a source. `prompt` is empty for plain text."""

    prompt: str
    completion: str
    split: str = ""
    """How the source calls its set; empty if it does not say."""
    paraphrased_answer: str | None = None
    perturbed_answer: tuple[str, ...] = ()
    labelled: bool = False
    """Whether the completion is the name of a class."""
    features: bytes | None = None
    format: FeatureFormat | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    source_id: str | None = None


class RowMaker:
    """Makes examples of the rows of one source, by the roles of its columns."""

    size = 0
    """In bytes: what of the row that was made last is kept."""

    def __init__(self, roles: Roles, options: ReadOptions) -> None:
        self.roles, self.options = roles, options
        self._of = roles.columns
        self._ignored = frozenset(roles.ignored) | options.ignored
        self._left = roles.used | self._ignored
        required = [c for role, named in self._of.items() if role in NEEDED for c in named if c not in roles.optional]
        self._required = tuple(required)

    def make(self, fields: Fields) -> SourceRow:
        """Return the row as an example; `fields` have their names without white space around them.

        Raises:
            RowSkipped: it has nothing to learn from.
            RowError: a column holds something else than its role is for.
        """
        self._check_missing(fields)
        metadata = {
            name: as_text(value, name)
            for name, value in fields.items()
            if name not in self._left and value is not None and value != ""
        }
        of = self._of
        if "features" in of or "image" in of:
            row = self._array(fields, metadata)
        elif "messages" in of:
            row = self._conversation(fields, metadata)
        else:
            row = self._texts(fields, metadata)
        self.size = _checked_size(row, self.options.row_bytes)
        return row

    def _check_missing(self, fields: Fields) -> None:
        missing = [name for name in self._required if is_missing(fields.get(name))]
        if not missing:
            return
        if len(missing) == len(self._required):
            others = (value for name, value in fields.items() if name not in self._ignored and name != self.roles.split)
            raise RowSkipped(reason="empty" if all(map(is_missing, others)) else "elsewhere")
        labels = self._of.get("label", ())
        raise RowSkipped(reason="unlabelled" if all(name in labels for name in missing) else "incomplete")

    def _texts(self, fields: Fields, metadata: Text) -> SourceRow:
        of = self._of
        if "choices" in of:
            return self._choice(fields, metadata)
        if "prompt" in of:
            prompt = self._joined(of["prompt"], fields, metadata)
            completion = self._joined(of["completion"], fields, metadata)
            return SourceRow(prompt, completion, **self._besides(fields, metadata))
        text = self._joined(of["text"], fields, metadata)
        if "label" in of:
            return SourceRow(text, read_label(fields, of["label"]), labelled=True, **self._besides(fields, metadata))
        return SourceRow("", text, **self._besides(fields, metadata))

    def _choice(self, fields: Fields, metadata: Text) -> SourceRow:
        of = self._of
        options = [text for name in of["choices"] for text in self._options(name, fields[name])]
        choice = Choice.read(options, fields[of["completion"][0]], of["completion"][0])
        prompt = choice.prompt(self._joined(of["prompt"], fields, metadata))
        besides = self._besides(fields, metadata)
        besides["perturbed_answer"] = (*choice.wrong, *besides.get("perturbed_answer", ()))
        return SourceRow(prompt, choice.right, **besides)

    def _options(self, name: str, value: object) -> tuple[str, ...]:
        return texts_of(value, name) if len(self._of["choices"]) == 1 else (as_text(value, name),)

    def _joined(self, columns: tuple[str, ...], fields: Fields, metadata: Text) -> str:
        texts = [read_text(fields.get(name), name, metadata) for name in columns]
        joined = texts[0] if len(texts) == 1 else "\n".join(text for text in texts if text)
        if not joined.strip(INVISIBLE):
            raise RowSkipped(reason="incomplete")
        return joined

    def _conversation(self, fields: Fields, metadata: Text) -> SourceRow:
        [column] = self._of["messages"]
        value = fields[column]
        if isinstance(value, str) and not value.lstrip().startswith("["):
            return SourceRow("", value, **self._besides(fields, metadata))  # a preference pair of plain texts
        try:
            conversation = read_conversation(value)
        except ValueError as error:
            reason = str(error) if not isinstance(error, json.JSONDecodeError) else "must be a list of messages"
            message = f"{column} {reason}"
            raise RowError(message) from None
        if conversation is None:
            raise RowSkipped(reason="unanswered")
        if conversation.rest:
            metadata[column] = conversation.rest
        return SourceRow(conversation.prompt, conversation.completion, **self._besides(fields, metadata))

    def _array(self, fields: Fields, metadata: Text) -> SourceRow:
        about = "\n".join(t for name in self._of.get("text", ()) if (t := read_text(fields.get(name), name, metadata)))
        if "image" in self._of:
            [column] = self._of["image"]
            picture = fields[column]
            picture = Picture(picture) if isinstance(picture, bytes) else picture
            if not isinstance(picture, Picture):
                message = f"{column} must hold pictures"
                raise RowError(message)
            try:
                features, said = decode(picture, self.options)
            except PictureError as error:
                raise RowError(str(error)) from None
            metadata.update(said)
            metadata.update({"file_name": picture.name} if picture.name and "file_name" not in fields else {})
        else:
            [column] = self._of["features"]
            features = fields[column]
        return SourceRow(
            about,
            read_label(fields, self._of["label"]),
            labelled=True,
            features=np.ascontiguousarray(features).tobytes(),
            format=_format(features),
            **self._besides(fields, metadata),
        )

    def _besides(self, fields: Fields, metadata: Text) -> dict[str, Any]:
        """Return what stands beside the content: set, id, metadata, and answers that only measure."""
        of = self._of
        besides: dict[str, Any] = {"metadata": metadata}
        if self.roles.split and not is_missing(found := fields.get(self.roles.split)):
            besides["split"] = str(found).strip()
            if SPELLINGS.get(besides["split"]) != besides["split"]:
                metadata[self.roles.split] = besides["split"]
        if "id" in of and not is_missing(found := fields.get(of["id"][0])):
            besides["source_id"] = as_text(found, of["id"][0])
        if "paraphrased_answer" in of and not is_missing(found := fields.get(of["paraphrased_answer"][0])):
            besides["paraphrased_answer"] = read_text(found, "paraphrased_answer", metadata)
        if "perturbed_answer" in of and not is_missing(found := fields.get(of["perturbed_answer"][0])):
            besides["perturbed_answer"] = texts_of(found, of["perturbed_answer"][0])
        return besides


NEEDED: Final = frozenset({"text", "prompt", "completion", "label", "messages", "image", "features", "choices"})


def _format(features: NDArray[Any]) -> FeatureFormat:
    return FeatureFormat("uint8" if features.dtype == np.uint8 else "<f4", features.shape)


def _checked_size(row: SourceRow, limit: int) -> int:
    size = len(row.features or b"")
    try:
        texts = (row.prompt, row.completion, row.paraphrased_answer or "", *row.perturbed_answer)
        size += sum(len(text.encode()) for text in texts)
        size += sum(len(name.encode()) + len(value.encode()) for name, value in row.metadata.items())
    except UnicodeEncodeError:
        message = "holds half a surrogate pair, which is not text; remove it"
        raise RowError(message) from None
    if size > limit:
        more = " (or make the pictures smaller with --image-size)" if row.features else ""
        message = f"longer than {limit} bytes; raise the limit with --row-bytes{more}, or split it into shorter examples"
        raise RowError(message)
    return size
