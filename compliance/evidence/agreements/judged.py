"""The pairs of the table that are about the evaluation: what the models were judged by, and what follows from what."""

from __future__ import annotations

from typing import Final

from .agreement import Agreement, one_of, part_of
from .certificates import (
    DEFINITION,
    ENDED_BY,
    EPSILON_OF_ONE,
    EPSILON_OF_TRAINING,
    METHOD_DEFINITIONS,
    PROMISED,
    PROMISED_BEFORE,
    accounted_alike,
    promised_alike,
)
from .contents import (
    BETWEEN,
    DRAWN,
    DUPLICATES,
    FORGET_IDS,
    JUDGED,
    POSSIBLE_FILES,
    SECONDS,
    SIGNED_FILES,
    TESTED,
    TRAINING_METRICS,
    VERSION,
    each_judges_all,
    each_once,
    took_less,
)
from .entries import KNOWN_METHODS, PROPOSED_METHODS, PROTOCOL_PROBLEMS, STARTED_VERSIONS
from .facts import always, report, result
from .limits import EXPECTED_LIMITS, LIMITS, METRICS, POSSIBLE_METRICS, REPORTED_LIMITS, are_asked_for
from .numbers import PARTS, POSSIBLE_PARTS
from .permutations import (
    ADJUSTED,
    ADJUSTED_AGAIN,
    EXAMPLES,
    EXAMPLES_AGAIN,
    FORGET_SET_TEST,
    FORGET_TEST,
    NUMBERS_OF_EXAMPLES,
    NUMBERS_OF_IDS,
    TO_TRY,
    TRIED,
    alike,
)
from .positions import EXPECTED_SCOPES, POSITIONS, POSSIBLE_POSITIONS, SCOPES, each_is_possible
from .processes import (
    FOLLOWS_FROM_TRAINING,
    GIVEN,
    KEPT_FILES,
    REMAINING,
    SHIPPED_FILES,
    SHIPPED_WEIGHTS,
    TRAINED_AGAIN,
    TRAINED_WEIGHTS,
)
from .reasons import (
    CERTIFICATE,
    CERTIFIED,
    CERTIFIED_RECORDS,
    CONTROLS,
    EARLIER_METHODS,
    EVER_ERASED,
    EXPECTED_INFLUENCE,
    GUARANTEE,
    GUARANTEE_OF_METHOD,
    INFLUENCE,
    LOOK,
    LOOKS,
    METHODS_THAT_ERASE,
    NEEDED_CONTROLS,
    NEEDED_PROCESS,
    POSSIBLE_TWINS,
    POSSIBLE_VERDICTS,
    PROCESS_CHECKS,
    TWINS_OUTCOME,
    VERDICT,
    the_last_if_undecided,
)
from .trajectories import AT_ODDS, NOTHING_AT_ODDS

JUDGEMENT: Final = (
    Agreement(PROPOSED_METHODS, KNOWN_METHODS, "nobody knows what this method guarantees", one_of),
    Agreement(EARLIER_METHODS, METHODS_THAT_ERASE, "something was forgotten earlier by no method that erases", part_of),
    Agreement(GUARANTEE, GUARANTEE_OF_METHOD, "the method has another guarantee"),
    Agreement(PROTOCOL_PROBLEMS, always("no problem", []), "nobody may approve this protocol"),
    Agreement(VERSION, STARTED_VERSIONS, "the worker wrote another version of the result"),
    Agreement(PARTS, POSSIBLE_PARTS, "the evaluation lacks a part that it must have, or has one that it cannot have"),
    Agreement(JUDGED, report("protocol.estimands"), "other quantities were judged than the protocol names", each_judges_all),
    Agreement(SCOPES, EXPECTED_SCOPES, "the method or the shipped model was not judged"),
    Agreement(POSITIONS, POSSIBLE_POSITIONS, "a position is not where its numbers put it", each_is_possible),
    Agreement(CONTROLS, NEEDED_CONTROLS, "these are not the controls of the protocol's design"),
    Agreement(PROCESS_CHECKS, NEEDED_PROCESS, "the process is not that of the method's guarantee"),
    Agreement(TRAINED_AGAIN, FOLLOWS_FROM_TRAINING, "the process says something else than the second training shows"),
    Agreement(GIVEN, REMAINING, "the second training was on other examples than remain"),
    Agreement(TRAINED_WEIGHTS, SHIPPED_WEIGHTS, "the result is another model than the second training gave"),
    Agreement(KEPT_FILES, SHIPPED_FILES, "the method leaves the model as it is, and the result has other files"),
    Agreement(CERTIFIED, CERTIFICATE, "the process does not say what the certificate says"),
    Agreement(DEFINITION, METHOD_DEFINITIONS, "the certificate has the words of no bound of this method", one_of),
    Agreement(PROMISED, PROMISED_BEFORE, "the certificate promises other numbers than the recipe", promised_alike),
    Agreement(ENDED_BY, always("no method", []), "the promise of the certificate ended before"),
    Agreement(
        EPSILON_OF_ONE, EPSILON_OF_TRAINING, "the certificate has another epsilon than the training cost", accounted_alike
    ),
    Agreement(CERTIFIED_RECORDS, EVER_ERASED, "the certificate covers another number of examples"),
    Agreement(INFLUENCE, EXPECTED_INFLUENCE, "whether there is an influence does not follow from what was measured"),
    Agreement(result("evaluation.verdict"), report("verdict"), "the evaluation reached another verdict"),
    Agreement(VERDICT, POSSIBLE_VERDICTS, "the verdict does not follow from the findings", one_of),
    Agreement(TWINS_OUTCOME, POSSIBLE_TWINS, "the comparison with held-out examples says something else than its numbers"),
    Agreement(LOOK, LOOKS, "the verdict was not reached at this look", the_last_if_undecided),
)
"""What the verdict rests on, and what follows from it."""

BESIDE: Final = (
    Agreement(SIGNED_FILES, POSSIBLE_FILES, "the report signs a file that no report has", part_of),
    Agreement(result("evaluation.limits"), report("does_not_show"), "a limit of the evaluation is left out", part_of),
    Agreement(LIMITS, EXPECTED_LIMITS, "the limits are not those that follow from what was asked for and done"),
    Agreement(REPORTED_LIMITS, EXPECTED_LIMITS, "the report says otherwise what the evaluation does not show"),
    Agreement(METRICS, POSSIBLE_METRICS, "metrics are reported that nobody asked for", are_asked_for),
    Agreement(TRAINING_METRICS, always("no training", {}), "an unlearning has metrics of a training"),
    Agreement(SECONDS, BETWEEN, "the work took longer than there was time", took_less),
    Agreement(DUPLICATES, FORGET_IDS, "an example that was not forgotten is repeated, or by one that was", part_of),
    Agreement(TRIED, TO_TRY, "a test tried other labellings than there are"),
    Agreement(FORGET_TEST, FORGET_SET_TEST, "the forget set has two tests"),
    Agreement(ADJUSTED, ADJUSTED_AGAIN, "the p-values of the sets are adjusted otherwise", alike),
    Agreement(NUMBERS_OF_EXAMPLES, NUMBERS_OF_IDS, "the lists of examples have different lengths"),
    Agreement(EXAMPLES, EXAMPLES_AGAIN, "the counts of examples are not those of their p-values", alike),
    Agreement(TESTED, FORGET_IDS, "other examples were tested than were forgotten"),
    Agreement(DRAWN, FORGET_IDS, "other examples were followed than were forgotten", each_once),
    Agreement(AT_ODDS, NOTHING_AT_ODDS, "this does not follow from the margins of the trajectory"),
)
"""What is reported beside it."""
