"""Erases documents from a store in steps, each of which can be killed and done again: find, list, delete, rebuild, check.

`find_documents` does the first two, which change nothing, and returns a digest of what would go and what would stay. `erase`
does the others if that digest was approved and the store is still what it was. `verify` looks again, at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from .adapters import open_store
from .asking import ask_again
from .closed_book import ask_closed_book
from .files import folder_places
from .finding import find, look_for
from .journal import STEPS, Journal, journal_opened
from .needles import SHORTEST, make_needles
from .residue import bytes_digest, index_digest, read_back
from .result import result_of
from .scanning import Scanner
from .spec import StoreSpec
from .state import digest_of_rest, document_digest, key_digest, list_digest
from .store import Document, Store, StoreError

Say = Callable[[str], object]
CHANGING: Final = STEPS[STEPS.index("delete") :]
REBUILT_AGAIN: Final = 3
"""How often a store is rebuilt once more if something is left in it: engines may write out what their memory held."""


@dataclass(frozen=True)
class Listing:
    """What an erasure would delete."""

    digest: str
    count: int
    total: int
    how: Mapping[str, int]


def find_documents(spec: StoreSpec, out: Path) -> Listing:
    """Find what is to go, and write it into the job's folder. Nothing changes in the store.

    Raises:
        StoreError: nothing fits, the search names everything, or the store or the folder cannot be used.
    """
    with journal_opened(out, spec) as journal:
        _require_folders(spec)
        if journal.begun("deleting"):
            message = "The erasure of this job has begun; go on with it, or find again in another folder."
            raise StoreError(message, code="begun")
        with opened(spec) as store:
            journal.do("find", lambda: _find(store, spec, journal))
            listed = journal.do("list", lambda: _list(store, journal))
        found = journal.facts("find") or {}
        return Listing(listed["digest"], len(listed["deleted"]), found["total"], found["how"])


def _require_folders(spec: StoreSpec) -> None:
    """Check before anything is deleted that what is needed afterwards is there."""
    if not all(folder.is_dir() for folder in (*spec.caches, *([spec.model] if spec.model else []))):
        message = "A cache or the model that the spec names is no folder; check the paths."
        raise StoreError(message, code="wrong_path")


def _find(store: Store, spec: StoreSpec, journal: Journal) -> dict[str, Any]:
    found = find(store, spec)
    journal.keep_sought(found.documents.values(), found.how)
    about = store.describe()
    return {"how": found.counts(), "total": found.total, "engine": about.engine, "dimensions": about.dimensions}


def _list(store: Store, journal: Journal) -> dict[str, Any]:
    salt, sought = journal.salt, {document.key: document for document in journal.sought()}
    there = [document for document in store.documents() if document.key in sought]
    if len(there) != len(sought):
        message = "Several documents have the same key, so that a list could not say which of them is to go."
        raise StoreError(message, code="same_keys")
    deleted = {key_digest(salt, document.key): document_digest(salt, document) for document in there}
    rest = digest_of_rest(salt, store.documents(), sought)
    store.close()
    index = bytes_digest(place for place in store.places() if place.kind == "store")
    return {"digest": list_digest(deleted.values(), rest), "deleted": deleted, "rest": rest, "index": index}


def erase(spec: StoreSpec, out: Path, approved: str, say: Say = lambda _: None) -> dict[str, Any]:
    """Delete what was listed, and check that it is gone. Goes on where it was killed; a job that passed is told again.

    Args:
        spec: as the list was made by.
        out: the folder of the job.
        approved: the digest of the list that somebody approved.
        say: is told which step begins.

    Raises:
        StoreError: nothing was listed or another list was approved, the store has changed since, is read-only, or is open
            elsewhere. The store is then as it was, or as the last finished step left it.
    """
    with journal_opened(out, spec) as journal:
        listed = journal.facts("list")
        if listed is None or listed["digest"] != approved:
            message = "What is to be erased was not approved: the digest is not that of the list of this job. Find it first."
            raise StoreError(message, code="not_approved")
        earlier = journal.result()
        if earlier and earlier["verdict"]["outcome"] == "passed":
            journal.drop_sought()  # a kill may have come between the two
            return earlier
        if journal.facts(CHANGING[-1]) is not None:
            journal.forget(*CHANGING)  # it has not passed; the deletion stays begun, as `deleting` says
        return _erase(spec, journal, listed, say)


def _erase(spec: StoreSpec, journal: Journal, listed: Mapping[str, Any], say: Say) -> dict[str, Any]:
    sought = journal.sought()
    keys = {document.key for document in sought}
    if {key_digest(journal.salt, key) for key in keys} != set(listed["deleted"]):
        message = "The job has lost what it looks for, or holds something else; find again in another folder."
        raise StoreError(message, code="bad_job")
    works: Mapping[str, Callable[[Store], Mapping[str, Any]]] = {
        "delete": lambda store: _delete(store, sought, listed, journal),
        "rebuild": lambda store: _rebuild(store, keys, journal),
        "compare": lambda store: {"rest": digest_of_rest(journal.salt, store.documents(), keys)},
        "read_back": lambda store: read_everything(store, spec, sought),
        "ask_again": lambda store: ask_again(store, spec, sought),
        "closed_book": lambda _: ask_closed_book(spec, sought),
    }
    for again in range(REBUILT_AGAIN + 1):
        for step, work in works.items():
            if journal.facts(step) is None:
                say(f"step {STEPS.index(step) + 1} of {len(STEPS)}: {step.replace('_', ' ')}")
                with opened(spec) as store:
                    journal.do(step, partial(work, store))
        result = result_of(spec.kind, journal)
        if again == REBUILT_AGAIN or not _is_left_in_the_store(journal.facts("read_back") or {}):
            break
        journal.forget(*CHANGING[CHANGING.index("rebuild") :])
    journal.write_result(result)
    if result["verdict"]["outcome"] == "passed":
        journal.drop_sought()
    return result


def _is_left_in_the_store(read: Mapping[str, Any]) -> bool:
    """Return whether a place of the store itself, which a rebuild writes anew, still holds something."""
    return any(place["kind"] == "store" and (place["texts"] or place["vectors"]) for place in read["places"])


def _delete(store: Store, sought: list[Document], listed: Mapping[str, Any], journal: Journal) -> dict[str, Any]:
    """Delete what was approved, if the store is what it was. Once a deletion has begun, what others write does not stop it.

    Raises:
        StoreError: it is not, it cannot be written to, or a document that is to go has another content by now.
    """
    store.check_writable()
    salt, keys = journal.salt, {document.key for document in sought}
    there = {key_digest(salt, one.key): document_digest(salt, one) for one in store.documents() if one.key in keys}
    before = digest_of_rest(salt, store.documents(), keys)
    unchanged = there == listed["deleted"] and before == listed["rest"]
    if not (unchanged or (journal.begun("deleting") and there.items() <= listed["deleted"].items())):
        message = (
            "The store has changed since the list was approved. Nothing more was deleted; find again in another folder."
        )
        raise StoreError(message, code="changed")
    journal.do("deleting", dict)  # from here on, some may be gone
    store.delete(sorted(keys))
    return {"rest_before": before, "rest_after": digest_of_rest(salt, store.documents(), keys)}


def _rebuild(store: Store, keys: set[str], journal: Journal) -> dict[str, Any]:
    store.check_writable()
    before = digest_of_rest(journal.salt, store.documents(), keys)
    store.rebuild()
    return {"rest_before": before}


def read_everything(
    store: Store, spec: StoreSpec, sought: list[Document], found_again: Collection[str] = ()
) -> dict[str, Any]:
    """Read every place back and return what was found in each. The store is closed first: all of it is then on the disk.

    Args:
        store: where to look.
        spec: names folders that are read as well.
        sought: what is looked for, as far as it stands in no document that stays.
        found_again: keys of documents that do not count as staying.
    """
    keys = {document.key for document in sought} | set(found_again)
    needles = make_needles(sought, (document for document in store.documents() if document.key not in keys))
    store.close()
    places = store.places()
    for number, folder in enumerate(spec.caches, start=1):
        places += folder_places(folder, number)
    read = read_back(places, Scanner(needles))
    return {
        "places": [place.to_json() for place in read],
        "untellable": needles.untellable,
        "index": index_digest((place.name, place.sha256) for place in read if place.kind == "store"),
    }


def verify(spec: StoreSpec, out: Path | None) -> dict[str, Any]:
    """Look again, and change nothing: for what the job deleted, while it has not passed; later for what the spec names.

    Raises:
        StoreError: the store or the folder of the job cannot be used.
    """
    sought: list[Document] = []
    if out is not None:
        with journal_opened(out, spec) as journal:
            sought = journal.sought()
    by = "job" if sought else "spec"
    with opened(spec) as store:
        left = look_for(store, spec).documents
        sought = sought or _named(spec)
        asked = ask_again(store, spec, sought) if by == "job" else {"found_again": len(left)}
        read = read_everything(store, spec, sought, found_again=left)
    return {"looked_for": by, "left": len(left), **asked, **read}


def _named(spec: StoreSpec) -> list[Document]:
    """Return what a spec says of the documents, as if each entry were one. Keys that are short are only asked for."""
    texts = [
        *(Document(f"query/{i}", query.value) for i, query in enumerate(spec.queries)),
        *(Document(f"meaning/{i}", meaning) for i, meaning in enumerate(spec.meanings)),
    ]
    keys = [Document(key, "") for key in spec.keys]
    return [*texts, *(document for document in keys if len(document.key) >= SHORTEST)] or keys


@contextmanager
def opened(spec: StoreSpec) -> Iterator[Store]:
    """Open the store of a spec, and close it again."""
    store = open_store(spec.kind, spec.settings)
    try:
        yield store
    finally:
        store.close()
