"""Every pair of places that state one fact: the one table that verification and the signing process check.

A new kind of entry, or a new field of a statement or of the engine's files, is paired here with where else its fact stands;
or `coverage.py` says who reads it, or why nobody does. `tests/compliance/evidence/agreements` fails until one of them does,
and until a real bundle with the pair's contradiction fails to verify.
"""

from __future__ import annotations

from typing import Final

from compliance.formats.record_kinds import RecordKind as K

from .again import (
    APART,
    BEHAVED,
    EARLIER_LOOKS,
    FINDINGS,
    FIRST_FINDINGS,
    FIRST_STATED,
    INFLUENCES,
    ORACLES_OF_EXAMPLES,
    PRECISION,
    STATED_APART,
    STATED_BEHAVED,
    STATED_FINDINGS,
    STATED_INFLUENCES,
    STATED_ORACLES,
    STATED_PRECISION,
    STATED_TWINS,
    STATED_VETOES,
    TWINS,
    UNDECIDED,
    VETOES,
    close,
    rounded_alike,
)
from .agreement import Agreement, earlier, not_later, one_of, part_of
from .canaries import CANARIES
from .cases import DISPOSITIONS, ENDING, ITEMS_HELD, REVIEW
from .contents import (
    EXPECTED_ANSWERS,
    FINISHED_AT,
    FORGET_COUNT,
    FORGET_DIGEST,
    FORGET_IDS,
    FORGOTTEN,
    KEPT_ANSWERS,
    LEFT_OUT,
    LISTED_OUTPUTS,
    MODEL_OF_FILES,
    NOT_RETAINED,
    RECIPE_DIGEST,
    REFERENCE,
    RESULT_FILE,
    SIGNED_OUTPUTS,
    SPEC_DIGEST,
    STARTED_AT,
    accepted_are_forgotten,
)
from .costs import COST
from .entries import (
    BASE_LEFT_OUT,
    BASE_SNAPSHOT,
    EXPECTED_TRAINING,
    JOB_END,
    LAST_RUN,
    MAPPED_BY,
    RELEASE_SIGNED,
    RELEASED_NUMBER,
    RUN_OUTCOME,
    SIGNED_REPORT,
    SNAPSHOT_ROOT,
    both_completed_or_neither,
)
from .facts import actor, always, entry, moment, release, report, result, spec
from .items import ACCEPTED_EXAMPLES, MODEL_OF_ITEM, MODEL_OF_REPORT, SNAPSHOT_OF_ITEM, SNAPSHOT_OF_REPORT
from .judged import BESIDE, JUDGEMENT
from .limits import LIMITS, MEASURED_LIMITS, SPECIFICATION_PROBLEMS
from .matches import ACCEPTED_AT_THE_RELEASE, ACCEPTED_HELD_OUT, between
from .measured import (
    DRAWN_SIZES,
    FINITE,
    GAP,
    HELD_OUT,
    MEASURED_FORGET,
    MEASURED_OTHERS,
    MEASURED_SEEDS,
    MEASURED_SIZES,
    PROTOCOL_SEEDS,
    SAYS_FINITE,
    can_be_held_out,
    not_among,
)
from .numbers import WITHOUT_NUMBERS
from .origins import ASSURANCE, ASSURANCE_OF_BASE, ASSURANCE_OF_PROTOCOL, CHECKPOINT_OF_BASE, CHECKPOINT_OF_RECIPE
from .processes import BASE_OF_FILES
from .reasons import VERDICT
from .samples import SAMPLES
from .sets import NAMED_SETS, REGISTERED_SETS
from .trajectories import FOLLOWED, FOLLOWED_MARGINS, margins_alike
from .withholding import APPROVED_BESIDE, APPROVED_EXAMPLES, IN_NO_ITEM, WITHHELD_EXAMPLES

UNLEARNING = always("an unlearning report", "unlearn")

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
    Agreement(ACCEPTED_EXAMPLES, FORGOTTEN, "the accepted matches are not the forget set", accepted_are_forgotten),
    Agreement(
        FORGET_IDS,
        ACCEPTED_AT_THE_RELEASE,
        "an example was rejected before the model without it was released",
        part_of,
    ),
)
"""What was approved, and what was done."""

WITHHOLDING: Final = (
    Agreement(APPROVED_BESIDE, IN_NO_ITEM, "an approval covers other examples than were accepted and in no item", between),
    Agreement(
        WITHHELD_EXAMPLES,
        APPROVED_EXAMPLES,
        "what one officer accepted entered the erasure ledger, and nobody else had approved since",
        part_of,
    ),
)
"""What is kept from later trainings without a release, and who approved it."""

