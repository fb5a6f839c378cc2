"""Finds the files of what is given: a file, or a folder of files of one kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.errors import CorpusError

from .object_store import Given, StoreAddress, list_objects
from .options import ReadOptions
from .parts import parts_of
from .readers import COMPRESSED, PICTURES, READERS, STREAMED, TEXTS, TITLES, Broken, Fields, SourceFile
from .set_names import SPELLINGS, folder_name, set_by_names, shard_name
from .walking import hidden_files, plain_files

ASIDE: Final = re.compile(
    r"(readme|licen[cs]e|dataset_card)[^.]*(\.\d+)*((\.[a-z]{2})?\.(md|txt|rst|html?))?|.*\.(py|ya?ml|lock|sha256)"
    r"|_success|_(common_)?metadata|_(started|committed)_\d+",
    re.IGNORECASE,
)
"""Files that stand beside data and hold none, by their names and endings."""
DESCRIPTIONS: Final = re.compile(r"dataset_infos?\.json|dataset_dict\.json|state\.json", re.IGNORECASE)
"""What `datasets` writes beside data; among files of JSON, they may be data as well."""
TABLES: Final = re.compile(r"metadata\.(csv|jsonl)", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """The files of one source, in the order of their names."""

    name: str
    kind: str
    files: tuple[SourceFile, ...]
    aside: tuple[str, ...] = ()
    """Names of files that were left aside: they describe data, are hidden, or `only` does not name them."""
    unread: tuple[str, ...] = ()
    """Those of them that may hold what nobody has read."""
    missing: tuple[str, ...] = ()
    """What should be there by the names of other files, or by what they say, and is not."""


def find_files(given: Given, options: ReadOptions) -> Found:
    """Return the files of a source.

    A file is taken as it is, also through a link: it was named. In a folder, links are followed only with `follows_links`.

    Raises:
        CorpusError: there is nothing to read, or files of several kinds, or a link leads elsewhere.
    """
    if isinstance(given, StoreAddress):
        return _stored(given, options)
    try:
        if given.is_dir():
            return _folder(given, list(plain_files(given, options)), options, _as_it_is, list(hidden_files(given)))
        if not given.is_file():
            message = f"{given.name} cannot be read: it is no file or folder; check its path and permissions."
            raise CorpusError(message)
    except PermissionError as error:
        message = f"{given.name} cannot be read: {error.strerror}; check its path and permissions."
        raise CorpusError(message) from None
    return _one(given, _as_it_is)


def with_own_name(found: Found, given: Given, options: ReadOptions) -> Found:
    """Return a source whose own name counts too, as one of several that were given."""
    name = legible(given.name)
    if not found.files[0].alone:
        own = folder_name(name)
    elif _is_shard(found.files[0].path, options):
        own = shard_name(_stem(name))
    else:
        return found
    files = [
        replace(file, split=set_by_names([own, file.split]), named="/".join(filter(None, (own, file.named))))
        for file in found.files
    ]
    return replace(found, files=tuple(files))


def _stored(given: StoreAddress, options: ReadOptions) -> Found:
    listing = list_objects(given)
    root, sizes = Path(listing.root), {Path(one.path): one.size for one in listing.objects}

    def placed(file: SourceFile) -> SourceFile:
        return replace(file, store=listing.store, listed=sizes.get(file.path, 0))

    if listing.is_object:
        return _one(root, placed)
    return _folder(root, list(sizes), options, placed, [Path(path) for path in listing.hidden])


Placed = Callable[[SourceFile], SourceFile]
"""Says of a file where it lies."""


def _as_it_is(file: SourceFile) -> SourceFile:
    return file


def _one(path: Path, placed: Placed) -> Found:
    kind = _kind(path)
    if kind is None:
        message = f"{path.name}: unknown format; use a file that ends in {_endings()}, or a folder of such files."
        raise CorpusError(message)
    name = legible(path.name)
    return Found(name, TITLES[kind], (placed(SourceFile(path, name, kind)),))


def legible(name: str) -> str:
    """Return a file's name as text: bytes that are no UTF-8 are replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _endings() -> str:
    return ", ".join(ending for ending in READERS if ending not in PICTURES)


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    if name.endswith((".tgz", ".tar.gz", ".tar.zst")):
        return ".tar"
    suffixes = Path(name).suffixes
    if suffixes and suffixes[-1] in COMPRESSED:
        return suffixes[-2] if len(suffixes) > 1 and suffixes[-2] in STREAMED else None
    return suffixes[-1] if suffixes and suffixes[-1] in READERS else None


