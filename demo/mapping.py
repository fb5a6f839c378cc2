"""Two requests that are found where no word of them stands: a work in other words, and a scaled copy of a picture.

Both are searched for, and then wait for their review.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import BytesIO

from PIL import Image
from webtest import Upload

from compliance.local.stack import LocalStack
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching.encoder_folder import installed_encoder

from .casework import searched_request
from .corpus import DemoCorpus, Work
from .handwriting import DIGITS_EACH, Writer
from .http import Browser, PageError
from .shown import Mapped
from .walk import confirm_address, submit_revocation

RETELLER, PAINTER = "retold@example.org", "pictures@example.org"
RETOLD = (
    "The stream that belongs to me will not take what your oven has put on its scales. A bent pane of glass lives longest,"
    " out at the rim of the metal. There is an instrument for finding north, made of willow wood and of paper, and it does"
    " nothing at all. Whoever throws the teapot about walks after the fiddle."
)
"""The second stanza of the second work, told by somebody who remembers none of its words."""
ENLARGED = 96
"""Pixels a side."""


def map_retold(stack: LocalStack, officer: Browser, corpus: DemoCorpus) -> Mapped:
    """Search for a work by its meaning, and return what was found; nothing if the encoder is not installed.

    Raises:
        PageError: the work is not among the candidates.
    """
    if installed_encoder() is None:
        sentence = "by meaning: SKIPPED, because the optional encoder is not installed (requirements-meaning.txt)"
        return Mapped("meaning", sentence, found=False)
    work = corpus.works[1]
    asked = Work(title="A poem about a river", author=work.author, text=RETOLD, held_out=False, rows=())
    reference = _send(stack, asked, RETELLER)
    place = list(corpus.rows()).index(work.rows[1])
    return Mapped("meaning", f"by meaning, {reference}: {_found(officer, reference, example_id(place), 'meaning')}")


def map_picture(stack: LocalStack, officer: Browser, writers: Sequence[Writer]) -> Mapped:
    """Search for an enlarged copy of a digit, and return what was found.

    Raises:
        PageError: the digit is not among the matches.
    """
    writer, copy = writers[1], BytesIO()
    Image.fromarray(writer.digits[3]).resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC).save(copy, "JPEG", quality=80)
    asked = Work(title="A numeral", author=writer.name, text="", held_out=False, rows=())
    reference = _send(stack, asked, PAINTER, Upload("numeral.jpg", copy.getvalue(), "image/jpeg"))
    found = _found(officer, reference, example_id(DIGITS_EACH + 3), "image")
    return Mapped("image", f"by a copy of a picture, {reference}: {found}")


def _send(stack: LocalStack, asked: Work, address: str, picture: Upload | None = None) -> str:
    claimant = Browser(stack.url)
    reference = submit_revocation(claimant, asked, address, picture)
    confirm_address(claimant, stack, address)
    return reference


def _found(officer: Browser, reference: str, wanted: str, method: str) -> str:
    listed = officer.open(f"{searched_request(officer, reference)}matches/?format=csv")
    rows = list(csv.DictReader(listed.text.splitlines()))
    scores = {row["example_id"]: row["score"] for row in rows if method in row["found_by"].split()}
    if wanted not in scores:
        message = f"{reference}: {wanted} was not found by {method}."
        raise PageError(message)
    return f"{wanted} with the score {scores[wanted]}, of {len(rows)} found"