JOB: Final = (
    *(
        Agreement(entry(kind, "job"), entry(K.JOB_CREATED, "job"), "it is another job than was created")
        for kind in (K.JOB_STARTED, K.JOB_COMPLETED, K.JOB_FAILED, K.JOB_CANCELLED)
    ),
    Agreement(RUN_OUTCOME, LAST_RUN, "the run and the job ended differently", both_completed_or_neither),
    Agreement(entry(K.ITEM_EVALUATED, "verdict"), JOB_END, "the verdict is not how the job ended"),
    Agreement(
        entry(K.JOB_STARTED, "spec_sha256"),
        entry(K.JOB_CREATED, "spec_sha256"),
        "another specification started than was created",
    ),
    Agreement(
        report("spec_sha256"), entry(K.JOB_CREATED, "spec_sha256"), "another specification is reported than was created"
    ),
    Agreement(entry(K.JOB_COMPLETED, "result_sha256"), RESULT_FILE, "result.json is not the file that the worker recorded"),
    Agreement(
        entry(K.JOB_COMPLETED, "model_sha256"),
        report("result_model_sha256"),
        "another model is reported than the worker recorded",
    ),
    Agreement(
        entry(K.JOB_COMPLETED, "verdict"), report("verdict.outcome"), "another verdict is reported than the worker recorded"
    ),
    Agreement(moment(K.PROPOSAL_APPROVED), STARTED_AT, "the run started before it was approved", not_later),
    Agreement(STARTED_AT, moment(K.JOB_STARTED), "the reported start is later than the recorded one", not_later),
    Agreement(moment(K.JOB_STARTED), FINISHED_AT, "the run ended before the record says that it started", not_later),
    Agreement(FINISHED_AT, moment(K.JOB_COMPLETED), "the reported end is later than the recorded one", not_later),
)
"""What the worker recorded, and what was reported."""

FILES: Final = (
    Agreement(spec("kind"), UNLEARNING, "the specification is for something else"),
    Agreement(result("kind"), UNLEARNING, "the result is about something else"),
    Agreement(SPECIFICATION_PROBLEMS, always("no problem", []), "there can be no job with this specification"),
    Agreement(spec("reference", optional=True), REFERENCE, "the specification was for another request or item"),
    Agreement(result("reference", optional=True), REFERENCE, "the result is about another request or item"),
    Agreement(result("spec_digest"), report("spec_sha256"), "the result is of another specification"),
    Agreement(SPEC_DIGEST, report("spec_sha256"), "this is another specification than the reported one"),
    Agreement(spec("method.name"), report("method.name"), "another method was specified"),
    Agreement(spec("method.config"), report("method.config"), "other hyper-parameters were specified"),
    Agreement(spec("protocol"), report("protocol"), "another protocol was specified"),
    Agreement(spec("snapshot.digest"), report("snapshot_sha256"), "another corpus was specified"),
    Agreement(spec("model.digest"), report("base_model_sha256"), "another model was specified to start from"),
    Agreement(RECIPE_DIGEST, report("recipe_sha256"), "another recipe was specified"),
    Agreement(FORGET_COUNT, report("forget_count"), "another number of examples was specified"),
    Agreement(FORGET_DIGEST, report("forget_set_sha256"), "other examples were specified"),
    Agreement(result("model_digest"), report("result_model_sha256"), "the result is another model"),
    Agreement(MODEL_OF_FILES, report("result_model_sha256"), "the model's files are not those of the reported model"),
    Agreement(BASE_OF_FILES, spec("model.digest"), "the job began with other files than those of the specified model"),
    Agreement(LISTED_OUTPUTS, SIGNED_OUTPUTS, "the signed raw outputs are not those of the result"),
    Agreement(KEPT_ANSWERS, EXPECTED_ANSWERS, "answers are kept where a model gives none, or not kept where it does"),
    Agreement(result("environment"), report("environment"), "it ran in another environment"),
)
"""What the engine was told, what it wrote, and what was reported."""

