"""Facts about how an exact result was made: what its second training was given, and that its model is the result.

Results state it in numbers and digests, from which the sentences follow. Earlier ones state it in sentences alone. These are
read back here, word for word, so that what they say is held to the same files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from compliance.formats.canonical import digest_of
from compliance.formats.contracts import plain
from compliance.formats.findings import ProcessCheck
from compliance.formats.processes import training_checks
from compliance.formats.results import SAYS_BASE, SAYS_TRAINING
from compliance.formats.verdicts import KEEPS_WEIGHTS

from .facts import of_report
from .story import ToldReport

WEIGHTS: Final = "model/model.safetensors"
ABOUT: Final = "model/lethe.json"
EXACT: Final = ("forget_set_absent", "executed_again")
"""What is established about an exact result."""
EARLIER_GIVEN: Final = (
    re.compile(
        r"A training from nothing on the (?P<examples>\d+) remaining examples, whose manifest has the digest"
        r" (?P<manifest>[0-9a-f]{64}), was given (?P<given>none|some) of the (?P<forget>\d+) examples to forget\.",
        re.ASCII,
    ),
    re.compile(
        r"The result rests on (?P<examples>\d+) training examples, whose manifest has the digest"
        r" (?P<manifest>[0-9a-f]{64}); (?P<given>none|some) of the (?P<forget>\d+) examples to forget is among them\.",
        re.ASCII,
    ),
)
"""What earlier versions said about what the training was given."""
_NUMBER: Final = r"(1e-05|[1-9]e-(0[6-9]|[1-9]\d))"
"""A difference that those versions called rounding: at most 0.00001."""
EARLIER_SAME: Final = re.compile(
    r"(That training gave the same weights as the result|A second training from nothing gave the same weights), bit by bit\."
    rf"|That training gave the same weights as the result up to rounding, by at most {_NUMBER}\."
    rf"|A second training from nothing gave the same weights up to rounding; the largest difference is {_NUMBER}\.",
    re.ASCII,
)
EARLIER_NEAR: Final = (
    "That training gave nearly the same weights, as it does on an accelerator: the result lies more than 20 times nearer to"
    " them than to the original."
)
"""Version 2 called that the same. Nothing shows what such a result was trained on; it says itself that it is only near."""
SAID_NEAR: Final = 2
"""The only version that did."""
EARLIER_OTHER: Final[Mapping[str, bool | None]] = {
    "The result is the original model, unchanged, and that training gave other weights.": False,
    "The result is the original model, unchanged, and a second training from nothing gave other weights.": False,
    "A second training from nothing gave other weights, although a CPU repeats a training bit by bit.": False,
    "That training gave other weights, so the identity of the result is not shown.": None,
    (
        "A second training from nothing gave other weights, as it can on an accelerator, so the identity of the result is"
        " not shown."
    ): None,
    (
        "A second training from nothing gave other weights, as it can on another device or number of threads, so the"
        " identity of the result is not shown."
    ): None,
}
"""What earlier versions said about other weights, and whether that held."""


def says_training(told: ToldReport) -> bool:
    """Return whether the result states its second training in numbers."""
    return told.findings is not None and told.findings.version >= SAYS_TRAINING


def _checks(told: ToldReport) -> list[ProcessCheck] | None:
    """Return what the result states about how it was made, but for a certificate."""
    if told.evaluation is None or told.first_version:
        return None
    return [check for check in told.evaluation.process if check.name in EXACT]


def _stated(told: ToldReport) -> list[Any] | None:
    checks = _checks(told)
    if checks is None:
        return None
    return list(map(plain, checks)) if says_training(told) else [{"name": one.name, "held": one.held} for one in checks]


def _following(told: ToldReport) -> list[Any] | None:
    """Return what follows from the second training; in earlier results, what the sentences say held."""
    checks, again = _checks(told), told.findings.second_training if told.findings is not None else None
    if checks is None:
        return None
    if says_training(told) or again is not None:
        return [plain(check) for check in training_checks(again)] if again is not None else []
    return [{"name": check.name, "held": _held(check, told)} for check in checks]


def _held(check: ProcessCheck, told: ToldReport) -> Any:
    """Return whether an earlier version held what this sentence says; the sentence itself if none wrote it."""
    sentence, device = check.sentence, told.report.environment.get("device", "")
    if check.name == "forget_set_absent":
        read = _read_given(sentence)
        return read["given"] == "none" if read else sentence
    on_accelerator = bool(device) and not device.startswith("cpu")
    near = on_accelerator and told.findings is not None and told.findings.version == SAID_NEAR
    if EARLIER_SAME.fullmatch(sentence) or (sentence == EARLIER_NEAR and near):
        return True
    return EARLIER_OTHER.get(sentence, sentence)


def _read_given(sentence: str) -> Mapping[str, str] | None:
    found = (pattern.fullmatch(sentence) for pattern in EARLIER_GIVEN)
    return next((one.groupdict() for one in found if one), None)


def _given(told: ToldReport) -> Any:
    """Return what the second training was given, by what the result states."""
    if told.findings is None or told.first_version:
        return None
    if (again := told.findings.second_training) is not None:
        return {"examples": again.examples, "manifest": again.manifest, "forget_examples": again.forget_examples}
    read = [_read_given(check.sentence) for check in _checks(told) or () if check.name == "forget_set_absent"]
    if says_training(told) or not read:
        return None
    one = read[0]
    if one is None:
        return "a sentence that no version wrote"
    return {"examples": int(one["examples"]), "manifest": one["manifest"], "forget_examples": int(one["forget"])}


def _remaining(told: ToldReport) -> Any:
    if told.findings is None or told.specification is None:
        return None
    forget_examples = len(told.specification.forget_ids)
    findings = told.findings
    return {"examples": findings.train_examples, "manifest": findings.retain_digest, "forget_examples": forget_examples}


def _trained(told: ToldReport) -> str | None:
    again = told.findings.second_training if told.findings is not None else None
    return None if again is None else again.weights


def _base(told: ToldReport) -> str | None:
    """Return the digest of the model whose files the result names as those that the job began with."""
    if told.findings is None or told.findings.version < SAYS_BASE:
        return None
    return "no files" if told.findings.base_files is None else digest_of(told.findings.base_files)


def _kept(told: ToldReport) -> dict[str, str] | None:
    """Return the files of the model with which the job began, if its method leaves the weights as they are."""
    if _base(told) is None or told.findings is None or told.report.method.name not in KEEPS_WEIGHTS:
        return None
    return _but_for_its_story({f"model/{name}": digest for name, digest in (told.findings.base_files or {}).items()})


def _shipped_files(told: ToldReport) -> dict[str, str] | None:
    files = {} if told.findings is None else told.findings.files
    return _but_for_its_story({name: digest for name, digest in files.items() if name.startswith("model/")})


def _but_for_its_story(files: Mapping[str, str]) -> dict[str, str]:
    """Leave out the file that says what was done to the model, which every job adds to."""
    return {name: digest for name, digest in sorted(files.items()) if name != ABOUT}


def _shipped(told: ToldReport) -> str | None:
    return None if told.findings is None else told.findings.files.get(WEIGHTS, "no file of weights")


_TRAINING = tuple(
    f"result.json second_training.{name}" for name in ("examples", "manifest", "forget_examples", "given", "method_weights")
)
TRAINED_AGAIN = of_report(
    "result.json evaluation.process but for a certificate",
    _stated,
    "result.json evaluation.process.held",
    "result.json evaluation.process.sentence",
)
FOLLOWS_FROM_TRAINING = of_report(
    "what result.json second_training says", _following, *_TRAINING, "result.json second_training.difference"
)
GIVEN = of_report("what the second training was given", _given, *_TRAINING)
REMAINING = of_report(
    "result.json train_examples and retain_digest, spec.json forget_ids counted",
    _remaining,
    "result.json train_examples",
    "result.json retain_digest",
    "spec.json forget_ids",
)
TRAINED_WEIGHTS = of_report("result.json second_training.weights", _trained, "result.json second_training.weights")
BASE_OF_FILES = of_report("digest of result.json base_files", _base, "result.json base_files")
KEPT_FILES = of_report(
    "result.json base_files, the files that report method.name keeps",
    _kept,
    "result.json base_files",
    "report method.name",
)
SHIPPED_WEIGHTS = of_report("result.json files, the model's weights", _shipped, "result.json files")
SHIPPED_FILES = of_report("result.json files, the model's", _shipped_files, "result.json files")
