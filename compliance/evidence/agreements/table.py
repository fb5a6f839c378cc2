"""Every pair of places that state one fact: the one table that verification and the signing process check.

A new kind of entry, or a new field of a statement or of the engine's files, is paired here with where else its fact stands;
or `coverage.py` says who reads it, or why nobody does. `tests/compliance/evidence/agreements` fails until one of them does,
and until a real bundle with the pair's contradiction fails to verify.
"""

from __future__ import annotations

from typing import Final

from compliance.formats.record_kinds import RecordKind as K

from . import derived as d
from .agreement import Agreement, apart, earlier, not_later, one_of, part_of, same
from .facts import actor, always, by_message, by_request, entry, moment, release, report, result, spec
from .measured import ESTIMATES, GAP, MEASURED_FORGET, MEASURED_RETAIN, MEASURED_SEEDS, PROTOCOL_SEEDS, STATED_ESTIMATES
from .measured import close, close_by_name

UNLEARNING = always("an unlearning report", "unlearn")

REVIEW: Final = (
    Agreement(
        entry(K.REQUEST_SUBMITTED, "submitted_by", by_request),
        actor(K.REQUEST_SUBMITTED, by_request),
        "whoever submitted the request is not whoever the entry is by",
    ),
    Agreement(
        d.MATCHED_SNAPSHOTS,
        entry(K.MAPPING_COMPLETED, "searched", by_request),
        "a match is in a corpus that was not searched",
        d.begins_one_of,
    ),
    Agreement(
        entry(K.MAPPING_COMPLETED, "candidates", by_request),
        d.REVIEWED_MATCHES,
        "not every match that was found was decided",
    ),
    Agreement(d.REVIEW_ACCEPTED, d.ACCEPTED, "the review counts other matches than were accepted"),
    Agreement(d.REVIEW_REJECTED, d.REJECTED, "the review counts other matches than were rejected"),
    Agreement(entry(K.REVIEW_COMPLETED, "items", by_request), d.ITEM_COUNT, "the review made another number of items"),
    Agreement(entry(K.ITEM_DECIDED, "item", by_request), d.ITEMS, "an item was decided that no review made", one_of),
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
)
"""What was found, and what officers made of it."""

APPROVAL: Final = (
    Agreement(
        entry(K.PROPOSAL_APPROVED, "method"), entry(K.PROPOSAL_SUBMITTED, "method"), "the approved method was not proposed"
    ),
    Agreement(
        entry(K.PROPOSAL_APPROVED, "protocol_sha256"),
        entry(K.PROPOSAL_SUBMITTED, "protocol_sha256"),
        "the approved protocol was not proposed",
    ),
    Agreement(
        entry(K.JOB_STARTED, "protocol_sha256"),
        entry(K.PROPOSAL_APPROVED, "protocol_sha256"),
        "the job started under another protocol than the approved one",
    ),
    Agreement(report("method.name"), entry(K.PROPOSAL_APPROVED, "method"), "the method that ran is not the approved one"),
    Agreement(
        report("protocol_sha256"),
        entry(K.PROPOSAL_APPROVED, "protocol_sha256"),
        "the report's protocol is not the approved one",
    ),
    Agreement(d.ACCEPTED_EXAMPLES, d.FORGOTTEN, "the accepted matches are not the forget set", d.accepted_are_forgotten),
)
"""What was approved, and what was done."""

JOB: Final = (
    *(
        Agreement(entry(kind, "job"), entry(K.JOB_CREATED, "job"), "it is another job than was created")
        for kind in (K.JOB_STARTED, K.JOB_COMPLETED, K.JOB_FAILED, K.JOB_CANCELLED)
    ),
    Agreement(d.RUN_OUTCOME, d.LAST_RUN, "the run and the job ended differently", d.both_completed_or_neither),
    Agreement(entry(K.ITEM_EVALUATED, "verdict"), d.JOB_END, "the verdict is not how the job ended"),
    Agreement(
        entry(K.JOB_STARTED, "spec_sha256"),
        entry(K.JOB_CREATED, "spec_sha256"),
        "another specification started than was created",
    ),
    Agreement(
        report("spec_sha256"), entry(K.JOB_CREATED, "spec_sha256"), "another specification is reported than was created"
    ),
    Agreement(
        entry(K.JOB_COMPLETED, "result_sha256"), d.RESULT_FILE, "result.json is not the file that the worker recorded"
    ),
    Agreement(
        entry(K.JOB_COMPLETED, "model_sha256"),
        report("result_model_sha256"),
        "another model is reported than the worker recorded",
    ),
    Agreement(
        entry(K.JOB_COMPLETED, "verdict"), report("verdict.outcome"), "another verdict is reported than the worker recorded"
    ),
    Agreement(moment(K.PROPOSAL_APPROVED), d.STARTED_AT, "the run started before it was approved", not_later),
    Agreement(d.STARTED_AT, moment(K.JOB_STARTED), "the reported start is later than the recorded one", not_later),
    Agreement(d.FINISHED_AT, moment(K.JOB_COMPLETED), "the reported end is later than the recorded one", not_later),
    Agreement(d.GUARANTEE, d.GUARANTEE, "one method has two guarantees"),
)
"""What the worker recorded, and what was reported."""

