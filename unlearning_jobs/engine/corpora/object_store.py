"""Addresses in object stores (S3 and what speaks its protocol, Google Cloud Storage), through Arrow's file systems.

Nothing is copied to a disk: files are read where they lie, a range at a time. Keys come from where the store's own tools
take them, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of the machine.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from unlearning_jobs.engine.errors import CorpusError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES: Final = ("s3", "gs")
SCHEME: Final = re.compile("([A-Za-z][A-Za-z0-9+.-]*)://")
ADDRESS: Final = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,221})(?:/(?P<key>[^?]*))?(?:\?.*)?"
)
OPTIONS: Final = frozenset({"endpoint_override", "scheme", "region", "allow_bucket_creation"})
"""What an address may say about how its store is reached. Keys are none of it."""
FAILURES: Final = (
    ("NO_SUCH_BUCKET", "there is no such bucket"),
    ("NO_SUCH_KEY", "there is no such object any more"),
    ("NETWORK_CONNECTION", "the store cannot be reached"),
    ("ACCESS_DENIED", "the store refuses access with these keys"),
    ("INVALID_ACCESS_KEY_ID", "the store refuses access with these keys"),
    ("SIGNATURE_DOES_NOT_MATCH", "the store refuses access with these keys"),
)
"""What stores answer, in words; other failures are named by their class."""


@dataclass(frozen=True)
class StoreAddress:
    """An address such as `s3://bucket/folder`: of one object, or of all whose keys begin with it and a slash.

    It is read letter by letter: a percent sign or a number sign in it is one in the key. What stands behind a question mark
    says how to reach the store, such as `endpoint_override=localhost:9000&scheme=http`.
    """

    text: str

    @property
    def plain(self) -> str:
        """Return the address as messages and digests name it, without how to reach the store."""
        return self.text.partition("?")[0]

    @property
    def name(self) -> str:
        return PurePosixPath(self.plain.partition("://")[2]).name

    @property
    def root(self) -> str:
        """Return bucket and key, without a slash at the end."""
        return self.plain.partition("://")[2].rstrip("/")

    @property
    def store(self) -> str:
        """Return the address of the bucket, with how it is reached."""
        scheme, _, rest = self.text.partition("://")
        return f"{scheme}://{rest.partition('?')[0].partition('/')[0]}?{self.text.partition('?')[2]}"


Given = Path | StoreAddress
"""What somebody names to be read: a file or folder of this machine, or an address in a store."""


def given_place(text: str) -> Given:
    """Return what a command was given as a place.

    Raises:
        CorpusError: it is an address of no known kind, or may hold a key; it is not quoted.
    """
    scheme = SCHEME.match(text)
    if scheme is None:
        return Path(text)
    if scheme[1] not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        message = f"There are no addresses {scheme[0]} to read from; give a path, or one of {known}."
        raise CorpusError(message)
    options = {option.partition("=")[0] for option in text.partition("?")[2].split("&") if option}
    if "@" in text or options - OPTIONS:
        message = (
            "Keep keys out of addresses, which others see; set them as the store's own tools read them. An address has no @,"
            f" and behind a question mark only {', '.join(sorted(OPTIONS))}."
        )
        raise CorpusError(message)
    if not ADDRESS.fullmatch(text):
        message = f"This is no address of a bucket; write it as in {scheme[0]}bucket/folder."
        raise CorpusError(message)
    return StoreAddress(text)


@dataclass(frozen=True)
class StoredObject:
    """One object of a store."""

    path: PurePosixPath
    """Bucket and key."""
    size: int


@dataclass(frozen=True)
class Listing:
    """What lies at an address."""

    store: FileSystem
    root: PurePosixPath
    objects: tuple[StoredObject, ...]
    """In the order of their keys."""
    hidden: tuple[PurePosixPath, ...] = ()
    """Those with a part of their key, below the address, that begins with a dot."""

    @property
    def is_object(self) -> bool:
        """Return whether the address is that of one object."""
        return [one.path for one in self.objects] == [self.root]


def list_objects(given: StoreAddress) -> Listing:
    """List what lies at an address, what is hidden apart; what only marks a folder is left aside.

    Raises:
        CorpusError: the store cannot be reached, refuses, or has nothing there.
    """
    from pyarrow import ArrowException
    from pyarrow.fs import FileSelector, FileSystem, FileType  # slow to load, and few corpora need it

    try:
        store, bucket = FileSystem.from_uri(given.store)
        about = store.get_file_info(given.root)
        below = store.get_file_info(FileSelector(given.root, recursive=True, allow_not_found=True))
        has_bucket = bool(below) or store.get_file_info(bucket).type != FileType.NotFound
    except (OSError, ArrowException, NotImplementedError) as error:
        message = f"{given.plain} cannot be read: {failure(error)}."
        raise CorpusError(message) from None
    is_object = about.type == FileType.File and not given.plain.endswith("/")
    found = [one for one in below if one.type == FileType.File and one.path != given.root]
    if is_object and found:
        message = f"There is an object {given.plain}, and there are others below it; end the address with / to read those."
        raise CorpusError(message)
    found = [about] if is_object else found
    if not found:
        why = "there is nothing at this address" if has_bucket else "there is no such bucket"
        message = f"{given.plain} cannot be read: {why}."
        raise CorpusError(message)
    paths = {one.path: one.size for one in found if one.type == FileType.File}
    if unusual := [path for path in paths if str(PurePosixPath(path)) != path]:
        message = f"{len(unusual)} keys at {given.plain} are no paths, such as those with “//”; copy the objects to others."
        raise CorpusError(message)
    objects = [StoredObject(PurePosixPath(path), int(size)) for path, size in sorted(paths.items())]
    top = PurePosixPath(given.root)
    hidden = {one.path for one in objects if any(part.startswith(".") for part in one.path.relative_to(top).parts)}
    return Listing(store, top, tuple(one for one in objects if one.path not in hidden), tuple(sorted(hidden)))


def failure(error: Exception) -> str:
    """Return why something cannot be read, without what a store says about it: that may hold addresses and keys."""
    said = str(error)
    known = next((words for code, words in FAILURES if code in said), "")
    return known or getattr(error, "strerror", None) or type(error).__name__


def open_object(store: FileSystem, path: PurePosixPath, name: str) -> io.RawIOBase:
    """Open an object for reading from anywhere in it.

    Raises:
        CorpusError: it cannot be opened, or later, the store fails while it is read.
    """
    try:
        return _ObjectStream(store.open_input_file(str(path)), name)
    except OSError as error:
        message = f"{name} cannot be read: {failure(error)}."
        raise CorpusError(message) from None


def object_state(store: FileSystem, path: PurePosixPath) -> Iterator[str]:
    """Yield what changes when another object is put under the same key: what the store calls its version, size and time.

    Raises:
        OSError: it cannot be read.
    """
    about = store.get_file_info(str(path))
    with store.open_input_stream(str(path), compression=None) as stream:
        said = stream.metadata()
    yield from (str(about.size), str(about.mtime_ns))
    yield from (f"{name}: {said[name]!r}" for name in sorted(said) if name in {"ETag", "x-amz-version-id"})


class _ObjectStream(io.RawIOBase):
    """An object as a file of Python, whose failures are those of a corpus and never those of its format."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except OSError as error:
            message = f"{self._name} cannot be read to its end: {failure(error)}."
            raise CorpusError(message) from None
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
