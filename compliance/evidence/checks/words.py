"""What the fields of the record's entries can say: of each, the words, flags, numbers, days or lists that have a meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, get_args

from compliance.evidence.record import ITEM
from compliance.formats.assurances import ASSURANCES
from compliance.formats.canaries import CanaryOutcome
from compliance.formats.checks import SHA256
from compliance.formats.copies import COPY_KINDS, EXEMPTIONS, WAYS_SETTLED
from compliance.formats.dispositions import APART, Disposition
from compliance.formats.record_kinds import ACCOUNTED_EXAMPLE, DRAWN_GROUP, FIELDS, NOT_CONCERNED, TOLD
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.results import RESULT_VERSION
from compliance.formats.samples import GROUPS
from compliance.formats.stores import IN_STORES, NOTHING, STORE_VERDICTS
from compliance.formats.suppressions import GUARD_KINDS, SUPPRESSION_ENDS
from compliance.formats.verdicts import METHOD_GUARANTEES, Outcome

from .letters import LETTERS

GROUNDS: Final[Mapping[tuple[str, bool], frozenset[str]]] = {
    ("erasure", True): frozenset({"17_1_a", "17_1_b", "17_1_c", "17_1_d", "17_1_e", "17_1_f"}),
    ("erasure", False): frozenset({"17_3_a", "17_3_b", "17_3_c", "17_3_d", "17_3_e", "12_5"}),
    ("copyright", True): frozenset({"rights"}),
    ("copyright", False): frozenset({"no_right", "17_3_e", "17_3_d"}),
}
"""Legal grounds, by the kind of request and by whether they grant it."""
ENDINGS = frozenset({"refused", "no_match", "already_erased", "not_learned", "no_influence", "not_searched", IN_STORES})
OUTCOMES = ENDINGS | {"completed", "withdrawn", "unconfirmed"}
LANGUAGES = frozenset({"en", "de"})
WAYS_TO_DECIDE = frozenset({"each", "cluster", "shown", "score"})
"""How an officer chose the matches of a decision: one by one, a group of alike ones, all on a page, or all above a score."""
VERDICTS = frozenset(get_args(Outcome))
SLUG = re.compile(r"[-A-Za-z0-9_]+", re.ASCII)
"""The name of a model."""
BEGINNING = re.compile(r"[0-9a-f]{16}", re.ASCII)
"""The beginning of a digest: of a snapshot's, or what stands for the content of an example within a request."""

Says = Callable[[Any], bool]


def _one_of(words: frozenset[str]) -> Says:
    return lambda value: isinstance(value, str) and value in words


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _counts(least: int) -> Says:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _is_share_or_none(value: Any) -> bool:
    """Return whether this is a share or a probability; None where nothing was measured."""
    return value is None or (_is_number(value) and 0 <= value <= 1)


def _are_accounted(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_accounted, value))


def _is_accounted(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.keys() != set(ACCOUNTED_EXAMPLE) or not isinstance(value["became"], list):
        return False
    ways = value["became"]
    known = bool(ways) and all(way in tuple(Disposition) for way in ways) and ways == sorted(set(ways))
    return known and all(len(apart.intersection(ways)) <= 1 for apart in APART)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_slug(value: Any) -> bool:
    return isinstance(value, str) and bool(SLUG.fullmatch(value))


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and bool(SHA256.fullmatch(value))


def _is_beginning(value: Any) -> bool:
    return isinstance(value, str) and bool(BEGINNING.fullmatch(value))


def _is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value).isoformat() == value)
    except (TypeError, ValueError):
        return False


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_counts(0), value)) and value == sorted(set(value))


def _lists(says: Says) -> Says:
    return lambda value: isinstance(value, list) and all(map(says, value))


def _is_query(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() == {"kind", "hmac"}
        and _is_text(value["kind"])
        and _is_digest(value["hmac"])
    )


def _is_name(query: Mapping[str, Any]) -> bool:
    return bool(query["kind"] == "name")


def _are_held(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value)) and value == sorted(set(value))


def _are_ids(value: Any) -> bool:
    """Return whether these are ids of examples, each once and in order; there may be none."""
    return value == [] or _are_held(value)


def _are_groups(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_group, value)) and tuple(one["group"] for one in value) == GROUPS


def _is_group(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() == set(DRAWN_GROUP)
        and _counts(0)(value["population"])
        and _are_ids(value["drawn"])
    )


def _is_item(value: Any) -> bool:
    return isinstance(value, str) and bool(ITEM.fullmatch(value))


def _is_item_or_none(value: Any) -> bool:
    return value == "" or _is_item(value)


def _are_sets(value: Any) -> bool:
    """Return whether these are the sets of a corpus, with the number of examples in each."""
    named = isinstance(value, Mapping) and all(isinstance(name, str) and name.isidentifier() for name in value)
    return named and all(map(_counts(0), value.values())) and value.get("train", 0) > 0


