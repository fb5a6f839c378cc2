"""Engineers register copies of models and corpora, and retire them; the record says so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, transaction

from compliance.accounts.errors import NotAllowedError
from compliance.formats.copies import COPY_KINDS
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from tests.factories import account, model_version, snapshot
from tests.personas import Staff
from unlearning_jobs.copies import Copies
from unlearning_jobs.models import Copy, CorpusSnapshot, ModelVersion
from unlearning_jobs.services.copies import Origin, copy_register, copy_retire

pytestmark = pytest.mark.usefixtures("artefacts")


def register(of: Origin, name: str = "phone", kind: str = "quantised", **given: object) -> Copy:
    values: dict[str, object] = {"place": "On the phones of the field team.", "by": None} | given
    return copy_register(name=name, kind=kind, of=of, **values)  # type: ignore[arg-type]  # of several types


def told(subject: str) -> list[tuple[str, str, dict[str, object]]]:
    return [(entry.kind, entry.actor, dict(entry.data)) for entry in entries_of(subject=subject) if "copy." in entry.kind]


@pytest.fixture
def model(db: None) -> ModelVersion:  # noqa: ARG001  # it has rows
    return model_version(name="keeper")


def test_what_is_registered_stands_under_its_model_without_its_name_or_place(model: ModelVersion, staff: Staff) -> None:
    copy = register(model, sha256="a" * 64, by=staff.eva)
    below = register(copy, "cached", "cache")
    said = {"of_sha256": model.digest, "discovered": False}
    assert told("model:keeper") == [
        (
            "copy.registered",
            staff.eva.opaque,
            {"copy": copy.pk, "copy_kind": "quantised", "parent": 0, "copy_sha256": "a" * 64, **said},
        ),
        (
            "copy.registered",
            "system",
            {"copy": below.pk, "copy_kind": "cache", "parent": copy.pk, "copy_sha256": "", **said},
        ),
    ]
    assert not any(b"phone" in bytes(entry.body) for entry in RecordEntry.objects.all())


def test_a_copy_of_a_corpus_stands_under_the_corpus(model: ModelVersion) -> None:
    tape = register(model.snapshot, "tape", "backup")
    [(kind, _actor, data)] = told(f"corpus:{model.snapshot.corpus.name}")
    assert (kind, data["copy"], data["of_sha256"]) == ("copy.registered", tape.pk, model.snapshot.digest)


def test_one_that_is_gone_is_retired_once_and_what_was_made_from_it_stays(model: ModelVersion, staff: Staff) -> None:
    phone = register(model)
    cached = register(phone, "cached", "cache")
    copy_retire(copy=phone, by=staff.eva)
    assert told("model:keeper")[-1] == ("copy.retired", staff.eva.opaque, {"copy": phone.pk})
    with pytest.raises(StaleStateError, match="retired already"):
        copy_retire(copy=phone, by=staff.eva)
    cached.refresh_from_db()
    assert cached.retired_at is None


def test_nobody_but_engineers_registers_or_retires(model: ModelVersion, staff: Staff) -> None:
    phone = register(model)
    for other in (staff.omar, staff.iris, staff.max, account("officer")):
        with pytest.raises(NotAllowedError):
            register(model, "another", by=other)
        with pytest.raises(NotAllowedError):
            copy_retire(copy=phone, by=other)


def test_a_name_belongs_to_one_copy_for_good(model: ModelVersion) -> None:
    copy_retire(copy=register(model), by=None)
    with pytest.raises(StaleStateError, match="another copy “phone”"):
        register(model)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"name": ""},
        {"kind": "photo"},
        {"place": "  "},
        {"sha256": "a"},
        {"name": "n" * 61},
        {"place": "p" * 501},
    ],
)
def test_what_says_nothing_is_refused(model: ModelVersion, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        register(model, **wrong)
    assert not Copy.objects.exists()
    assert not told("model:keeper")


def test_copies_are_a_tree_of_what_they_descend_from(model: ModelVersion) -> None:
    merged = register(model, "merged", "merge")
    small = register(merged, "small")
    register(model, "adapter", "adapter")
    register(small, "phone", "deployment")
    register(model.snapshot, "tape", "backup")
    copies = Copies()
    drawn = [(branch.depth, branch.copy.name) for branch in copies.tree(model)]
    assert drawn == [(0, "merged"), (1, "small"), (2, "phone"), (0, "adapter")]
    assert [branch.copy.name for branch in copies.tree(model.snapshot)] == ["tape"]
    descending = copies.descending(versions=[model], snapshots=[])
    assert {copy.name for copy in descending} == {"merged", "small", "phone", "adapter"}


@pytest.mark.usefixtures("committed_database")
def test_of_two_who_register_the_same_at_once_one_does() -> None:
    model, start = model_version(name="keeper"), threading.Barrier(2)

    def press() -> bool:
        try:
            start.wait(20)
            register(model)
        except StaleStateError:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        done = [future.result() for future in [pool.submit(press) for _ in range(2)]]
    assert sorted(done) == [False, True]
    assert len(told("model:keeper")) == 1


def test_the_database_keeps_what_was_registered_as_it_was(model: ModelVersion) -> None:
    phone = register(model)
    for change in ({"name": "other"}, {"place": "Nowhere."}, {"sha256": "b" * 64}, {"kind": "cache"}):
        with pytest.raises(DatabaseError, match="copy_is_fixed"), transaction.atomic():
            Copy.objects.filter(pk=phone.pk).update(**change)
    with pytest.raises(DatabaseError, match="copy_is_kept"), transaction.atomic():
        Copy.objects.all().delete()
    copy_retire(copy=phone, by=None)
    with pytest.raises(DatabaseError, match="copy_is_fixed"), transaction.atomic():
        Copy.objects.update(retired_at=None)


@pytest.mark.parametrize("origins", [(), ("version", "snapshot"), ("version", "parent")])
def test_the_database_knows_no_copy_of_nothing_or_of_two_things(model: ModelVersion, origins: tuple[str, ...]) -> None:
    of: dict[str, Origin] = {"version": model, "snapshot": a_snapshot(model), "parent": register(model)}
    with pytest.raises(DatabaseError, match="copy_of_one_thing"), transaction.atomic():
        Copy.objects.create(name="other", kind="cache", place="Here.", **{name: of[name] for name in origins})


def a_snapshot(model: ModelVersion) -> CorpusSnapshot:
    return snapshot(corpus=model.snapshot.corpus)


def test_forms_and_record_use_the_same_words() -> None:
    assert set(Copy.Kind.values) == COPY_KINDS
