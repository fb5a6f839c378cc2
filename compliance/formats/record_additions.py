"""With which version of results (`RESULT_VERSION`) kinds of entries, their fields and words came: no earlier result stands
beside an entry that says any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .record_kinds import NOT_CONCERNED, TOLD
from .record_kinds import RecordKind as K
from .stores import IN_STORES
from .verdicts import METHODS_ADDED

MESSAGES: Final = (K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED, K.MESSAGE_LAPSED)
ADDED_FIELDS: Final[tuple[tuple[int, Mapping[str, tuple[str, ...]]], ...]] = (
    (
        2,
        {
            K.MAPPING_COMPLETED: ("texts_only",),
            K.JOB_STARTED: ("result_version",),
            **dict.fromkeys((K.MATCH_ACCEPTED, K.MATCH_REJECTED), ("how", "clusters")),
        },
    ),
    (3, {K.REQUEST_CLOSED: ("accepted",)}),
    (3, {K.ITEM_CORRECTED: ("ending",)}),
    (3, {K.ENDING_APPROVED: ("beside",), K.PROPOSAL_APPROVED: ("beside",)}),
    (3, {K.MATCH_ACCEPTED: ("contents",)}),
    (4, {K.REQUEST_CLOSED: TOLD}),
    (4, {K.ITEM_RELEASED: ("copies",)}),
)
"""Fields that kinds have stated since then, by the version of results (`RESULT_VERSION`) of that time; those that came
together stand together. So it is with what follows."""
ADDED_KINDS: Final[Mapping[int, frozenset[str]]] = {
    2: frozenset({K.SEARCH_FAILED, K.MATCH_REOPENED, K.ITEM_CORRECTED, K.MESSAGE_LAPSED, K.REQUEST_EXTENDED}),
    3: frozenset({K.MATCH_ACCOUNTED, K.ITEM_CREATED, K.SAMPLE_ORDERED, K.SAMPLE_DRAWN, K.SAMPLE_FAILED, K.SAMPLE_FINISHED}),
    4: frozenset(
        {
            *(K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED, K.SUPPRESSION_ENDED, K.COPY_SETTLED),
            *(K.STORE_ERASURE_ORDERED, K.STORE_ERASURE_LISTED, K.STORE_ERASURE_FAILED, K.STORE_ERASURE_APPROVED),
            *(K.STORE_ERASURE_RESUMED, K.STORE_ERASURE_ENDED, K.STORE_ERASURE_GIVEN_UP, K.STORE_ERASURE_SETTLED),
        }
    ),
}
ADDED_WORDS: Final[Mapping[int, frozenset[tuple[str, str, str]]]] = {
    3: frozenset(
        {
            (K.ERASURE_ENTERED, "item", ""),
            *((kind, "outcome", NOT_CONCERNED) for kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)),
            *((kind, "method", name) for name in METHODS_ADDED[3] for kind in (K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED)),
        }
    ),
    4: frozenset(
        {
            (K.MODEL_REGISTERED, "assurance", "behavioural"),
            *((kind, "outcome", IN_STORES) for kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)),
            (K.REQUEST_CLOSED, "outcome", IN_STORES),
            *((kind, "template", f"outcome_{IN_STORES}") for kind in MESSAGES),
            *((kind, "method", name) for name in METHODS_ADDED[4] for kind in (K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED)),
        }
    ),
}
"""Words that fields of a kind can have."""
