"""The pairs of the table that are about officers' work on a case: what was found, decided, and ended without unlearning."""

from __future__ import annotations

from typing import Final

from compliance.formats.record_kinds import RecordKind as K

from .agreement import Agreement, apart, differ, one_of, part_of
from .answers import ANSWERED, CALLED, CONTENT_COUNT, CONTENTS, CONTENTS_BEFORE, EXAMPLE_COUNT, follows
from .dispositions import (
    ACCEPTED_BEFORE,
    ACCOUNTED,
    CALLED_RELEASED,
    CALLED_UNTOUCHED,
    CLOSED_COUNT,
    CLOSED_EXAMPLES,
    ENDED_AS,
    FOLLOWS,
    FORGOTTEN,
    KNOWN_BEFORE,
    LEFT_OUT,
    WITHHELD,
)
from .endings import (
    APPROVED_BEFORE,
    APPROVED_ENDS,
    APPROVED_GROUNDS,
    CLOSINGS,
    CORRECTIONS,
    ENDS,
    GROUNDS,
    LAPSED_WITH_THE_REQUEST,
    LAST_VERDICTS,
    REVIEWED,
    WITHOUT_INFLUENCE,
    by_ending,
    closing_follows,
)
from .extensions import EXTENDED, FIRST_DUE, SUBMITTED_ON, extends, in_a_month
from .facts import actor, by_message, by_request, entry
from .items import (
    ACCEPTED_BY_THEN,
    CORRECTED,
    CREATED_EXAMPLES,
    CREATED_ITEMS,
    EARLIER_ITEMS,
    HELD_BY_THEN,
    LEFT,
    LEFT_OF_ITEMS,
    REVIEWED_ITEMS,
    TO_BE_CORRECTED,
)
from .matches import (
    ACCEPTED,
    ADDED_EXAMPLES,
    COULD_BE_COMPLETE,
    EVER_ACCEPTED,
    FOUND_MATCHES,
    ITEM_COUNTS,
    ITEMS,
    MATCHED_SNAPSHOTS,
    NAMED_ITEMS,
    REJECTED,
    REVIEW_ACCEPTED,
    REVIEW_COUNTS,
    REVIEW_REJECTED,
    REVIEWED_MATCHES,
    SEARCHED_SNAPSHOTS,
    begins_one_of,
    between,
    by_search,
)

REVIEW: Final = (
    Agreement(
        entry(K.REQUEST_SUBMITTED, "submitted_by", by_request),
        actor(K.REQUEST_SUBMITTED, by_request),
        "whoever submitted the request is not whoever the entry is by",
    ),
    Agreement(SUBMITTED_ON, FIRST_DUE, "the answer was not due within a month of the request", in_a_month),
    Agreement(FIRST_DUE, EXTENDED, "the time for the answer was extended by another time, or too late", extends),
    Agreement(MATCHED_SNAPSHOTS, SEARCHED_SNAPSHOTS, "a match is in a corpus that was not searched", begins_one_of),
    Agreement(
        entry(K.MAPPING_COMPLETED, "unreadable", by_search),
        entry(K.MAPPING_COMPLETED, "searched", by_search),
        "what could not be read was searched",
        apart,
    ),
    Agreement(
        entry(K.MAPPING_COMPLETED, "complete", by_search),
        COULD_BE_COMPLETE,
        "the search is called complete, or not, against what it could not search",
    ),
    Agreement(ADDED_EXAMPLES, EVER_ACCEPTED, "an example was added and not accepted", part_of),
    Agreement(REVIEWED_MATCHES, FOUND_MATCHES, "other matches were decided than were found", between),
    Agreement(REVIEW_ACCEPTED, ACCEPTED, "the review counts other matches than were accepted"),
    Agreement(REVIEW_REJECTED, REJECTED, "the review counts other matches than were rejected"),
    Agreement(REVIEW_COUNTS, ITEM_COUNTS, "the review made another number of items"),
    Agreement(NAMED_ITEMS, ITEMS, "an entry is about an item that no review made", one_of),
    Agreement(
        entry(K.MESSAGE_SENT, "template", by_message),
        entry(K.MESSAGE_QUEUED, "template", by_message),
        "another message was sent than was queued",
    ),
    Agreement(
        entry(K.MESSAGE_FAILED, "template", by_message),
        entry(K.MESSAGE_QUEUED, "template", by_message),
        "another message failed than was queued",
    ),
    Agreement(
        entry(K.MESSAGE_LAPSED, "template", by_message),
        entry(K.MESSAGE_QUEUED, "template", by_message),
        "another message lost its reason than was queued",
    ),
)
"""What was found, and what officers made of it."""