def _folder(given: Path, every: Sequence[Path], options: ReadOptions, placed: Placed, hidden: Sequence[Path]) -> Found:
    # 1. Every file, by kind.
    paths, aside = [], list(hidden)
    tables: list[Path] = []
    describes = _describing([path for path in every if path.name.lower().endswith(options.only.lower())])
    for path in every:
        if not path.name.lower().endswith(options.only.lower()) or describes(path.name):
            aside.append(path)
        elif TABLES.fullmatch(path.name):
            tables.append(path)
        else:
            paths.append(path)
    if not any(_kind(path) in PICTURES for path in paths):
        paths, tables = sorted([*paths, *tables]), []
    shards = [path for path in paths if _is_shard(path, options)]
    parts = parts_of(given, every, shards, lambda path: placed(SourceFile(path, path.name, path.suffix)))
    aside += [path for path in paths if path in parts.unnamed]
    paths = [path for path in paths if path not in parts.unnamed]
    # 2. Only one kind at a time, so that nothing is left out without a word.
    kinds = {_kind(path) for path in paths}
    endings = sorted({"".join(path.suffixes[-2:]) or path.name for path in paths})
    if not paths:
        message = f"The folder {given.name} holds no data files; give a folder with files that end in {_endings()}."
        raise CorpusError(message)
    if None in kinds or len({TITLES[kind] for kind in kinds if kind}) > 1:
        message = (
            f"The folder {given.name} holds files of several or of unknown kinds ({', '.join(endings[:10])}); choose one"
            f" kind with --only, such as --only {endings[0]}."
        )
        raise CorpusError(message)
    kind = next(kind for kind in kinds if kind)
    # 3. What the folders say about each file.
    about = _about_pictures([placed(_table(path, given)) for path in tables], options)
    files = [placed(_file(path, given, options)) for path in paths]
    files = [replace(file, about=about.get(file.path)) for file in files] if about else files
    if unknown := set(about) - {file.path for file in files}:
        message = f"A table beside the pictures of {given.name} names {len(unknown)} files that are not there; correct it."
        raise CorpusError(message)
    left = sorted(legible(path.relative_to(given).as_posix()) for path in aside)
    unread = sorted(legible(path.relative_to(given).as_posix()) for path in aside if path not in parts.without_text)
    return Found(legible(given.name), TITLES[kind], tuple(files), tuple(left), tuple(unread), parts.missing)


def _describing(paths: Sequence[Path]) -> Callable[[str], bool]:
    """Return what says of a file's name whether it describes these files: a name of `DESCRIPTIONS` may be data itself."""
    others = [path for path in paths if not ASIDE.fullmatch(path.name)]
    kinds = {_kind(path) for path in others if not DESCRIPTIONS.fullmatch(path.name)}
    described = bool(kinds - {None}) and ".json" not in kinds
    return lambda name: bool(ASIDE.fullmatch(name) or (described and DESCRIPTIONS.fullmatch(name)))


def _file(path: Path, given: Path, options: ReadOptions) -> SourceFile:
    """Describe a file of a folder: its set from folders or the name of a shard, and a picture's class from its folder."""
    relative = path.relative_to(given)
    kind = _kind(path) or ""
    folders = [legible(part) for part in relative.parts[:-1] if part.lower() != "data"]
    if kind in PICTURES:
        split, label = _of_picture(folders)
        named = "/".join(folders)
    else:
        names, label = list(map(folder_name, folders)), ""
        if _is_shard(path, options):
            names.append(shard_name(_stem(legible(path.name))))
        split, named = set_by_names(names), "/".join(names)
    return SourceFile(path, legible(relative.as_posix()), kind, split=split, label=label, named=named, alone=False)


def _is_shard(path: Path, options: ReadOptions) -> bool:
    """Return whether a file holds several rows. One that is a picture or a text has a title, which is not to be read."""
    kind = _kind(path)
    return kind not in PICTURES and (kind not in TEXTS or options.text_unit in {"line", "paragraph"})


def _of_picture(folders: Sequence[str]) -> tuple[str, str]:
    """Return the set and the class of a picture. The last folder is its class, unless it has the name of a set."""
    *above, last = list(map(folder_name, folders)) or [""]
    if not (split := set_by_names(above)) and (split := set_by_names([last])) in SPELLINGS:
        folders = folders[:-1]
    return split, folders[-1] if folders else ""


def _stem(name: str) -> str:
    """Return a file's name without the endings that say its format."""
    stem = name
    while (ending := Path(stem).suffix) and ending.lower() in {*READERS, *COMPRESSED, ".tgz"}:
        stem = stem.removesuffix(ending)
    return stem


def _table(path: Path, given: Path) -> SourceFile:
    return SourceFile(path, path.relative_to(given).as_posix(), path.suffix.lower())


def _about_pictures(tables: Sequence[SourceFile], options: ReadOptions) -> dict[Path, Fields]:
    """Return what tables beside pictures say about each, by the path that their column `file_name` gives."""
    about: dict[Path, Fields] = {}
    for file in tables:
        for number, fields in READERS[file.kind](file, options):
            name = None if isinstance(fields, Broken) else fields.get("file_name")
            if isinstance(fields, Broken) or not isinstance(name, str):
                message = f"{file.name}, line {number}: needs a column file_name with the name of a picture beside it."
                raise CorpusError(message)
            about[file.path.parent / name] = fields
    return about