def _is_snapshot(value: Any) -> bool:
    return _is_beginning(value) or _is_digest(value)


def _is_not_searchable(value: Any) -> bool:
    """Return whether this is a gap of a search: a kind of query, or an example, and why it was not searched for or in."""
    forms = ({"kind", "obstacle"}, {"snapshot", "example_id", "obstacle"})
    return isinstance(value, Mapping) and value.keys() in forms and all(map(_is_text, value.values()))


_WITHOUT_ITEM = (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED, K.ERASURE_ENTERED)
_COUNTED = (
    *((K.MATCHES_DECIDED, "accepted"), (K.MATCHES_DECIDED, "rejected"), (K.REVIEW_COMPLETED, "items")),
    *((K.MAPPING_COMPLETED, "candidates"), (K.REQUEST_CLOSED, "accepted"), (K.ITEM_CORRECTED, "examples")),
    *((K.ENDING_APPROVED, "beside"), (K.PROPOSAL_APPROVED, "beside")),
    *((K.REQUEST_CLOSED, field) for field in TOLD),
    *((K.SAMPLE_ORDERED, "seed"), (K.SAMPLE_DRAWN, "known"), (K.SAMPLE_DRAWN, "added")),
    *((K.SAMPLE_FINISHED, "at_most"), (K.SAMPLE_FINISHED, "added")),
    *((K.JOB_CANCELLED, "run"), (K.ERASURE_ENTERED, "attempt")),  # 0: before any run; for no release
    (K.MODEL_REGISTERED, "left_out"),
    *((K.STORE_ERASURE_ENDED, field) for field in ("documents", "places")),
)
_LISTED = (K.STORE_ERASURE_LISTED, K.STORE_ERASURE_APPROVED)
WORDS: Final[Mapping[str, Says]] = {
    f"{K.REQUEST_SUBMITTED} kind": _one_of(frozenset({kind for kind, _ in GROUNDS})),
    f"{K.REQUEST_SUBMITTED} language": _one_of(LANGUAGES),
    f"{K.REQUEST_SUBMITTED} due_on": _is_day,
    f"{K.REQUEST_EXTENDED} due_on": _is_day,
    **{f"{kind} until": _is_day for kind in (K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED)},
    f"{K.SUPPRESSION_STARTED} model": _is_slug,
    f"{K.SUPPRESSION_STARTED} guard": _one_of(GUARD_KINDS),
    f"{K.SUPPRESSION_ENDED} why": _one_of(SUPPRESSION_ENDS),
    f"{K.COPY_SETTLED} how": _one_of(WAYS_SETTLED),
    f"{K.COPY_SETTLED} ground": _one_of(frozenset({""}).union(*EXEMPTIONS.values())),
    f"{K.COPY_SETTLED} until": lambda value: value == "" or _is_day(value),
    f"{K.ITEM_RELEASED} copies": lambda value: _are_numbers(value) and 0 not in value,
    f"{K.COPY_REGISTERED} copy_kind": _one_of(COPY_KINDS),
    f"{K.COPY_REGISTERED} parent": _counts(0),
    f"{K.COPY_REGISTERED} copy_sha256": lambda value: value == "" or _is_digest(value),
    f"{K.COPY_REGISTERED} discovered": _is_flag,
    **{f"{kind} how": _one_of(WAYS_TO_DECIDE) for kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED)},
    **{f"{kind} clusters": _are_numbers for kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED)},
    f"{K.MATCH_ACCEPTED} contents": _lists(_is_beginning),
    f"{K.ITEM_CREATED} examples": _are_held,
    f"{K.ITEM_CREATED} snapshot": _is_beginning,
    f"{K.ITEM_CREATED} model": _is_slug,
    f"{K.REQUEST_EXTENDED} months": lambda value: value in (1, 2) and not isinstance(value, bool),
    f"{K.REQUEST_CLOSED} outcome": _one_of(OUTCOMES),
    f"{K.MATCH_ACCOUNTED} examples": _are_accounted,
    f"{K.ITEM_LAPSED} outcome": _one_of(OUTCOMES - {"completed", "refused", IN_STORES}),
    f"{K.ITEM_DECIDED} granted": _is_flag,
    f"{K.MAPPING_COMPLETED} complete": _is_flag,
    f"{K.JOB_COMPLETED} verdict": _one_of(VERDICTS),
    f"{K.ITEM_EVALUATED} verdict": _one_of(VERDICTS | {"failed", "cancelled"}),
    f"{K.JOB_RUN_ENDED} outcome": _one_of(frozenset({"completed", "failed", "killed", "lost", "cancelled"})),
    **{
        f"{kind} outcome": _one_of(ENDINGS | {NOT_CONCERNED})
        for kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)
    },
    **{
        f"{kind} template": _one_of(frozenset(LETTERS))
        for kind in (K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED, K.MESSAGE_LAPSED)
    },
    **{f"{kind} {field}": _is_digest for kind, fields in FIELDS.items() for field in fields if field.endswith("_sha256")},
    **{f"{K.MAPPING_COMPLETED} {field}": _lists(_is_digest) for field in ("searched", "unreadable", "texts_only")},
    f"{K.MAPPING_COMPLETED} queries": _lists(_is_query),
    f"{K.MAPPING_COMPLETED} matcher": _is_text,
    # Earlier versions counted what could not be searched.
    f"{K.MAPPING_COMPLETED} not_searchable": lambda value: _counts(0)(value) or _lists(_is_not_searchable)(value),
    f"{K.STORE_ERASURE_ORDERED} store": _is_slug,
    f"{K.STORE_ERASURE_ORDERED} ground": _one_of(frozenset().union(*GROUNDS.values())),
    f"{K.STORE_ERASURE_FAILED} error": _is_text,
    f"{K.STORE_ERASURE_FAILED} runs": _counts(1),
    f"{K.STORE_ERASURE_ENDED} verdict": _one_of(STORE_VERDICTS | {NOTHING}),
    f"{K.STORE_ERASURE_ENDED} result_sha256": lambda value: value == "" or _is_digest(value),
    f"{K.STORE_ERASURE_GIVEN_UP} deleting": _is_flag,
    f"{K.STORE_ERASURE_SETTLED} verdict": _one_of(STORE_VERDICTS),
    f"{K.SEARCH_FAILED} error": _is_text,
    f"{K.SEARCH_FAILED} runs": _counts(1),
    f"{K.SAMPLE_ORDERED} snapshot": _is_beginning,
    f"{K.SAMPLE_ORDERED} queries": lambda value: _lists(_is_query)(value) and bool(value) and all(map(_is_name, value)),
    f"{K.SAMPLE_ORDERED} size": _counts(1),
    f"{K.SAMPLE_DRAWN} groups": _are_groups,
    f"{K.SAMPLE_FAILED} error": _is_text,
    f"{K.SAMPLE_FAILED} runs": _counts(1),
    f"{K.SAMPLE_FINISHED} missed": _are_ids,
    f"{K.JOB_FAILED} error": _is_text,
    f"{K.MATCH_ADDED} snapshot": _is_snapshot,
    f"{K.MATCH_ADDED} example_id": _is_text,
    f"{K.MATCHES_DECIDED} items": _lists(_is_item),
    **{
        f"{kind} item": _is_item_or_none if kind in _WITHOUT_ITEM else _is_item
        for kind, fields in FIELDS.items()
        if "item" in fields
    },
    **{f"{kind} method": _one_of(frozenset(METHOD_GUARANTEES)) for kind in (K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED)},
    f"{K.ERASURE_ENTERED} examples": _counts(1),
    **{
        f"{kind} {field}": _counts(1)
        for kind, fields in FIELDS.items()
        for field in (
            "attempt",
            "run",
            "job",
            "message",
            "ending",
            "search",
            "sample",
            "suppression",
            "draw",
            "copy",
            "store_erasure",
        )
        if field in fields
    },
    **{f"{kind} {field}": _counts(0) for kind, field in _COUNTED},
    **{f"{kind} documents": _counts(1) for kind in _LISTED},
    f"{K.STORE_ERASURE_LISTED} of": _counts(1),
    f"{K.CORPUS_REGISTERED} manifest_root": _is_digest,
    f"{K.CORPUS_REGISTERED} counts": _are_sets,
    f"{K.MODEL_REGISTERED} version": _counts(1),
    f"{K.MODEL_REGISTERED} assurance": _one_of(frozenset(ASSURANCES)),
    **{
        f"{K.MODEL_REGISTERED} {field}": lambda value: value == "" or _is_digest(value)
        for field in ("checkpoint_sha256", "commitment_sha256")
    },
    f"{K.CANARIES_DRAWN} canaries": _counts(1),
    f"{K.CANARIES_OPENED} secret": _is_digest,  # 32 bytes in hex, as a digest is
    f"{K.CANARIES_OPENED} examples": _are_held,
    f"{K.CANARIES_OPENED} outcome": _one_of(frozenset(get_args(CanaryOutcome))),
    f"{K.CANARIES_OPENED} missed": _counts(0),
    **{f"{K.CANARIES_OPENED} {field}": _is_share_or_none for field in ("control_p", "above", "p_value")},
    f"{K.CANARIES_OPENED} smallest": lambda value: value is None or (_is_number(value) and value >= 0),
    f"{K.JOB_STARTED} result_version": lambda value: _counts(2)(value) and value <= RESULT_VERSION,  # 1 was never stated
}
"""Fields of which nothing but certain words, flags or numbers can be read."""