ITEMS_HELD: Final = (
    Agreement(CONTENT_COUNT, EXAMPLE_COUNT, "not every accepted example has a label for its content"),
    Agreement(CONTENTS, CONTENTS_BEFORE, "an example had another content before"),
    Agreement(CREATED_ITEMS, REVIEWED_ITEMS, "the review names other items than were created for it"),
    Agreement(REVIEWED_ITEMS, EARLIER_ITEMS, "an item was made by an earlier review", apart),
    Agreement(CREATED_EXAMPLES, ACCEPTED_BY_THEN, "an item was created with examples that were not accepted", part_of),
    Agreement(CREATED_EXAMPLES, HELD_BY_THEN, "an item was created with examples that are in an item of the model", apart),
    Agreement(LEFT, LEFT_OF_ITEMS, "other examples left the item than were rejected"),
    Agreement(CORRECTED, TO_BE_CORRECTED, "what was rejected left other items than held it"),
)
"""What each item held, from its creation on."""

ENDING: Final = (
    *(
        Agreement(
            entry(kind, field, by_ending),
            entry(K.ENDING_PROPOSED, field, by_ending),
            "another end was decided than was proposed",
        )
        for kind in (K.ENDING_APPROVED, K.ENDING_DECLINED)
        for field in ("item", "outcome", "ground")
    ),
    Agreement(
        actor(K.ENDING_APPROVED, by_ending),
        actor(K.ENDING_PROPOSED, by_ending),
        "whoever approved the end has proposed it",
        differ,
    ),
    Agreement(ENDS, APPROVED_ENDS, "it ended otherwise than was approved"),
    Agreement(GROUNDS, APPROVED_GROUNDS, "it was refused on another ground than was approved"),
    Agreement(
        LAPSED_WITH_THE_REQUEST,
        entry(K.REQUEST_CLOSED, "outcome", by_request),
        "an item lapsed otherwise than its request ended",
    ),
    Agreement(
        WITHOUT_INFLUENCE,
        LAST_VERDICTS,
        "no signed report of the item's last attempt says that nothing measurable was learned",
    ),
    Agreement(CORRECTIONS, APPROVED_BEFORE, "examples left an item, and nobody had approved that", one_of),
    Agreement(
        CLOSINGS, REVIEWED, "the end of the request does not follow from what was searched and accepted", closing_follows
    ),
)
"""Ends without unlearning: what was proposed, approved and done, and what it rests on."""

DISPOSITIONS: Final = (
    Agreement(CLOSED_COUNT, ACCOUNTED, "the end counts other accepted examples than it names"),
    Agreement(CLOSED_EXAMPLES, ACCEPTED_BEFORE, "the end names other examples than were accepted"),
    Agreement(CALLED_RELEASED, FORGOTTEN, "the end calls other accepted examples released than were forgotten"),
    Agreement(
        CALLED_UNTOUCHED, KNOWN_BEFORE, "the end says that examples were in no model, and this one knew them", part_of
    ),
    Agreement(WITHHELD, LEFT_OUT, "other examples entered the erasure ledger than no model in use knew at the end"),
    Agreement(ENDED_AS, FOLLOWS, "the end of the request is not what became of its examples"),
    Agreement(CALLED, ANSWERED, "the end says that an example ended otherwise than what held it or its copy", follows),
)
"""What became of each accepted example, as the end says it."""
