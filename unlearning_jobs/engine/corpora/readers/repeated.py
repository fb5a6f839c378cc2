"""Names that a row, an object or a schema repeats: each value keeps one of its own, so that none hides another."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any


def distinct(names: Sequence[str]) -> list[str]:
    """Return a name of its own for each; of those that are the same, the last keeps it, as it counts for JSON parsers."""
    taken: dict[str, None] = {}
    used: dict[str, int] = {}
    """The last number by name, so that an object of a name repeated very often takes no time that grows with its square."""
    for name in reversed(names):
        spelling, used[name] = _numbered(name, used.get(name, 1), taken)
        taken[spelling] = None
    return [*reversed(taken)]


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: the name itself, or with a number behind it."""
    return _numbered(name, 1, taken)[0]


def _numbered(name: str, number: int, taken: Container[str]) -> tuple[str, int]:
    spelling = name if number == 1 else f"{name} ({number})"
    while spelling in taken:
        number += 1
        spelling = f"{name} ({number})"
    return spelling, number


@dataclass(frozen=True)
class ToldApart:
    """A schema in which no column and no field of a column has the name of another."""

    schema: Any
    differs: bool

    def batch(self, batch: Any) -> Any:
        """Return a batch with these names; nothing of it is copied."""
        import pyarrow as pa  # slow to load, and only some formats need it

        return pa.record_batch(_Renamed(batch, self.schema)) if self.differs else batch


@dataclass(frozen=True)
class _Renamed:
    """A batch under another schema, for Arrow's own exchange of arrays: types that differ only in names lie there alike."""

    content: Any
    schema: Any

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        _, content = self.content.__arrow_c_array__(requested_schema)
        return self.schema.__arrow_c_schema__(), content


def told_apart(schema: Any) -> ToldApart:
    """Return a schema of Arrow with names of their own, also in structures within lists and maps."""
    import pyarrow as pa

    changed = pa.schema(_named(list(schema)), metadata=schema.metadata)
    return ToldApart(changed, differs=not changed.equals(schema))


def _named(fields: Sequence[Any]) -> list[Any]:
    names = distinct([field.name for field in fields])
    return [field.with_name(name).with_type(_type(field.type)) for field, name in zip(fields, names, strict=True)]


def _type(kind: Any) -> Any:
    import pyarrow as pa

    def item() -> Any:
        return kind.value_field.with_type(_type(kind.value_type))

    if pa.types.is_struct(kind):
        return pa.struct(_named([kind.field(place) for place in range(kind.num_fields)]))
    if pa.types.is_map(kind):
        key, value = (field.with_type(_type(field.type)) for field in (kind.key_field, kind.item_field))
        return pa.map_(key, value, keys_sorted=kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(item(), kind.list_size)
    lists = (
        (pa.types.is_list, pa.list_),
        (pa.types.is_large_list, pa.large_list),
        (pa.types.is_list_view, pa.list_view),
        (pa.types.is_large_list_view, pa.large_list_view),
    )
    return next((make(item()) for is_one, make in lists if is_one(kind)), kind)