REGISTERED: Final = (
    Agreement(SNAPSHOT_OF_ITEM, SNAPSHOT_OF_REPORT, "the run was on another corpus than the one that its item is about"),
    Agreement(MODEL_OF_ITEM, MODEL_OF_REPORT, "the run started from another model than the one that its item is about"),
    Agreement(BASE_SNAPSHOT, report("snapshot_sha256"), "the model that the run started from learned another corpus"),
    Agreement(BASE_LEFT_OUT, LEFT_OUT, "the model that the run started from left out another number of examples"),
    Agreement(CHECKPOINT_OF_BASE, CHECKPOINT_OF_RECIPE, "the recipe names another checkpoint than the model started from"),
    Agreement(ASSURANCE_OF_BASE, ASSURANCE, "the job says otherwise how it is known what made its model"),
    Agreement(ASSURANCE_OF_PROTOCOL, ASSURANCE, "the protocol says otherwise how it is known what made the model"),
    Agreement(NAMED_SETS, REGISTERED_SETS, "a match is in a set that its corpus does not have", part_of),
    Agreement(SNAPSHOT_ROOT, report("manifest_root"), "the corpus was registered with other examples"),
    Agreement(
        result("train_examples", optional=True),
        EXPECTED_TRAINING,
        "the retain set is not the corpus without the examples to forget",
    ),
)
"""What was registered, and what was reported."""

RELEASE: Final = (
    Agreement(
        entry(K.ERASURE_ENTERED, "examples"), report("forget_count"), "the erasure ledger has another number of examples"
    ),
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
    Agreement(release("report_envelope_sha256"), SIGNED_REPORT, "the release names another report"),
    Agreement(release("mapped_by"), MAPPED_BY, "the release names other people for the matches"),
    Agreement(release("approved_by"), actor(K.PROPOSAL_APPROVED), "the release names another approver"),
    Agreement(release("released_by"), actor(K.ITEM_RELEASED), "the release names another releaser"),
    Agreement(release("record_entries"), RELEASE_SIGNED, "the release counts entries that came after it", earlier),
    Agreement(RELEASED_NUMBER, release("record_entries"), "the release was signed before it was recorded", not_later),
)
"""What was released, by whom, and what was signed about it."""

AGREEMENTS: Final[tuple[Agreement, ...]] = (
    *REVIEW,
    *SAMPLES,
    *ITEMS_HELD,
    *ENDING,
    *DISPOSITIONS,
    *WITHHOLDING,
    *APPROVAL,
    *JOB,
    *FILES,
    *JUDGEMENT,
    *BESIDE,
    COST,
    *REGISTERED,
    *CANARIES,
    *RELEASE,
)

MEASURED: Final[tuple[Agreement, ...]] = (
    Agreement(MEASURED_FORGET, FORGET_IDS, "other examples were measured than were forgotten"),
    Agreement(MEASURED_OTHERS, NOT_RETAINED, "an example of another set was forgotten, or is in two sets", not_among),
    Agreement(ACCEPTED_HELD_OUT, HELD_OUT, "an accepted example is called held out and is not", can_be_held_out),
    Agreement(MEASURED_SIZES, DRAWN_SIZES, "other numbers of examples were measured than the protocol draws"),
    Agreement(MEASURED_SEEDS, PROTOCOL_SEEDS, "other models were measured than the protocol names"),
    Agreement(
        FINITE, SAYS_FINITE, "the raw outputs are numbers and the result says that they are not, or the other way round"
    ),
    Agreement(VERDICT, WITHOUT_NUMBERS, "the verdict does not follow from which models gave no numbers", one_of),
    Agreement(LIMITS, MEASURED_LIMITS, "the limits do not follow from the raw outputs"),
    Agreement(GAP, result("evaluation.gap"), "the raw outputs give another do-nothing gap", close),
    Agreement(FINDINGS, STATED_FINDINGS, "the raw outputs give other estimates, intervals or positions", close),
    Agreement(FIRST_FINDINGS, FIRST_STATED, "the raw outputs give other estimates", close),
    Agreement(TWINS, STATED_TWINS, "the raw outputs compare with held-out examples otherwise", close),
    Agreement(BEHAVED, STATED_BEHAVED, "the controls did not behave as is stated"),
    Agreement(EARLIER_LOOKS, UNDECIDED, "a look before the one that is told had decided"),
    Agreement(INFLUENCES, STATED_INFLUENCES, "the raw outputs give another influence", close),
    Agreement(VETOES, STATED_VETOES, "the raw outputs contradict the process otherwise than is stated"),
    Agreement(PRECISION, STATED_PRECISION, "the raw outputs give another precision", close),
    Agreement(APART, STATED_APART, "the raw outputs tell the models apart otherwise", close),
    Agreement(FOLLOWED, FOLLOWED_MARGINS, "the result states other margins than the trajectory's file", margins_alike),
    Agreement(STATED_ORACLES, ORACLES_OF_EXAMPLES, "the raw outputs give other oracles of single examples", rounded_alike),
)
"""What the raw outputs show, and what the result says. It needs pyarrow."""
