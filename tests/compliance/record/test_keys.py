"""Private keys: created once, never silently replaced, and rotated on purpose."""

from __future__ import annotations

import io
import zipfile
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from compliance.evidence.errors import KeyFileError
from compliance.evidence.keys import create_key, key_id, load_key
from compliance.evidence.record import EntryBody
from compliance.evidence.trust import Role, TrustedKey, TrustFile
from compliance.evidence.verification import Verification, verify_bundle
from compliance.formats.canonical import sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.record import keys as record_keys
from compliance.record.keys import KEYS_SUBJECT, key_rotate, signing_keys
from compliance.record.models import SignedCheckpoint, TrustManifest
from compliance.record.selectors import alarm_standing, entries_of
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from tests.compliance.conftest import bundle_of
from tests.staging import Stage
from tests.web.pages import Site

pytestmark = pytest.mark.django_db
roles = pytest.mark.parametrize("role", ["log", "attestation"])


def newest_trust() -> bytes:
    return bytes(TrustManifest.objects.latest("id").body)


def published(role: Role) -> tuple[TrustedKey, ...]:
    return TrustFile.from_bytes(newest_trust()).with_role(role)


def rotations() -> list[EntryBody]:
    return entries_of(subject=KEYS_SUBJECT, kinds=(RecordKind.KEYS_ROTATED,))


def verified(content: bytes, folder: Path) -> Verification:
    """Verify a downloaded bundle with the newest trust file."""
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return verify_bundle(next(folder.iterdir()), newest_trust())


def exported_again(stage: Stage, site: Site) -> bytes:
    response = site.client.get(f"/record/bundles/{stage.request.reference}/bundle.zip")
    assert response.status_code == 200
    return b"".join(response)


def test_the_first_use_creates_and_publishes_both_keys(signing: Path) -> None:
    keys = signing_keys()
    assert [key.key_id for key in published("log")] == [key_id(keys.log.public_key())]
    assert [key.key_id for key in published("attestation")] == [key_id(keys.attestation.public_key())]
    assert sorted(path.name for path in signing.iterdir()) == ["attestation.pem", "log.pem"]
    signing_keys()
    assert TrustManifest.objects.count() == 1


def test_keys_that_were_never_published_are_used_and_not_replaced(signing: Path) -> None:
    signing.mkdir()
    log = create_key(signing / "log.pem")
    assert key_id(signing_keys().log.public_key()) == key_id(log.public_key())


@roles
def test_a_key_that_vanished_is_not_replaced(signing: Path, role: Role) -> None:
    signing_keys()
    (signing / f"{role}.pem").unlink()
    with pytest.raises(KeyFileError, match=rf"{role}\.pem is missing.*Restore.*keys_rotate --role {role}"):
        signing_keys()
    with pytest.raises(KeyFileError, match="is missing"):
        checkpoint_sign()
    assert not (signing / f"{role}.pem").exists()
    assert (TrustManifest.objects.count(), SignedCheckpoint.objects.count()) == (1, 0)


def test_an_empty_folder_is_not_filled_again(signing: Path, tmp_path: Path) -> None:
    signing_keys()
    signing.rename(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="is missing"):
        signing_keys()
    assert not signing.exists()
    (tmp_path / "elsewhere").rename(signing)
    signing_keys()


@roles
def test_a_key_that_was_never_published_signs_nothing(signing: Path, role: Role) -> None:
    signing_keys()
    (signing / f"{role}.pem").unlink()
    create_key(signing / f"{role}.pem")
    with pytest.raises(KeyFileError, match=f"never published as the {role} key"):
        signing_keys()
    assert TrustManifest.objects.count() == 1


def test_the_key_of_one_role_does_not_serve_the_other(signing: Path) -> None:
    signing_keys()
    (signing / "attestation.pem").replace(signing / "log.pem")
    with pytest.raises(KeyFileError, match="never published as the log key"):
        signing_keys()


def test_a_process_without_keys_cannot_rotate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNING_KEYS_DIR", raising=False)
    with pytest.raises(ImproperlyConfigured, match="Only the signing process signs"):
        key_rotate(role="log", revoke=False)
    with pytest.raises(CommandError, match="Only the signing process signs"):
        call_command("keys_rotate", role="log")


def test_before_the_first_publication_nothing_is_rotated(signing: Path) -> None:
    with pytest.raises(CommandError, match="nothing to rotate"):
        call_command("keys_rotate", role="log")
    assert not signing.exists()


@roles
@pytest.mark.parametrize("revoke", [False, True])
def test_rotation_ends_the_old_key_and_is_recorded(signing: Path, role: Role, *, revoke: bool) -> None:
    old = getattr(signing_keys(), role)
    printed = StringIO()
    call_command("keys_rotate", role=role, revoke=revoke, stdout=printed)

    new = getattr(signing_keys(), role)
    before, after = published(role)
    assert (before.key_id, after.key_id) == (key_id(old.public_key()), key_id(new.public_key()))
    assert (after.ended_at, before.valid_until is None, before.revoked_at is None) == (None, revoke, not revoke)
    (entry,) = rotations()
    assert entry.data == {
        "role": role,
        "key_id": after.key_id,
        "ended": [before.key_id],
        "revoked": revoke,
        "file_missing": False,
    }
    digests = [e.data["trust_sha256"] for e in entries_of(subject=KEYS_SUBJECT, kinds=(RecordKind.KEYS_PUBLISHED,))]
    assert digests[-1] == sha256_hex(newest_trust())
    # The old key is put aside, not overwritten; the other role's key is as it was.
    (aside,) = signing.glob(f"{role}.replaced-*.pem")
    assert key_id(load_key(aside).public_key()) == before.key_id
    assert str(aside) in printed.getvalue()
    assert len(published("attestation" if role == "log" else "log")) == 1
    # The new checkpoint covers what was recorded.
    assert SignedCheckpoint.objects.latest("size").size == 3


