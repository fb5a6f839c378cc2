"""The public verification of a bundle through its page."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.evidence import dsse
from compliance.evidence.keys import key_id
from compliance.formats.canonical import sha256_hex
from compliance.record import verify_views
from compliance.record.keys import signing_keys
from compliance.record.models import TrustManifest
from tests.compliance.conftest import bundle_of
from tests.compliance.evidence.sample import SampleRequest, honest
from tests.staging import Stage
from tests.web.pages import Page, Site, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing", "artefacts")]


@pytest.fixture
def anybody() -> Site:
    return Site()


@pytest.fixture
def forged(tmp_path: Path) -> SampleRequest:
    """An honest-looking request, signed with keys that somebody made up."""
    return honest(tmp_path / "forged")


def digest() -> str:
    return TrustManifest.objects.get().sha256


def zipped(bundle: Path, folder: Path) -> bytes:
    return Path(shutil.make_archive(str(folder / "zipped"), "zip", bundle)).read_bytes()


def verified(site: Site, content: bytes, status: int = 200, **fields: SimpleUploadedFile) -> Page:
    page = site.get("/record/verify/")
    return site.submit(page, {"bundle": SimpleUploadedFile("b.zip", content), "trust": None, **fields}, status=status)


def test_anybody_verifies_a_bundle_and_sees_every_step(stage: Stage, iris: Site, anybody: Site) -> None:
    page = verified(anybody, bundle_of(stage, iris))
    assert [text_of(cell) for cell in page.all("td", class_="numeric")][:15] == [str(n) for n in range(1, 16)]
    assert "What a pass does not prove" in page.words
    assert f"those that this installation has published in the trust file with this SHA-256 digest: {digest()}" in page.words
    assert "That these keys are the operator’s" in page.words
    statement = [text_of(cell) for cell in page.all("tr")[-1]]
    assert statement[:5] == ["Report", "item-1", "1", "npo", "passed"]


def test_with_the_operators_trust_file_it_is_known_whose_keys_they_are(stage: Stage, iris: Site, anybody: Site) -> None:
    trust = SimpleUploadedFile("trust.json", bytes(TrustManifest.objects.get().body))
    page = verified(anybody, bundle_of(stage, iris), trust=trust)
    assert "Every step passed" in page.words
    assert f"those in the trust file that you uploaded, which has this SHA-256 digest: {digest()}" in page.words
    assert "That these keys are the operator’s" not in page.words


def test_a_bundle_of_a_forgers_keys_fails_unless_his_trust_file_is_uploaded(
    forged: SampleRequest, anybody: Site, tmp_path: Path
) -> None:
    signing_keys()
    content = zipped(forged.write(), tmp_path)
    page = verified(anybody, content)
    assert "signed with keys that are not this installation’s" in page.words
    assert "step 3 failed" in page.words
    assert "Who signed what" not in page.words
    page = verified(anybody, content, trust=SimpleUploadedFile("trust.json", forged.trust))
    assert "Every step passed" in page.words
    assert "those in the trust file that you uploaded" in page.words


def test_the_uploaded_trust_file_counts_and_not_the_published_one(
    stage: Stage, iris: Site, anybody: Site, forged: SampleRequest
) -> None:
    page = verified(anybody, bundle_of(stage, iris), trust=SimpleUploadedFile("trust.json", forged.trust))
    assert "signed with keys that are not in the trust file that you uploaded" in page.words


def test_the_keys_that_signed_are_shown_and_not_those_that_an_envelope_names(
    anybody: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signed_by_others(payload: bytes, key: Ed25519PrivateKey) -> dsse.Envelope:
        envelope = dsse.sign(payload, key)
        named = dsse.Signature("independent-auditor", envelope.signatures[0].sig)
        return replace(envelope, signatures=(named, dsse.Signature("authority", b64encode(b"x" * 64).decode())))

    signing_keys()
    monkeypatch.setattr("tests.compliance.evidence.sample.dsse", SimpleNamespace(sign=signed_by_others))
    sample = honest(tmp_path / "named")
    page = verified(anybody, zipped(sample.write(), tmp_path), trust=SimpleUploadedFile("trust.json", sample.trust))
    assert "Who signed what" in page.words
    assert key_id(sample.signer.public_key()) in page.words
    assert "independent-auditor" not in page.words
    assert "authority" not in [text_of(code) for code in page.all("code")]


def test_before_any_keys_are_published_a_trust_file_is_needed(forged: SampleRequest, anybody: Site, tmp_path: Path) -> None:
    content = zipped(forged.write(), tmp_path)
    page = verified(anybody, content, status=422)
    assert page.field_error("trust").startswith("This installation has not published its keys yet.")
    page = verified(anybody, content, trust=SimpleUploadedFile("trust.json", forged.trust))
    assert "Every step passed" in page.words


def test_anybody_can_fetch_the_published_trust_file_with_its_digest(anybody: Site) -> None:
    assert anybody.client.get("/record/trust.json").status_code == 404
    signing_keys()
    response = anybody.client.get("/record/trust.json")
    assert response.status_code == 200
    assert sha256_hex(response.content) == digest()
    assert response["Repr-Digest"] == f"sha-256=:{b64encode(bytes.fromhex(digest())).decode()}:"
    assert response["ETag"] == f'"{digest()}"'
    page = anybody.get("/record/verify/")
    assert digest() in page.words
    assert page.link("Download the trust file") == "/record/trust.json"


def test_a_changed_byte_fails_a_named_step(stage: Stage, iris: Site, anybody: Site) -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle_of(stage, iris))) as archive, zipfile.ZipFile(changed, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith("/result.json"):
                content = content[:-1] + bytes([content[-1] ^ 1])
            copy.writestr(name, content)
    page = verified(anybody, changed.getvalue())
    assert "This bundle does not verify: step 10 failed" in page.words
    assert "Who signed what" not in page.words


def test_a_zip_file_of_something_else_fails_at_the_first_step(anybody: Site) -> None:
    signing_keys()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    page = verified(anybody, file.getvalue())
    assert "step 1 failed" in page.words
    assert "not checked" in page.words


def test_no_file_and_no_zip_file_are_errors_beside_the_field(anybody: Site) -> None:
    page = anybody.submit(anybody.get("/record/verify/"), {"bundle": None, "trust": None}, status=422)
    assert page.field_error("bundle") == "Choose the zip file of a bundle."
    signing_keys()
    page = verified(anybody, b"these are no zip bytes", status=422)
    assert page.field_error("bundle").startswith("This is not a readable zip file")


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(anybody: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_views, "MAX_UPLOAD", 1000)
    monkeypatch.setattr(verify_views, "MAX_TRUST", 0)
    page = verified(anybody, b"0" * 5000, status=413)
    assert "Verify the bundle offline" in page.words


def test_a_form_from_elsewhere_is_refused(anybody: Site) -> None:
    response = anybody.client.post("/record/verify/", {"bundle": SimpleUploadedFile("b.zip", b"x")})
    assert response.status_code == 403


def test_verification_leaves_nothing_behind(
    stage: Stage, iris: Site, anybody: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bundle_of(stage, iris)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert "Every step passed" in verified(anybody, content).words
    assert not list((tmp_path / "temporary").iterdir())
