"""Every kind of entry that Lethe writes into the record, and the fields of each: the one place that says so.

`record_append` writes entries of these kinds only, with exactly these fields, and verification refuses any others in the
history of a request. What an earlier version wrote stands in tables of its own here: `EARLIER_KINDS`, `EARLIER_FIELDS`. What
came with which version since then, in `record_additions.py`.
`VERIFIED_IN_REQUESTS` (subject `request:...`) and `VERIFIED_ELSEWHERE` name what an entry needs to be read at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from .canaries import CANARIES_SAY
from .stores import STORE_FIELDS


class RecordKind(StrEnum):
    """What happened."""

    # A request and its items
    REQUEST_SUBMITTED = "request.submitted"
    """Once, with who opened it: `claimant` or an account."""
    REQUEST_CONFIRMED = "request.confirmed"
    REQUEST_EXTENDED = "request.extended"
    """The actor took up to two further months for the answer, once (GDPR art. 12(3)); a letter says why."""
    REQUEST_CLOSED = "request.closed"
    SUPPRESSION_STARTED = "suppression.started"
    """The actor had a model kept silent while the request is open, up to a last day. Its weights stay as they are."""
    SUPPRESSION_RENEWED = "suppression.renewed"
    SUPPRESSION_ENDED = "suppression.ended"
    COPY_SETTLED = "copy.settled"
    """The actor said of a copy that `item.released` named, or of a later one, that it is erased, exempt or beyond use. That
    may close the request; a closed one stays closed."""
    STORE_ERASURE_ORDERED = "store_erasure.ordered"
    """The actor had a data store searched, to erase documents from it on this ground."""
    STORE_ERASURE_LISTED = "store_erasure.listed"
    STORE_ERASURE_FAILED = "store_erasure.failed"
    STORE_ERASURE_APPROVED = "store_erasure.approved"
    STORE_ERASURE_RESUMED = "store_erasure.resumed"
    STORE_ERASURE_ENDED = "store_erasure.ended"
    STORE_ERASURE_GIVEN_UP = "store_erasure.given_up"
    """It is over without a result; `deleting` says whether documents may have been deleted."""
    STORE_ERASURE_SETTLED = "store_erasure.settled"
    """The actor accepted the last result as it is, whatever its verdict. That may close the request."""
    SEARCH_ORDERED = "search.ordered"
    """The actor had the training data searched again."""
    SEARCH_FAILED = "search.failed"
    """A search ended without a result, after so many runs; the request waits until somebody orders it again."""
    MAPPING_COMPLETED = "mapping.completed"
    """A search ended: what was searched, by which matchers, and what could not be. Earlier versions counted the latter."""
    SAMPLE_ORDERED = "sample.ordered"
    """The actor had a sample drawn of what a search had not found in a snapshot: so many of each group, by this seed."""
    SAMPLE_DRAWN = "sample.drawn"
    """Of each group, how many were not found, and which were drawn. `known` were left out, `added` of them added by hand."""
    SAMPLE_FAILED = "sample.failed"
    SAMPLE_FINISHED = "sample.finished"
    """Somebody looked at every example that was drawn. `missed` are about the person, and accepted by now; `added` of the
    matches right before came with it."""
    MATCH_ADDED = "match.added"
    """The actor added an example by hand; `match.accepted` follows."""
    MATCH_ACCEPTED = "match.accepted"
    """The actor accepted candidate places in a corpus, and may therefore not approve. `contents` has a label for each, the
    same for the same content in this request."""
    MATCH_REJECTED = "match.rejected"
    MATCH_REOPENED = "match.reopened"
    """The actor took decisions back: these examples have to be decided again."""
    MATCH_ACCOUNTED = "match.accounted"
    """What had become of accepted examples when their request was closed; `request.closed` follows and counts them."""
    MATCHES_DECIDED = "matches.decided"
    """The actor closed the mapping, and may therefore not approve."""
    ITEM_CREATED = "item.created"
    """The examples of a new item, in several entries if there are many; `matches.decided` follows and names its items."""
    REVIEW_COMPLETED = "review.completed"
    ITEM_DECIDED = "item.decided"
    ENDING_PROPOSED = "ending.proposed"
    """The actor proposed an end without unlearning, of an item or, with an empty `item`, of the request."""
    ENDING_APPROVED = "ending.approved"
    """`beside`, here and of a method: how many accepted examples in no open or decided item the actor saw. As the request
    ends, those that no model knows enter the erasure ledger, and none that only one officer has accepted."""
    ENDING_DECLINED = "ending.declined"
    ITEM_LAPSED = "item.lapsed"
    """Nothing is left to unlearn, or the request was withdrawn."""
    ITEM_CORRECTED = "item.corrected"
    """A later review rejected examples of it; `examples` are left. Without any, the item has ended."""
    PROPOSAL_SUBMITTED = "proposal.submitted"
    PROPOSAL_APPROVED = "proposal.approved"
    """Once for each attempt at an item."""
    PROPOSAL_DECLINED = "proposal.declined"
    ITEM_EVALUATED = "item.evaluated"
    ITEM_RELEASED = "item.released"
    """`copies` are the numbers of those that have to be settled before the request is completed."""
    ERASURE_ENTERED = "erasure.entered"
    """What the release erased is in the erasure ledger, and stays there."""
    ITEM_REOPENED = "item.reopened"
    MESSAGE_QUEUED = "message.queued"
    MESSAGE_SENT = "message.sent"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_LAPSED = "message.lapsed"
    """It was not sent: what it would have said was no longer so."""

    # A job: in the history of the request or of the model that it works for
    JOB_CREATED = "job.created"
    JOB_STARTED = "job.started"
    """Again whenever a worker takes the job over."""
    JOB_RUN_ENDED = "job.run_ended"
    JOB_COMPLETED = "job.completed"
    """The job ended with a result, whatever its verdict."""
    JOB_FAILED = "job.failed"
    JOB_CANCEL_REQUESTED = "job.cancel_requested"
    JOB_CANCELLED = "job.cancelled"

    # The erasure ledger
    LEDGER_RESTORED = "ledger.restored"
    """A database that had lost entries, such as a restored backup, has them back from the second copy."""
    LEDGER_REPLAYED = "ledger.replayed"
    """Somebody looked for what came back of what was erased."""

    # Corpora, recipes, models
    CORPUS_REGISTERED = "corpus.registered"
    CORPUS_COMPARED = "corpus.compared"
    """Erased examples were found in a snapshot; no training uses them."""
    CHECKPOINT_REGISTERED = "checkpoint.registered"
    """A checkpoint that somebody else made, and that models may start from."""
    CANARIES_DRAWN = "canaries.drawn"
    """Before a training, a sealed coin chose which half of so many canaries it uses: the commitment to that."""
    CANARIES_OPENED = "canaries.opened"
    """What was committed to, and what it said about the released model; null where nothing was measured."""
    RECIPE_REGISTERED = "recipe.registered"
    MODEL_REGISTERED = "model.registered"
    """Every model version, with its assurance, its checkpoint and the commitment to a draw of canaries, if it has them. One
    without these fields was trained here, from random weights."""
    MODEL_ACTIVE = "model.active"
    MODEL_QUARANTINED = "model.quarantined"
    MODEL_DESTROYING = "model.destroying"
    MODEL_DESTROYED = "model.destroyed"
    COPY_REGISTERED = "copy.registered"
    """A copy of a model or a corpus, or of another of their copies (`parent`; 0, if of none)."""
    COPY_RETIRED = "copy.retired"
    """It went; what was made from it may be there still."""
    STORE_REGISTERED = "store.registered"
    """A data store is known by this description from here on."""
    STORE_RETIRED = "store.retired"

    # Accounts, keys, signatures
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_EMAIL_SET = "account.email_set"
    KEYS_PUBLISHED = "keys.published"
    KEYS_ROTATED = "keys.rotated"
    """Somebody replaced a signing key on purpose; the trust file is in the `keys.published` entry before this one."""
    DATA_REENCRYPTED = "data.reencrypted"
    """Everything that was encrypted under older keys of the database stands under the newest one."""
    ATTESTATION_SIGNED = "attestation.signed"
    LOG_RECOVERED = "log.recovered"
    """The signer goes on from a log that does not extend the last one that it signed: both heads, and why."""
    RECORD_SEALED = "record.sealed"
    """Last entry of every bundle, with its own number: whoever drops entries at the end drops the seal with them."""


K = RecordKind
_ATTEMPT = ("item", "attempt")
_DECIDED = ("examples", "how", "clusters")
_ENDING = ("item", "ending", "outcome", "ground")
_MESSAGE = ("message", "template")
_JOB_ENDED = ("job", "run", *_ATTEMPT)
_MODEL_MOVED = ("version", "sha256")
_RELEASED = (*_ATTEMPT, "model_sha256", "replaced_sha256")
_MADE = ("assurance", "checkpoint_sha256", "commitment_sha256")
TOLD: Final = ("not_concerned", "vocabularies", "from_checkpoints", "declared")
"""What the last letter of a request may count besides its accepted examples: examples that two officers found not to belong
to it, and of the models in use as it was closed those whose vocabulary was made from accepted examples, that started from a
checkpoint, and that were trained elsewhere. All 0 where nobody is told."""

FIELDS: Final[Mapping[RecordKind, tuple[str, ...]]] = {
    K.REQUEST_SUBMITTED: ("kind", "language", "due_on", "submitted_by"),
    K.REQUEST_CONFIRMED: (),
    K.REQUEST_EXTENDED: ("due_on", "months"),
    K.REQUEST_CLOSED: ("outcome", "accepted", *TOLD),
    K.SUPPRESSION_STARTED: ("suppression", "model", "guard", "guard_sha256", "until"),
    K.SUPPRESSION_RENEWED: ("suppression", "until"),
    K.SUPPRESSION_ENDED: ("suppression", "why"),
    K.COPY_SETTLED: ("copy", "how", "ground", "until"),
    **{K(f"store_erasure.{name}"): ("store_erasure", *fields) for name, fields in STORE_FIELDS.items()},
    K.SEARCH_ORDERED: (),
    K.SEARCH_FAILED: ("error", "runs"),
    K.MAPPING_COMPLETED: (
        *("search", "matcher", "searched", "unreadable", "texts_only", "queries", "not_searchable", "complete"),
        "candidates",
    ),
    K.SAMPLE_ORDERED: ("sample", "search", "snapshot", "queries", "size", "seed"),
    K.SAMPLE_DRAWN: ("sample", "groups", "known", "added"),
    K.SAMPLE_FAILED: ("sample", "error", "runs"),
    K.SAMPLE_FINISHED: ("sample", "missed", "at_most", "added"),
    K.MATCH_ADDED: ("snapshot", "example_id"),
    K.MATCH_ACCEPTED: (*_DECIDED, "contents"),
    K.MATCH_REJECTED: _DECIDED,
    K.MATCH_REOPENED: ("examples",),
    K.MATCH_ACCOUNTED: ("examples",),
    K.ITEM_CREATED: ("item", "model", "snapshot", "examples"),
    K.MATCHES_DECIDED: ("accepted", "rejected", "items"),
    K.REVIEW_COMPLETED: ("items",),
    K.ITEM_DECIDED: ("item", "granted", "ground"),
    K.ENDING_PROPOSED: _ENDING,
    K.ENDING_APPROVED: (*_ENDING, "beside"),
    K.ENDING_DECLINED: _ENDING,
    K.ITEM_LAPSED: ("item", "outcome"),
    K.ITEM_CORRECTED: ("item", "examples", "ending"),
    K.PROPOSAL_SUBMITTED: (*_ATTEMPT, "method", "protocol_sha256"),
    K.PROPOSAL_APPROVED: (*_ATTEMPT, "method", "protocol_sha256", "beside"),
    K.PROPOSAL_DECLINED: _ATTEMPT,
    K.ITEM_EVALUATED: (*_ATTEMPT, "verdict"),
    K.ITEM_RELEASED: (*_RELEASED, "copies"),
    K.ERASURE_ENTERED: (*_ATTEMPT, "examples", "entries_sha256"),
    K.ITEM_REOPENED: _ATTEMPT,
    **dict.fromkeys((K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED, K.MESSAGE_LAPSED), _MESSAGE),
    K.JOB_CREATED: ("job", "spec_sha256", *_ATTEMPT),
    K.JOB_STARTED: ("job", "run", *_ATTEMPT, "spec_sha256", "protocol_sha256", "result_version"),
    K.JOB_RUN_ENDED: ("job", "run", "outcome"),
    K.JOB_COMPLETED: (*_JOB_ENDED, "result_sha256", "model_sha256", "verdict"),
    K.JOB_FAILED: (*_JOB_ENDED, "error"),
    K.JOB_CANCEL_REQUESTED: ("job",),
    K.JOB_CANCELLED: _JOB_ENDED,
    K.LEDGER_RESTORED: ("entries", "ledger_sha256"),
    K.LEDGER_REPLAYED: ("entries", "ledger_sha256", "snapshots", "versions", "returned", "requeued"),
    K.CORPUS_REGISTERED: ("snapshot_sha256", "manifest_root", "counts"),
    K.CORPUS_COMPARED: ("snapshot_sha256", "found", "ledger_sha256"),
    K.CHECKPOINT_REGISTERED: ("checkpoint_sha256",),
    K.CANARIES_DRAWN: ("draw", "commitment_sha256", "canaries", "snapshot_sha256"),
    K.CANARIES_OPENED: ("draw", "secret", "examples", "original_sha256", "model_sha256", *CANARIES_SAY),
    K.RECIPE_REGISTERED: ("sha256",),
    K.MODEL_REGISTERED: ("version", "model_sha256", "snapshot_sha256", "job", "left_out", "ledger_sha256", *_MADE),
    **dict.fromkeys((K.MODEL_ACTIVE, K.MODEL_QUARANTINED, K.MODEL_DESTROYING, K.MODEL_DESTROYED), _MODEL_MOVED),
    K.COPY_REGISTERED: ("copy", "copy_kind", "of_sha256", "parent", "copy_sha256", "discovered"),
    K.COPY_RETIRED: ("copy",),
    K.STORE_REGISTERED: ("store_sha256",),
    K.STORE_RETIRED: ("store_sha256",),
    K.ACCOUNT_CREATED: ("role",),
    K.ACCOUNT_EMAIL_SET: ("has_address",),
    K.KEYS_PUBLISHED: ("trust_sha256",),
    K.KEYS_ROTATED: ("role", "key_id", "ended", "revoked", "file_missing"),
    K.DATA_REENCRYPTED: ("key", "retired", "values"),
    K.ATTESTATION_SIGNED: (*_ATTEMPT, "predicate_type", "envelope_sha256"),
    K.LOG_RECOVERED: ("old_size", "old_root", "new_size", "new_root", "reason"),
    K.RECORD_SEALED: ("entries",),
}

EARLIER_KINDS: Final[Mapping[str, RecordKind]] = {"job.attempt_ended": K.JOB_RUN_ENDED}
"""What kinds were called before things got the names that they have now."""
EARLIER_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    **{
        kind: FIELDS[kind]
        for kind in (
            *(K.REQUEST_SUBMITTED, K.REQUEST_CONFIRMED, K.MATCHES_DECIDED, K.REVIEW_COMPLETED),
            *(K.ITEM_DECIDED, K.PROPOSAL_SUBMITTED),
            *(K.PROPOSAL_DECLINED, K.ITEM_EVALUATED, K.ITEM_REOPENED, K.JOB_CREATED, K.JOB_COMPLETED),
            *(K.JOB_FAILED, K.JOB_CANCEL_REQUESTED, K.JOB_CANCELLED, K.ATTESTATION_SIGNED, K.RECORD_SEALED),
            *(K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED),
        )
    },
    "job.attempt_ended": FIELDS[K.JOB_RUN_ENDED],
    K.PROPOSAL_APPROVED: (*_ATTEMPT, "method", "protocol_sha256"),
    K.REQUEST_CLOSED: ("outcome",),
    K.ITEM_RELEASED: _RELEASED,
    K.MATCH_ACCEPTED: ("examples",),
    K.MATCH_REJECTED: ("examples",),
    K.MAPPING_COMPLETED: ("searched", "queries", "not_searchable", "candidates"),
    K.JOB_STARTED: ("job", "run", *_ATTEMPT, "spec_sha256", "protocol_sha256"),
}
"""Fields of entries in a request's history before every search was kept and results said their version."""
NOT_CONCERNED: Final = "not_concerned"
"""The outcome of an end by which examples leave their items; no item and no request has it."""
EXAMPLE: Final = ("snapshot", "example_id", "set")
EARLIER_EXAMPLE: Final = ("snapshot", "record_id")
"""What an entry says about each match."""
ACCOUNTED_EXAMPLE: Final = ("snapshot", "example_id", "became")
"""What entries say about each accepted match when its request is closed. Of one that nobody answered, they name none."""
DRAWN_GROUP: Final = ("group", "population", "drawn")
"""What an entry says about each group of a sample."""
EXAMPLES_PER_ENTRY: Final = 300
"""Examples that one entry names at most, so that it stays below the 65,535 bytes of a leaf; more go into further entries."""

