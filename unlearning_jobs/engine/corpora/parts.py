"""What the files of a folder say of each other: the numbers of shards, and what `datasets` wrote beside its data."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.printing import printable

from .readers import SourceFile
from .set_names import NUMBER_OF

NUMBERED: Final = re.compile(rf"(.*?){NUMBER_OF}(\D.*)?", re.ASCII | re.DOTALL | re.IGNORECASE)
CACHE: Final = re.compile(r"cache-[0-9a-f]{8,}.*\.arrow")
"""What `datasets` keeps of its own computations, beside the data."""
LARGEST: Final = 1 << 20
IN_STATE: Final = """_data_files _fingerprint _format_columns _format_kwargs _format_type _indexes _indices_data_files
_indices_files _output_all_columns _split"""
IN_INFO: Final = """builder_name citation config_name dataset_name dataset_size description download_checksums download_size
features homepage license post_processed post_processing_size size_in_bytes splits supervised_keys task_templates version"""
KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "state.json": frozenset(IN_STATE.split()),
    "dataset_dict.json": frozenset({"splits"}),
    "dataset_info.json": frozenset(IN_INFO.split()),
}
"""What stands in the files that `datasets` writes beside data."""
PROSE: Final = ("description", "citation")


@dataclass(frozen=True)
class Parts:
    """What the files of a folder say of each other."""

    unnamed: frozenset[Path]
    """Files that look like data and are none: a cache, or not among the files that `state.json` names."""
    missing: tuple[str, ...]
    """What should be there and is not."""
    without_text: frozenset[Path]
    """Files beside the data that hold nothing that could be searched for."""


def parts_of(given: Path, every: Sequence[Path], shards: Sequence[Path], opened: Callable[[Path], SourceFile]) -> Parts:
    """Return what the files of a folder say of each other; `shards` are those whose names may number them.

    Raises:
        CorpusError: a `state.json` selects rows of the files that it names.
        OSError: a file cannot be read.
    """
    arrows = {path for path in every if path.suffix.lower() == ".arrow"}
    described = {path: _content(opened(path)) for path in every if arrows and path.name in KNOWN}
    unnamed = {path for path in arrows if CACHE.fullmatch(path.name)}
    unnamed = set() if unnamed == arrows else unnamed
    missing = dict.fromkeys(_missing_shards(given, [path for path in shards if path not in unnamed]))
    for path, content in described.items():
        named = _named(path, content)
        if named is None:
            continue
        beside = {one.relative_to(path.parent).parts[0] for one in every if one.is_relative_to(path.parent)}
        missing.update(dict.fromkeys(_place(path.parent / name, given) for name in sorted(named - beside)))
        if path.name == "state.json":
            unnamed |= {one for one in arrows if one.parent == path.parent and one.name not in named}
    empty = {path for path in every if path.name == "_SUCCESS" and not opened(path).size}
    told = {path for path, content in described.items() if _says_nothing(path, content)}
    return Parts(frozenset(unnamed), tuple(missing), frozenset(empty | told))


def _place(path: Path, given: Path) -> str:
    name = path.relative_to(given).as_posix()
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _content(file: SourceFile) -> Any:
    with file.open() as stream:
        content = stream.read(LARGEST + 1)
    try:
        return json.loads(content) if len(content) <= LARGEST else None
    except (ValueError, RecursionError):
        return None


def _named(path: Path, content: Any) -> set[str] | None:
    """Return the files or folders that a description names; none if it names nothing.

    Raises:
        CorpusError: it selects rows of them.
    """
    if not isinstance(content, dict):
        return None
    if path.name == "state.json" and (content.get("_indices_files") or content.get("_indices_data_files")):
        message = (
            f"{path.parent.name}: its state.json selects rows of its files; save it again after flatten_indices(), so that"
            " nothing is read that is not in the data set."
        )
        raise CorpusError(message)
    listed = content.get({"state.json": "_data_files", "dataset_dict.json": "splits"}.get(path.name, ""))
    if not isinstance(listed, list) or not listed:
        return None
    names = [one.get("filename") if isinstance(one, dict) else one for one in listed]
    return {name for name in names if isinstance(name, str) and name and "/" not in name}


def _says_nothing(path: Path, content: Any) -> bool:
    return isinstance(content, dict) and content.keys() <= KNOWN[path.name] and not any(map(content.get, PROSE))


def _missing_shards(given: Path, paths: Sequence[Path]) -> Iterator[str]:
    """Yield, of each series of numbered files that is not whole, the first that is missing.

    Where neither the first nor the last number is there, nobody can know whether they begin with 0 or with 1, and which is
    missing.
    """
    series: defaultdict[tuple[Path, str, str, str, str], dict[str, str]] = defaultdict(dict)
    for path in paths:
        found = NUMBERED.fullmatch(path.name)
        if found and int(found["number"]) <= int(found["total"]):
            name, dash, number, of, total, rest = found.groups(default="")
            series[path.parent, name, dash, of, total][number] = rest
    for (folder, name, dash, of, total), numbers in series.items():
        there, whole, width = {int(number) for number in numbers}, int(total), max(map(len, numbers))
        rest = f"{of}{total}{next(iter(numbers.values()))}"
        if there.isdisjoint({0, whole}):
            yield f"{_place(folder / f'{name}{dash}*{rest}', given)} ({whole - len(there)} of {whole})"
            continue
        first = 0 if 0 in there else 1
        lost = whole - len([number for number in there if first <= number < whole + first])
        if lost > 0:
            one = next(number for number in range(first, whole + first) if number not in there)
            more = f" and {lost - 1} more" if lost > 1 else ""
            yield _place(folder / f"{name}{dash}{one:0{width}}{rest}", given) + more
