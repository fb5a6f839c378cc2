"""Decides which columns of a source have which role. A literal table of known shapes decides; flags overrule it.

A role says what of a row a model learns from. Whatever has none is metadata: it is kept, searched and shown, and no model
learns from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.printing import printable

from .options import ReadOptions

ROLES: Final[Mapping[str, str]] = {
    "text": "the whole text, or a text about a picture or an array",
    "prompt": "what a model is given",
    "completion": "what it answers",
    "label": "the class",
    "choices": "the options of a multiple choice, a list or a column each; the completion says which is right",
    "messages": "a conversation; its last answer is the completion",
    "image": "a picture",
    "features": "an array",
    "paraphrased_answer": "the answer in other words, which only measures",
    "perturbed_answer": "wrong answers, which measure, and which the method dpo prefers",
    "id": "what the source calls the row",
}
CONTENT: Final = ("text", "prompt", "completion", "label", "messages", "image", "features", "choices")
COMPLETE: Final = (
    frozenset({"features", "label"}),
    frozenset({"image", "label"}),
    frozenset({"prompt", "completion"}),
    frozenset({"prompt", "choices", "completion"}),
    frozenset({"text", "label"}),
    frozenset({"text"}),
    frozenset({"messages"}),
)
"""The roles that make an example together; `text` may stand beside an array or a picture."""


@dataclass(frozen=True)
class Shape:
    """A kind of row that people have, and the roles of its columns."""

    name: str
    roles: Mapping[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()
    """Columns that may be missing or empty."""
    numbers: frozenset[str] = frozenset()
    """Columns that hold whole numbers alone."""

    @property
    def required(self) -> frozenset[str]:
        return frozenset(column for columns in self.roles.values() for column in columns) - self.optional


SHAPES: Final = (
    Shape("arrays with labels", {"features": ("features",), "label": ("label",), "text": ("text",)}, frozenset({"text"})),
    *(
        Shape("pictures with labels", {"image": (name,), "label": ("label",), "text": ("text",)}, frozenset({"text"}))
        for name in ("image", "img", "picture", "jpg", "png")
    ),
    Shape(
        "multiple choice",
        {"prompt": ("question",), "choices": ("choices",), "completion": ("answer",)},
        numbers=frozenset({"answer"}),  # letters were always read as the answers themselves
    ),
    Shape("questions and answers", {"prompt": ("question",), "completion": ("answer",)}),
    Shape("prompts and completions", {"prompt": ("prompt",), "completion": ("completion",)}),
    Shape("labelled texts", {"text": ("text",), "label": ("label",)}),
    Shape("texts", {"text": ("text",)}),
    # What follows comes after the shapes that were always read, so that the same file stays the same content.
    Shape("preference pairs", {"prompt": ("prompt",), "completion": ("chosen",)}),
    Shape("preference pairs", {"messages": ("chosen",)}),
    Shape("questions about a context (SQuAD)", {"prompt": ("context", "question"), "completion": ("answers",)}),
    Shape("questions and answers", {"prompt": ("question",), "completion": ("answers",)}),
    Shape("instructions (Alpaca)", {"prompt": ("instruction", "input"), "completion": ("output",)}, frozenset({"input"})),
    Shape(
        "instructions (Dolly)", {"prompt": ("instruction", "context"), "completion": ("response",)}, frozenset({"context"})
    ),
    Shape("inputs and outputs", {"prompt": ("input",), "completion": ("output",)}),
    *(
        Shape("prompts and responses", {"prompt": (name,), "completion": ("response",)})
        for name in ("prompt", "query", "question")
    ),
    Shape("conversations (chat)", {"messages": ("messages",)}),
    Shape("conversations (ShareGPT)", {"messages": ("conversations",)}),
    Shape("conversations (chat)", {"messages": ("conversation",)}),
    *(
        Shape("labelled texts", {"text": (name,), "label": ("label",)})
        for name in ("content", "sentence", "document", "body", "article", "review")
    ),
    *(
        Shape("texts", {"text": (name,)})
        for name in ("content", "document", "body", "article", "sentence", "review", "code", "abstract")
    ),
)
LONGEST_NAME: Final = 80
IDS: Final = ("id", "_id", "doc_id", "document_id", "uuid", "guid", "__key__", "url")
MEASURES: Final = ("paraphrased_answer", "perturbed_answer")


@dataclass(frozen=True)
class Roles:
    """The roles of a source's columns."""

    shape: str
    columns: Mapping[str, tuple[str, ...]]
    """Columns by role, in the order in which their texts follow each other."""
    optional: frozenset[str] = frozenset()
    split: str = ""
    """The column that names the set."""
    metadata: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def used(self) -> frozenset[str]:
        """The columns that have a role, the id aside: that stays metadata too."""
        named = (columns for role, columns in self.columns.items() if role != "id")
        return frozenset(column for columns in named for column in columns) | ({self.split} if self.split else set())

    @property
    def named(self) -> frozenset[str]:
        """All columns that have a role."""
        return self.used.union(self.columns.get("id", ()))


