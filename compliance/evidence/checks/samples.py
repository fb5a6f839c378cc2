"""The part of the course about samples of what a search missed: nobody has drawn until it pleased.

What is ordered is looked at to the end before another one of the same snapshot is, after another search neither; and what
one search had not found is not drawn after another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

SAMPLE_MOVES: Final[Mapping[str, Mapping[str, str]]] = {
    K.SAMPLE_ORDERED: {"new": "ordered"},
    K.SAMPLE_DRAWN: {"ordered": "drawn"},
    K.SAMPLE_FAILED: {"ordered": "failed"},
    K.SAMPLE_FINISHED: {"drawn": "finished"},
}
"""By sample: where an entry takes it, by where it was before. One that nobody finished stays drawn."""


def check_samples(entries: Sequence[EntryBody]) -> None:
    """Check, of samples each of which goes its way, that none was ordered or drawn too early or too late.

    Raises:
        VerificationError: a sample was ordered while another one of its snapshot was not finished, or drawn after another
            search had ended.
    """
    unfinished: dict[str, int] = {}
    snapshots: dict[int, str] = {}
    outdated: set[int] = set()
    for entry in entries:
        if entry.kind == K.MAPPING_COMPLETED:
            outdated = set(snapshots)
        elif entry.kind == K.SAMPLE_ORDERED:
            number, snapshot = entry.data["sample"], entry.data["snapshot"]
            if snapshot in unfinished:
                _fail(entry, f"sample {unfinished[snapshot]} of the same snapshot is not finished")
            unfinished[snapshot], snapshots[number] = number, snapshot
        elif entry.kind == K.SAMPLE_DRAWN and entry.data["sample"] in outdated:
            _fail(entry, "another search has ended since it was ordered")
        elif entry.kind in (K.SAMPLE_FAILED, K.SAMPLE_FINISHED):
            unfinished.pop(snapshots[entry.data["sample"]], None)


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = f"Sample {entry.data['sample']}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
