"""What was registered: every entry of a bundle has its form, its maker and its place before what was made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.checks.forms import MADE_BY
from compliance.evidence.checks.registrations import ADDED, MADE_ELSEWHERE_BY, NAMED, SUBJECTS
from compliance.evidence.record import EntryBody
from compliance.evidence.registered import models_of_items, registered_model
from compliance.evidence.verification import Verification, verify_bundle
from compliance.formats.assurances import ASSURANCES
from compliance.formats.record_kinds import FIELDS, RecordKind
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.sample import honest
from tests.compliance.evidence.stories import assert_fails
from unlearning_jobs.models import ModelVersion

STEP = "registered in the record"
MADE = ("assurance", "checkpoint_sha256", "commitment_sha256")
LEDGER = ("left_out", "ledger_sha256")
Lie = Callable[[Retold], object]


def verified(real: Real, folder: Path, lie: Lie) -> Verification:
    def apply(retold: Retold) -> None:
        lie(retold)

    return verify_bundle(real.retold(folder).write({"entries": apply}), (real.bundle / "trust.json").read_bytes())


def without(kind: str, *fields: str) -> Lie:
    return lambda retold: [retold.first(kind)["data"].pop(field) for field in fields]


def says(kind: str, **values: Any) -> Lie:
    return lambda retold: retold.first(kind)["data"].update(values)


def told(kind: str, **values: Any) -> Lie:
    return lambda retold: retold.first(kind).update(values)


def swapped(retold: Retold) -> None:
    """The model was in the log before its corpus, at the same time."""
    model = retold.first("model.registered")
    retold.entries.remove(model)
    retold.entries.insert(0, model | {"at": retold.first("corpus.registered")["at"]})


def earlier(retold: Retold) -> None:
    """The model says that it is older than its corpus."""
    retold.first("model.registered")["at"] = "2000-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("field", FIELDS[RecordKind.MODEL_REGISTERED])
@pytest.mark.django_db
def test_no_field_of_a_models_registration_can_be_left_out(real: Real, tmp_path: Path, field: str) -> None:
    if field == "model_sha256":
        return  # such an entry cannot be read at all
    assert_fails(verified(real, tmp_path, without("model.registered", field)), STEP, "and must state")


LIES: Mapping[str, tuple[Lie, str]] = {
    "all but the digest": (without("model.registered", "snapshot_sha256", "job", "version", *MADE, *LEDGER), "must state"),
    "what the ledger was, and not what made it": (without("model.registered", *LEDGER), "must state"),
    "no counts": (without("corpus.registered", "counts"), "must state counts, manifest_root, snapshot_sha256"),
    "one more field": (says("corpus.registered", x=1), "must state counts"),
    "the version before the first": (says("model.registered", version=-1), "nothing says what its version '-1' means"),
    "no version": (says("model.registered", version=0), "nothing says what its version"),
    "a version in words": (says("model.registered", version="1"), "nothing says what its version"),
    "less than nothing left out": (says("model.registered", left_out=-1), "nothing says what its left_out"),
    "an assurance that there is not": (says("model.registered", assurance="verified"), "nothing says what its assurance"),
    "counts that are none": (says("corpus.registered", counts={"train": -1}), "nothing says what its counts"),
    "a corpus to learn nothing from": (says("corpus.registered", counts={"held_out": 8}), "nothing says what its counts"),
    "a ledger without a digest": (says("model.registered", ledger_sha256=""), "nothing says what its ledger_sha256"),
    "a model by an officer": (told("model.registered", actor="account:1"), "it was made by account:1"),
    "a corpus by the claimant": (told("corpus.registered", actor="claimant"), "it was made by claimant"),
    "keys by an officer": (told("keys.published", actor="account:1"), "it was made by account:1"),
    "a corpus that is a model": (told("corpus.registered", subject="model:harbour"), "such an entry is about a corpus"),
    "a model that is a corpus": (told("model.registered", subject="corpus:keeper"), "such an entry is about a model"),
    "a model without a name": (told("model.registered", subject="model"), "such an entry is about a model"),
    "keys of somebody": (told("keys.published", subject="keys:other"), "such an entry is about keys:published"),
    "a model in the log before its corpus": (swapped, "corpus:harbour was registered after model:keeper"),
    "a model older than its corpus": (earlier, "corpus:harbour was registered after model:keeper"),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.django_db
def test_a_registration_that_cannot_be_so_fails(real: Real, tmp_path: Path, name: str) -> None:
    lie, reason = LIES[name]
    assert_fails(verified(real, tmp_path, lie), STEP, reason)


@pytest.mark.django_db
def test_the_same_model_under_another_name_is_another_one(real: Real, tmp_path: Path) -> None:
    result = verified(real, tmp_path, told("model.registered", subject="model:twin"))
    assert_fails(result, "Every fact that stands twice", "the run started from another model than the one that its item")


@pytest.mark.django_db
def test_what_an_earlier_version_registered_is_from_random_weights_and_was_trained_here(real: Real, tmp_path: Path) -> None:
    for number, fields in enumerate((MADE, MADE + LEDGER)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert verified(real, folder, without("model.registered", *fields)).passed


@pytest.mark.django_db
def test_once_this_version_has_begun_a_job_no_registration_is_an_earlier_versions(real: Real, tmp_path: Path) -> None:
    def late(retold: Retold) -> None:
        without("model.registered", *MADE)(retold)
        model = retold.first("model.registered")
        retold.entries.remove(model)
        started = retold.entries.index(retold.first("job.started"))
        retold.entries.insert(started + 1, model | {"at": retold.entries[started]["at"]})

    assert_fails(verified(real, tmp_path, late), STEP, "and must state assurance, checkpoint_sha256")


def test_the_registration_of_a_twin_that_no_item_is_about_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    twin = sample.log.append("model:twin", "model.registered", **sample.others[-1].data)
    sample.others.append(twin)
    assert_fails(verify_bundle(sample.write()), STEP, "must contain one model.registered entry")
    sample.others.remove(sample.others[-2])
    assert_fails(verify_bundle(sample.write("other")), "Every fact that stands twice", "started from another model")


def test_of_models_with_one_digest_the_one_that_the_item_names_counts() -> None:
    def entry(subject: str, kind: str, number: int = 1, **data: Any) -> EntryBody:
        return EntryBody.of(subject=subject, number=number, kind=kind, at=START, actor="system", data=data)

    one, two, other = (
        entry(f"model:{name}", "model.registered", model_sha256=digest * 64)
        for name, digest in (("one", "1"), ("two", "1"), ("two", "2"))
    )
    item = entry("request:LE-1", "item.created", item="item-2", model="two")
    assert registered_model([one, two, other], "1" * 64, models_of_items([item])["item-2"]) is two
    assert registered_model([one, two, other], "1" * 64, "three") is one
    assert registered_model([one, two, other], "1" * 64) is one, "an older history does not name it"
    assert registered_model([one, two, other], "3" * 64, "one") is None


def test_it_is_known_of_every_kind_who_makes_it() -> None:
    assert MADE_BY.keys() | MADE_ELSEWHERE_BY.keys() == set(RecordKind)
    assert not MADE_BY.keys() & MADE_ELSEWHERE_BY.keys()
    assert NAMED.keys() | SUBJECTS.keys() <= MADE_ELSEWHERE_BY.keys()


def test_what_was_added_are_fields_and_words_that_there_are() -> None:
    for _version, kinds in ADDED:
        assert all(set(fields) < set(FIELDS[RecordKind(kind)]) for kind, fields in kinds.items())
    assert set(ModelVersion.Assurance.values) == set(ASSURANCES)