def decide(
    name: str,
    seen: Mapping[str, int],
    rows: Sequence[Collection[str]],
    options: ReadOptions,
    numbers: Collection[str] = frozenset(),
) -> Roles:
    """Return the roles of a source's columns.

    Args:
        name: of the source, for messages.
        seen: every column of a sample of its rows, with the number of rows in which it holds something.
        rows: for each row of the sample, the columns that hold something.
        options: what the flags say.
        numbers: the columns that hold whole numbers alone.

    Raises:
        CorpusError: no shape fits, or a flag names a column that is not there; the message names the columns seen.
    """
    columns = [column for column in seen if column not in options.ignored]
    _check_flags(name, columns, options)
    shape = _known(columns, rows, options, numbers)
    given = {role: tuple(named) for role, named in options.roles.items()}
    roles = _combined(shape, given)
    if roles is None:
        raise CorpusError(_unknown(name, [column if seen[column] else f"{column} (empty)" for column in columns]))
    # Rare columns may first turn up after the sample, so these have their roles in any case.
    measures = {role: (role,) for role in MEASURES if role not in roles and role not in options.ignored}
    split = options.split_column or next((column for column in columns if column.lower() == "split"), "split")
    identity = next(([c] for known in IDS for c in columns if c.lower() == known), [])
    optional = (shape.optional if shape else frozenset()) | frozenset(roles.get("text", ()) if _is_about(roles) else ())
    content = {role: named for role, named in roles.items() if role in CONTENT}
    decided = Roles(
        shape=shape.name if shape and shape.roles == content else "given by flags",
        columns=roles | measures | ({} if "id" in roles or not identity else {"id": tuple(identity)}),
        optional=optional,
        split=split,
        ignored=tuple(sorted(options.ignored & set(seen))),
    )
    rest = tuple(column for column in columns if column not in decided.used)
    return replace(decided, metadata=rest)


def _is_about(roles: Mapping[str, tuple[str, ...]]) -> bool:
    return "features" in roles or "image" in roles


def _check_flags(name: str, columns: Sequence[str], options: ReadOptions) -> None:
    named = [column for given in options.roles.values() for column in given]
    named += [options.split_column] if options.split_column else []
    for column in named:
        if column not in columns:
            message = f"{name} has no column {column!r}. Columns seen: {_listed(columns)}."
            raise CorpusError(message)
    for role in options.roles:
        if role not in ROLES:
            message = f"There is no role {role!r}; --role takes ROLE=COLUMN, with one of the roles {', '.join(ROLES)}."
            raise CorpusError(message)


def _known(
    columns: Sequence[str], rows: Sequence[Collection[str]], options: ReadOptions, numbers: Collection[str]
) -> Shape | None:
    """Return the first known shape of which a row has everything; with other capitals only if none fits exactly."""
    taken = {column for named in options.roles.values() for column in named}
    free = [column for column in columns if column not in taken]
    for spelled in ({column: column for column in free}, {column.lower(): column for column in reversed(free)}):
        for shape in SHAPES:
            needed = {spelled.get(column) for column in shape.required}
            counted = {spelled.get(column) for column in shape.numbers} <= set(numbers)
            if counted and None not in needed and any(needed <= set(row) for row in rows):
                roles = {role: tuple(spelled.get(column, column) for column in named) for role, named in shape.roles.items()}
                return Shape(shape.name, roles, frozenset(spelled.get(column, column) for column in shape.optional))
    return None


def _combined(shape: Shape | None, given: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]] | None:
    """Return the roles: those given if they make an example, or those of the shape, or both together if only that does."""
    known = dict(shape.roles) if shape else {}
    return next((roles for roles in (dict(given), {**known, **given}) if _is_complete(roles)), None)


def _is_complete(roles: Mapping[str, tuple[str, ...]]) -> bool:
    content = frozenset(roles) & frozenset(CONTENT)
    return content in COMPLETE or (_is_about(roles) and content - {"text"} in COMPLETE)


def _unknown(name: str, columns: Sequence[str]) -> str:
    within = " If the rows lie within data, store these as an array or as lines." if "data" in columns else ""
    return (
        f"{name}: its columns are of no known shape. Columns seen: {_listed(columns)}. Say which column is what, such as"
        " --role text=COLUMN, --role prompt=COLUMN --role completion=COLUMN, or --role label=COLUMN (docs/corpora.md)."
        f" A table of numbers without a text is read from an NPZ file with x and y.{within}"
    )


def shown(name: str) -> str:
    """Return a column's name as messages and reports show it: short, and without what would steer a terminal."""
    cut = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    return printable(cut)


def _listed(columns: Sequence[str], most: int = 40) -> str:
    listed = ", ".join(map(shown, columns[:most])) or "none that holds anything"
    return listed + (f" and {len(columns) - most} more" if len(columns) > most else "")
