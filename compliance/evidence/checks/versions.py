"""What came with which version: no result is of an earlier version than what is said around it.

Versions are counted by the results (`RESULT_VERSION`); the tables of what came with each are in
`compliance/formats/record_kinds.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_additions import ADDED_FIELDS, ADDED_KINDS, ADDED_WORDS
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.results import BETWEEN_RELEASES

STATED = "result_version"


Groups = Sequence[tuple[int, Mapping[str, tuple[str, ...]]]]
"""Fields by kind, those that came together in one group, with the version of that time."""


class Additions:
    """Fields that came later, entry after entry of a history, or of a bundle."""

    def __init__(self, groups: Groups = ADDED_FIELDS) -> None:
        self._groups, self._stated, self._version = groups, set[int](), 1

    def unknown_to(self, entry: EntryBody) -> set[str]:
        """Return the fields that an entry cannot be asked for: no entry up to it shows that they had come."""
        stated = [version for version, kinds in self._groups if entry.data.keys() & set(kinds.get(entry.kind, ()))]
        self._version, unknown = max(self._version, version_of(entry), *stated), set[str]()
        for group, (version, kinds) in enumerate(self._groups):
            fields = set(kinds.get(entry.kind, ()))
            if fields & entry.data.keys():
                self._stated.add(group)
            if group not in self._stated and version >= self._version:
                unknown |= fields
        return unknown


def version_of(entry: EntryBody) -> int:
    """Return the first version that could write an entry."""
    said = {(entry.kind, field, value) for field, value in entry.data.items() if isinstance(value, str)}
    came = [version for version, kinds in ADDED_FIELDS if entry.data.keys() & set(kinds.get(entry.kind, ()))]
    came += [version for version, kinds in ADDED_KINDS.items() if entry.kind in kinds]
    came += [version for version, words in ADDED_WORDS.items() if said & words]
    return max([*came, stated_version(entry)])


def stated_version(entry: EntryBody) -> int:
    """Return the version that the start of a job states for its result; 1 if none is stated."""
    stated = entry.data.get(STATED, 1)
    return stated if isinstance(stated, int) else 1


def check_versions(entries: Sequence[EntryBody], began: int) -> None:
    """Check that no job of an earlier version began after, or beside, what only a later one says (VerificationError).

    The present version, which `began` with an entry, may end what a release began.
    """
    for job in entries:
        if job.kind != K.JOB_STARTED:
            continue
        stated = stated_version(job)
        apart = stated in BETWEEN_RELEASES and job.number >= began
        for entry in entries:
            if version_of(entry) > stated and (apart or entry.number < job.number):
                message = (
                    f"Entry number {job.number} ({job.kind}): its result is of version {stated}, and entry number"
                    f" {entry.number} ({entry.kind}) says what was first said beside results of version {version_of(entry)}."
                )
                raise VerificationError(message)