VERIFIED_IN_REQUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    K.REQUEST_SUBMITTED: ("submitted_by",),
    K.PROPOSAL_APPROVED: (*_ATTEMPT, "protocol_sha256"),
    K.JOB_STARTED: _ATTEMPT,
    K.JOB_COMPLETED: (*_ATTEMPT, "result_sha256", "model_sha256", "verdict"),
    K.ATTESTATION_SIGNED: FIELDS[K.ATTESTATION_SIGNED],
    K.ITEM_RELEASED: (*_ATTEMPT, "model_sha256"),
    K.RECORD_SEALED: FIELDS[K.RECORD_SEALED],
}
"""Fields that every such entry must have, and of the right form, wherever it comes from."""
VERIFIED_ELSEWHERE: Final[Mapping[str, tuple[str, ...]]] = {
    K.KEYS_PUBLISHED: FIELDS[K.KEYS_PUBLISHED],
    K.CORPUS_REGISTERED: ("snapshot_sha256", "manifest_root"),
    K.MODEL_REGISTERED: ("model_sha256",),
    K.CHECKPOINT_REGISTERED: ("checkpoint_sha256",),
    K.CANARIES_DRAWN: ("commitment_sha256",),
    K.LOG_RECOVERED: ("old_size", "old_root", "new_size", "new_root"),
}