FILES: Final = (
    Agreement(spec("kind"), UNLEARNING, "the specification is for something else"),
    Agreement(result("kind"), UNLEARNING, "the result is about something else"),
    Agreement(spec("reference", optional=True), d.REFERENCE, "the specification was for another request or item"),
    Agreement(result("reference", optional=True), d.REFERENCE, "the result is about another request or item"),
    Agreement(result("spec_digest"), report("spec_sha256"), "the result is of another specification"),
    Agreement(d.SPEC_DIGEST, report("spec_sha256"), "this is another specification than the reported one"),
    Agreement(spec("method.name"), report("method.name"), "another method was specified"),
    Agreement(spec("method.config"), report("method.config"), "other hyper-parameters were specified"),
    Agreement(spec("protocol"), report("protocol"), "another protocol was specified"),
    Agreement(spec("snapshot.digest"), report("snapshot_sha256"), "another corpus was specified"),
    Agreement(spec("model.digest"), report("base_model_sha256"), "another model was specified to start from"),
    Agreement(d.RECIPE_DIGEST, report("recipe_sha256"), "another recipe was specified"),
    Agreement(d.FORGET_COUNT, report("forget_count"), "another number of examples was specified"),
    Agreement(d.FORGET_DIGEST, report("forget_set_sha256"), "other examples were specified"),
    Agreement(result("model_digest"), report("result_model_sha256"), "the result is another model"),
    Agreement(d.MODEL_OF_FILES, report("result_model_sha256"), "the model's files are not those of the reported model"),
    Agreement(d.LISTED_OUTPUTS, d.SIGNED_OUTPUTS, "the signed raw outputs are not those of the result"),
    Agreement(result("evaluation.verdict"), report("verdict"), "the evaluation reached another verdict"),
    Agreement(result("environment"), report("environment"), "it ran in another environment"),
    Agreement(result("evaluation.limits"), report("does_not_show"), "a limit of the evaluation is left out", part_of),
    Agreement(d.JUDGED, report("protocol.estimands"), "other quantities were judged than the protocol names"),
    Agreement(d.TESTED, d.FORGET_IDS, "other examples were tested than were forgotten"),
    Agreement(d.DRAWN, d.FORGET_IDS, "other examples were followed than were forgotten", part_of),
)
"""What the engine was told, what it wrote, and what was reported."""

REGISTERED: Final = (
    Agreement(d.BASE_SNAPSHOT, report("snapshot_sha256"), "the model that the run started from learned another corpus"),
    Agreement(d.SNAPSHOT_ROOT, report("manifest_root"), "the corpus was registered with other examples"),
    Agreement(
        result("train_examples", optional=True),
        d.EXPECTED_TRAINING,
        "the retain set is not the corpus without the examples to forget",
    ),
)
"""What was registered, and what was reported."""

RELEASE: Final = (
    Agreement(
        entry(K.ITEM_RELEASED, "model_sha256"), report("result_model_sha256"), "the released model is not the reported one"
    ),
    Agreement(
        entry(K.ITEM_RELEASED, "replaced_sha256"),
        report("base_model_sha256"),
        "the replaced model is not where the run started",
    ),
    Agreement(
        release("released_model_sha256"), entry(K.ITEM_RELEASED, "model_sha256"), "another release was signed than recorded"
    ),
    Agreement(
        release("replaced_model_sha256"),
        report("base_model_sha256"),
        "the replaced model is not the one that the run started from",
    ),
    Agreement(release("report_envelope_sha256"), d.SIGNED_REPORT, "the release names another report"),
    Agreement(release("mapped_by"), d.MAPPED_BY, "the release names other people for the matches"),
    Agreement(release("approved_by"), actor(K.PROPOSAL_APPROVED), "the release names another approver"),
    Agreement(release("released_by"), actor(K.ITEM_RELEASED), "the release names another releaser"),
    Agreement(release("record_entries"), d.RELEASE_SIGNED, "the release counts entries that came after it", earlier),
    Agreement(d.RELEASED_NUMBER, release("record_entries"), "the release was signed before it was recorded", not_later),
)
"""What was released, by whom, and what was signed about it."""

AGREEMENTS: Final[tuple[Agreement, ...]] = (*REVIEW, *APPROVAL, *JOB, *FILES, *REGISTERED, *RELEASE)

MEASURED: Final[tuple[Agreement, ...]] = (
    Agreement(MEASURED_FORGET, d.FORGET_IDS, "other examples were measured than were forgotten"),
    Agreement(MEASURED_RETAIN, d.NOT_RETAINED, "an example of the retain set was forgotten", apart),
    Agreement(MEASURED_SEEDS, PROTOCOL_SEEDS, "other models were measured than the protocol names", same),
    Agreement(GAP, result("evaluation.gap"), "the raw outputs give another do-nothing gap", close),
    Agreement(ESTIMATES, STATED_ESTIMATES, "the raw outputs give other estimates", close_by_name),
)
"""What the raw outputs show, and what the result says. It needs pyarrow."""
