"""Who reads what no pair of the table is about: the step of the verification that does, or the reason why nobody does.

A place stands for everything below it: `result.json curves` for every curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compliance.formats.record_kinds import FIELDS, TOLD
from compliance.formats.record_kinds import RecordKind as K

IN_PLACE = "in the log under that checkpoint"
HISTORY = "complete history up to its seal"
ENVELOPES = "attestations are exactly those in the record"
SIGNATURES = "signed by a key that was allowed"
ABOUT = "about this request"
FILES = "report files are exactly those that were signed"
REGISTRATIONS = "registered in the record"
KEYS = "trust file was published"
COURSE = "order in which it can happen"
TRUST = "trust file is well formed"
CHECKPOINT = "checkpoint is signed"

_ATTEMPTS = (
    K.PROPOSAL_SUBMITTED,
    K.PROPOSAL_APPROVED,
    K.PROPOSAL_DECLINED,
    K.ITEM_EVALUATED,
    K.ITEM_RELEASED,
    K.ITEM_REOPENED,
    K.ERASURE_ENTERED,
    K.JOB_CREATED,
    K.JOB_STARTED,
    K.JOB_COMPLETED,
    K.JOB_FAILED,
    K.JOB_CANCELLED,
)

_STORES = tuple(kind for kind in K if kind.startswith("store_erasure."))
_NOT_OF_STORES = ("error", "runs", "store", "store_sha256")

READ_BY_A_STEP: Final[Mapping[str, str]] = {
    **{f"{kind} {field}": COURSE for kind in _ATTEMPTS for field in ("item", "attempt")},
    **{f"{K.ATTESTATION_SIGNED} {field}": ENVELOPES for field in FIELDS[K.ATTESTATION_SIGNED]},
    **{f"{kind} message": COURSE for kind in (K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED, K.MESSAGE_LAPSED)},
    **{f"{kind} ending": COURSE for kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)},
    f"{K.MAPPING_COMPLETED} search": COURSE,
    **{f"{kind} sample": COURSE for kind in (K.SAMPLE_ORDERED, K.SAMPLE_DRAWN, K.SAMPLE_FAILED, K.SAMPLE_FINISHED)},
    **{f"{kind} suppression": COURSE for kind in (K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED, K.SUPPRESSION_ENDED)},
    **{f"{kind} until": COURSE for kind in (K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED)},
    f"{K.SUPPRESSION_STARTED} model": COURSE,
    f"{K.SUPPRESSION_ENDED} why": COURSE,
    **{f"{K.COPY_SETTLED} {field}": COURSE for field in FIELDS[K.COPY_SETTLED]},
    f"{K.ITEM_RELEASED} copies": COURSE,
    **{f"{kind} {field}": COURSE for kind in _STORES for field in FIELDS[kind] if field not in _NOT_OF_STORES},
    f"{K.ITEM_DECIDED} granted": COURSE,
    **{f"{K.REQUEST_CLOSED} {field}": COURSE for field in ("outcome", *TOLD)},
    f"{K.JOB_STARTED} run": COURSE,
    f"{K.JOB_CANCEL_REQUESTED} job": COURSE,
    f"{K.CORPUS_REGISTERED} snapshot_sha256": REGISTRATIONS,
    f"{K.MODEL_REGISTERED} model_sha256": REGISTRATIONS,
    f"{K.CHECKPOINT_REGISTERED} checkpoint_sha256": REGISTRATIONS,
    **{f"{kind} draw": REGISTRATIONS for kind in (K.CANARIES_DRAWN, K.CANARIES_OPENED)},
    f"{K.MODEL_REGISTERED} commitment_sha256": REGISTRATIONS,
    f"{K.KEYS_PUBLISHED} trust_sha256": KEYS,
    f"{K.RECORD_SEALED} entries": HISTORY,
    **{f"{K.LOG_RECOVERED} {field}": HISTORY for field in FIELDS[K.LOG_RECOVERED]},
    "entry format": IN_PLACE,
    "entry subject": HISTORY,
    "entry kind": COURSE,
    "line index": IN_PLACE,
    "line proof": IN_PLACE,
    "report attempt": ABOUT,
    "release request": ABOUT,
    "release item": ABOUT,
    "release attempt": ABOUT,
    "statement subjects": FILES,
    "statement predicate": ABOUT,
    "envelope payload": SIGNATURES,
    "envelope payloadType": SIGNATURES,
    "envelope signatures.sig": SIGNATURES,
    "trust.json format": TRUST,
    "trust.json origin": CHECKPOINT,
    "trust.json keys": SIGNATURES,
    "checkpoint origin": CHECKPOINT,
    "checkpoint size": IN_PLACE,
    "checkpoint root": IN_PLACE,
}
"""Each place, and words from the title of the step that reads it."""

_OF_OTHERS = "no bundle contains such an entry; the operator's log does"
_ONCE = "it stands nowhere else in a bundle"
_MEASURED = "it is measured while the job runs, and stands nowhere else"
_METRIC = "it is reported beside the verdict, which does not depend on it"
_PERMUTED = "the engine tries every labelling of the models; that it is a share of their number is checked"

NOT_READ: Final[Mapping[str, str]] = {
    **{
        f"{kind} {field}": _OF_OTHERS
        for kind in (
            K.LEDGER_RESTORED,
            K.LEDGER_REPLAYED,
            K.CORPUS_COMPARED,
            K.RECIPE_REGISTERED,
            K.MODEL_ACTIVE,
            K.MODEL_QUARANTINED,
            K.MODEL_DESTROYING,
            K.MODEL_DESTROYED,
            K.COPY_REGISTERED,
            K.COPY_RETIRED,
            K.STORE_REGISTERED,
            K.STORE_RETIRED,
            K.ACCOUNT_CREATED,
            K.ACCOUNT_EMAIL_SET,
            K.KEYS_ROTATED,
            K.DATA_REENCRYPTED,
        )
        for field in FIELDS[kind]
    },
    f"{K.REQUEST_SUBMITTED} kind": _ONCE,
    f"{K.REQUEST_SUBMITTED} language": "it chooses the language of letters, which are not in a bundle",
    f"{K.MAPPING_COMPLETED} matcher": _ONCE,
    f"{K.STORE_ERASURE_ORDERED} store": "what the store is called; what it is, its digest says",
    f"{K.STORE_ERASURE_ORDERED} store_sha256": "how the store is described stays with the operator",
    f"{K.STORE_ERASURE_FAILED} error": _ONCE,
    f"{K.STORE_ERASURE_FAILED} runs": "how often a worker began; nothing rests on a run that failed",
    f"{K.SEARCH_FAILED} error": _ONCE,
    f"{K.SAMPLE_ORDERED} seed": "with the corpus and the names, both the operator's, it gives the same sample again",
    f"{K.SUPPRESSION_STARTED} guard": _ONCE,
    f"{K.SUPPRESSION_STARTED} guard_sha256": "what it keeps back stays with the operator, and is deleted when it ends",
    f"{K.SAMPLE_FAILED} error": _ONCE,
    f"{K.SAMPLE_FAILED} runs": "how often a worker began; nothing rests on a sample that was not drawn",
    f"{K.SEARCH_FAILED} runs": "how often a worker began; nothing rests on a search that failed",
    **{
        f"{kind} {field}": "how officers went through the matches; the examples are named one by one"
        for kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED)
        for field in ("how", "clusters")
    },
    f"{K.ERASURE_ENTERED} entries_sha256": "keyed digests of what was erased; the key and the ledger stay with the operator",
    f"{K.JOB_FAILED} error": _ONCE,
    f"{K.MODEL_REGISTERED} version": "versions are counted by the operator; the model's digest says which one it is",
    f"{K.MODEL_REGISTERED} job": "the job that made the model has a history of its own",
    f"{K.MODEL_REGISTERED} ledger_sha256": "keyed digests of all that was erased; the ledger stays with the operator",
    f"{K.CANARIES_OPENED} smallest": "the scores of the canaries, from which it follows, stay with the operator",
    "envelope signatures.keyid": "a hint that nobody signed; the trust file decides whose key it is",
    "spec.json snapshot.path": "where the corpus lay on the operator's disk; its digest says which one it is",
    "spec.json model.path": "where the model lay on the operator's disk; its digest says which one it is",
    "spec.json cache": "where the operator keeps trained models; it changes no result",
    "spec.json device": "a wish; the device that was used is in the environment",
    "result.json parameters": _MEASURED,
    "result.json curves": _MEASURED,
    "result.json efficiency": _MEASURED,
    "result.json certificate.assumptions": "sentences of the method; no step can tell whether they hold",
    "result.json certificate.not_covered": "sentences of the method; no step can tell whether they hold",
    "result.json evaluation.metrics": _METRIC,
    **{
        f"examples.parquet {name}": _METRIC
        for name in (
            "exact_memorization",
            "extraction_strength",
            "min_k",
            "min_k_plus_plus",
            "zlib_ratio",
            "gradient_norm",
            "reference_log_likelihood",
            "suffix_log_probability",
            "passage_log_probability",
            "passages_0_001",
            "passages_0_01",
            "passages_0_5",
            "longest_block",
            "rouge_l",
            "verbatim",
            "relearned",
            "quantized_8",
            "quantized_4",
            "hinted",
            "conversation",
            "hints",
            "prefix",
            "prefix_log_probability",
            "paraphrased",
            "lens",
            "lens_layer",
            "probe",
            "truth_ratio",
            "normalised_probability",
            "multiple_choice",
        )
    },
}
"""Each place that nothing is compared with, and why."""

NOT_RECOMPUTED: Final[Mapping[str, str]] = {
    "permutation.p_value": _PERMUTED,
    "sets.permutation.p_value": _PERMUTED,
    "sets.p_adjusted": "it is compared with the p-values of the sets, which are not computed again",
    "controls.permutation.p_value": _PERMUTED,
    "controls.note": "a sentence about the control; of one that misbehaved, the verdict repeats it",
    "examples.p_value": _PERMUTED,
    "examples.p_fwer": _PERMUTED,
    "metrics": _METRIC,
    "certificate.budget_spent": (
        "what a certified removal leaves depends on the corpus; the share of private training follows from its epsilon"
    ),
    "certificate.assumptions": "sentences of the method; that there are any is checked",
    "certificate.not_covered": "sentences of the method; no step can tell whether they hold",
}
"""Each value of an evaluation, and of a certificate, that may be another one without a contradiction, and why. All others
are computed again or follow from what is."""
