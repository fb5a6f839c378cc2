"""What an erasure in a store says when it has ended: the outcome, why, what it rests on, and what it does not cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .journal import FORMAT, STEPS, Journal
from .unpacking import NOT_UNPACKED

NOT_COVERED: Final = (
    "Back-ups, replicas, exports and other copies of the store, unless the spec names their folders.",
    "The weights of models that were trained on the documents.",
    "What other programs hold in memory, and caches that the spec does not name.",
    "Free blocks of the file system and the disk, snapshots of both, and what the disk keeps of overwritten blocks.",
    "Fragments of texts shorter than 40 characters, and of vectors of fewer than 8 numbers.",
    NOT_UNPACKED,
)
ASKED: Final[Mapping[str, str]] = {
    "by_key": "by their keys",
    "found_again": "by the search that had found them",
    "by_vector": "by their vectors",
    "by_paraphrase": "by paraphrases",
}


def result_of(kind: str, journal: Journal) -> dict[str, Any]:
    """Return the result of a job whose steps are all done. It names no document, and quotes nothing."""
    facts = {step: journal.facts(step) or {} for step in STEPS}
    found, listed, read = facts["find"], facts["list"], facts["read_back"]
    deleted, rebuilt, now = facts["delete"], facts["rebuild"]["rest_before"], facts["compare"]["rest"]
    same = deleted["rest_before"] == deleted["rest_after"] and rebuilt == now
    verdict = verdict_of(read, facts["ask_again"], same=same)
    return {
        "format": FORMAT,
        "kind": kind,
        "engine": found["engine"],
        "verdict": verdict,
        "guarantee": "exact" if verdict["outcome"] == "passed" else "none",
        "covers": "The documents that were listed, in this store and the folders that the spec names, as read back here.",
        "does_not_cover": list(NOT_COVERED),
        "approved": listed["digest"],
        "documents": sorted(listed["deleted"]),
        "documents_before": found["total"],
        "found_by": found["how"],
        "rest_before": listed["rest"],
        "rest_after": now,
        "written_meanwhile": (listed["rest"], deleted["rest_after"]) != (deleted["rest_before"], rebuilt),
        "index_before": listed["index"],
        "index_after": read["index"],
        "places": read["places"],
        "asked_again": facts["ask_again"],
        "closed_book": facts["closed_book"],
        "seconds": {step: seconds for step, seconds in journal.seconds().items() if step in STEPS},
    }


def verdict_of(read: Mapping[str, Any], asked: Mapping[str, Any], *, same: bool) -> dict[str, Any]:
    """Return the outcome with its sentences: failed, inconclusive or passed.

    Args:
        read: of every place, what was found.
        asked: how many deleted documents each way to ask still finds.
        same: whether neither deleting nor rebuilding changed anything that was to stay.
    """
    places: Sequence[Mapping[str, Any]] = read["places"]
    dirty = [place for place in places if place["texts"] or place["vectors"]]
    sentences = [f"residue in {len(dirty)} of {len(places)} places"]
    sentences += [f"{one['name']}: {one['texts']} pieces of texts, {one['vectors']} stretches of vectors" for one in dirty]
    answered = [way for way in ASKED if asked.get(way)]
    sentences += [f"{asked[way]} deleted documents are still found {ASKED[way]}" for way in answered]
    if not same:
        sentences.append("what was to stay is not as it was")
    doubts = _doubts(read)
    outcome = "failed" if dirty or answered or not same else "inconclusive" if doubts else "passed"
    return {"outcome": outcome, "sentences": [*sentences, *doubts]}


def _doubts(read: Mapping[str, Any]) -> list[str]:
    unreadable = [place["name"] for place in read["places"] if place["unreadable"]]
    packed = [place["name"] for place in read["places"] if not place["unpacked"] and not place["unreadable"]]
    doubts = [f"{name} could not be read" for name in unreadable]
    doubts += [f"{name} holds something packed that is too large to look into" for name in packed]
    if not read["places"]:
        doubts.append("there was no place to read")
    if count := read["untellable"]:
        doubts.append(f"of {count} documents, nothing can be told from documents that stay")
    return doubts
