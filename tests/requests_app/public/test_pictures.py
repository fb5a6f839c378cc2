"""A picture handed in with the public form: bounded, reduced, kept encrypted, and replaced or removed by its owner."""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from io import BytesIO
from types import ModuleType
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from requests_app import pictures
from requests_app.models import ErasureRequest, UnsentAnswers
from requests_app.pictures import LONGEST_SIDE, MOST_BYTES
from requests_app.public.uploads import MOST_SENT
from tests.pictures import drawn, encoded, of_many_scans
from tests.web.pages import Page, Site
from unlearning_jobs.engine.matching import image_process

from .walk import COPYRIGHT, send, walk

pytestmark = pytest.mark.django_db
BEFORE = {step: COPYRIGHT[step] for step in ("kind", "role", "rightsholder")}
NO_TEXT = {"work_title": "The Lantern", "work_text": ""}


@pytest.fixture
def site() -> Site:
    return Site()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("portrait of Ada.png", content, "image/png")


def hand_in(site: Site, content: bytes, status: int = 200, **values: Any) -> Page:
    return site.submit(walk(site, BEFORE), NO_TEXT | {"picture": upload(content)} | values, status=status)


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be this large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_a_picture_alone_is_a_work_and_a_small_copy_without_metadata_is_kept(site: Site) -> None:
    large, exif = drawn(3).resize((900, 700)), Image.Exif()
    exif[0x010E] = "taken in Ada's garden"
    file = BytesIO()
    large.save(file, "JPEG", exif=exif)
    send(site, COPYRIGHT | {"work": NO_TEXT | {"picture": upload(file.getvalue())}})
    kept = base64.b64decode(ErasureRequest.objects.get().work_picture)
    with Image.open(BytesIO(kept)) as picture:
        assert (picture.format, max(picture.size)) == ("PNG", LONGEST_SIDE)
    assert b"garden" not in kept


def test_a_work_without_text_and_picture_is_refused(site: Site) -> None:
    page = site.submit(walk(site, BEFORE), NO_TEXT, status=422)
    assert page.field_error("work_text").endswith("or hand in a picture")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg onload=alert(1)>", "Choose a picture as PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "Choose a picture as PNG, JPEG or WebP"),
        (b"", "The file is empty"),
        (encoded(drawn(3)) + b"\0" * MOST_BYTES, "Choose a smaller copy"),
        (claiming(100_000, 100_000), "Choose a smaller copy"),
        (claiming(5_001, 5_000), "Choose a smaller copy of the picture: at most 5 MiB and 25 million pixels."),
        (of_many_scans(2_000), "Reading this picture takes more time or memory than we allow."),
    ],
    ids=["no picture", "damaged", "empty", "many bytes", "many pixels", "slightly many pixels", "many scans"],
)
def test_what_is_no_picture_of_a_sensible_size_is_refused_at_its_field(site: Site, content: bytes, message: str) -> None:
    assert hand_in(site, content, status=422).field_error("picture").startswith(message)


@pytest.mark.parametrize(("module", "limit"), [(image_process, "MEMORY"), (pictures, "LONGEST_RUN")])
def test_a_picture_that_costs_more_than_its_process_may_use_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, module: ModuleType, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 0)
    page = hand_in(site, encoded(drawn(3).resize((2_000, 2_000))), status=422)
    assert page.field_error("picture").startswith("Reading this picture takes more time or memory")
    monkeypatch.undo()
    refused = site.submit(page, {"work_title": "Without one"}, status=422)
    assert refused.field_error("work_text").endswith("or hand in a picture"), "nothing was kept"


def test_a_limit_is_put_into_german_too(site: Site) -> None:
    site.client.cookies["django_language"] = "de"
    page = hand_in(site, of_many_scans(2_000), status=422)
    assert "Dieses Bild zu lesen braucht mehr Zeit oder Speicher, als wir zulassen." in page.field_error("picture")


def test_who_waits_too_long_for_the_pictures_of_others_is_told_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LONGEST_WAIT", 0)
    with pictures._decoding:
        page = hand_in(site, encoded(drawn(3)), status=503, work_title="The Lantern")
    assert page.field_error("picture").startswith("We are reading another picture just now.")
    assert site.submit(page, {"picture": upload(encoded(drawn(3)))}).path == "/request/seen/"


def test_the_process_that_decodes_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_KEYS", "secret")
    program = "import os, sys; sys.stdout.write(' '.join(os.environ))"
    monkeypatch.setattr(pictures, "COMMAND", (sys.executable, "-c", program))
    seen = base64.b64decode(pictures.picture_kept(b"")).decode().split()
    assert "PATH" in seen
    assert not {"DATA_KEYS", "SECRET_KEY", "DATABASE_URL", "LEDGER_KEYS", "INDEX_KEY"} & set(seen)


def test_a_huge_upload_is_refused_unread(site: Site) -> None:
    page = walk(site, BEFORE)
    response = site.client.post(
        page.path, b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=MOST_SENT + 1
    )
    assert response.status_code == 413
    assert "at most 5 MiB" in response.content.decode()


def test_an_upload_without_the_token_of_the_form_is_refused(site: Site) -> None:
    page = walk(site, BEFORE)
    assert site.client.post(page.path, NO_TEXT | {"picture": upload(encoded(drawn(3)))}).status_code == 403


def test_a_picture_stays_when_the_page_is_sent_again_and_is_replaced_or_removed_on_request(site: Site) -> None:
    hand_in(site, encoded(drawn(3)))
    again = site.submit(site.get("/request/work/"), {"work_title": "Another title"})
    assert again.path == "/request/seen/"
    site.submit(again, {})
    page = site.get("/request/work/")
    assert page.one("input", name="remove_picture") is not None
    refused = site.submit(page, {"remove_picture": "on"}, status=422)
    assert refused.field_error("work_text").endswith("or hand in a picture")
    site.submit(page, {"remove_picture": "on", "work_text": COPYRIGHT["work"]["work_text"]})
    assert not site.get("/request/work/").all("input", name="remove_picture")


def test_the_draft_holds_the_picture_encrypted_and_the_check_page_says_that_it_is_there(site: Site) -> None:
    page = walk(site, COPYRIGHT | {"work": NO_TEXT | {"picture": upload(encoded(drawn(3)))}})
    assert "A small copy is handed in" in page.words
    assert b"iVBOR" not in bytes(UnsentAnswers.objects.get().sealed)
    assert "portrait" not in page.html