def test_rotation_after_a_crash_before_the_head_was_remembered_raises_no_alarm(signing: Path) -> None:
    checkpoint_sign()
    remembered = (signing / "last-checkpoint").read_bytes()
    record_append(subject="account:77", kind=RecordKind.ACCOUNT_CREATED, actor="system", data={"role": "officer"})
    checkpoint_sign()
    (signing / "last-checkpoint").write_bytes(remembered)
    call_command("keys_rotate", role="log", stdout=StringIO())
    assert not alarm_standing()
    assert checkpoint_sign() is None


@roles
def test_a_key_is_replaced_while_an_alarm_stands_and_the_alarm_stays(signing: Path, role: Role) -> None:
    checkpoint_sign()
    (signing / "last-checkpoint").write_bytes(b"")
    with pytest.raises(CommandError, match=r"The key was replaced, but no checkpoint could be signed\. .*damaged"):
        call_command("keys_rotate", role=role, stdout=StringIO())
    assert len(published(role)) == 2
    assert alarm_standing()


@roles
def test_rotation_is_the_way_out_when_a_key_vanished(signing: Path, role: Role) -> None:
    signing_keys()
    (signing / f"{role}.pem").unlink()
    call_command("keys_rotate", role=role, stdout=StringIO())
    signing_keys()
    before, after = published(role)
    assert (before.ended_at is None, after.ended_at) == (False, None)
    assert rotations()[0].data["file_missing"] is True


def test_when_both_keys_vanished_each_is_rotated(signing: Path) -> None:
    signing_keys()
    for path in signing.iterdir():
        path.unlink()
    with pytest.raises(CommandError, match=r"was replaced, but no checkpoint.*keys_rotate --role attestation"):
        call_command("keys_rotate", role="log", stdout=StringIO())
    call_command("keys_rotate", role="attestation", stdout=StringIO())
    assert SignedCheckpoint.objects.exists()


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("moved", [0, 1])
def test_an_interrupted_rotation_signs_nothing_and_is_finished(monkeypatch: pytest.MonkeyPatch, moved: int) -> None:
    """The files are moved after the commit: the process may end before the first or the second of the two moves."""
    signing_keys()
    moves: list[Path] = []
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if len(moves) == moved:
            raise KeyboardInterrupt
        moves.append(path)
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            key_rotate(role="log", revoke=False)
    with pytest.raises(KeyFileError, match=r"(ended at|is missing).*keys_rotate --role log"):
        signing_keys()

    printed = StringIO()
    call_command("keys_rotate", role="log", stdout=printed)
    assert "Finished an interrupted rotation" in printed.getvalue()
    assert key_id(signing_keys().log.public_key()) == published("log")[-1].key_id
    assert (len(published("log")), len(rotations())) == (2, 1)


def test_a_rotation_that_the_database_does_not_take_leaves_the_old_key_in_force(
    signing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = key_id(signing_keys().log.public_key())
    with monkeypatch.context() as patch:
        patch.setattr(record_keys, "record_append", _broken)
        with pytest.raises(RuntimeError):
            key_rotate(role="log", revoke=False)
    assert key_id(signing_keys().log.public_key()) == log
    key_rotate(role="log", revoke=False)
    assert not (signing / "log.new.pem").exists()


def _broken(**_arguments: object) -> None:
    raise RuntimeError


@roles
def test_evidence_from_before_a_rotation_still_verifies(stage: Stage, iris: Site, tmp_path: Path, role: Role) -> None:
    before = bundle_of(stage, iris)
    call_command("keys_rotate", role=role, stdout=StringIO())
    assert verified(before, tmp_path / "before").passed
    assert verified(exported_again(stage, iris), tmp_path / "after").passed


def test_a_bundle_under_a_revoked_log_key_fails_and_verifies_once_it_is_exported_again(
    stage: Stage, iris: Site, tmp_path: Path
) -> None:
    before = bundle_of(stage, iris)
    call_command("keys_rotate", role="log", revoke=True, stdout=StringIO())
    result = verified(before, tmp_path / "before")
    assert "step 6 failed" in result.summary
    assert verified(exported_again(stage, iris), tmp_path / "after").passed


def test_what_an_attestation_key_signed_before_it_was_revoked_still_counts(stage: Stage, iris: Site, tmp_path: Path) -> None:
    call_command("keys_rotate", role="attestation", revoke=True, stdout=StringIO())
    assert verified(bundle_of(stage, iris), tmp_path / "after").passed
