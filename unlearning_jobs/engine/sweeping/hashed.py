"""Finds people of whom only keyed digests are known, as registers of opt-outs give them out.

A digest cannot be searched for. Instead, every e-mail address, telephone number, and name beside a date in a text is brought
into its normal form and digested with the same key. What a text writes in a form that these rules do not undo is not found.

The digest is HMAC-SHA256 with the key (SHA-256 without one), in hex, of the UTF-8 bytes of:

    e-mail address            local@host in small letters (NFC), the host in ASCII (IDNA): jo.lark@xn--mller-kva.example
    telephone number          international, digits behind a plus (E.164): +491701234567
    name with date of birth   the folded words of the name, given name first, a bar, the date: jo lark|1980-05-03
                              in scripts without spaces, and in Hangul, as it is written: 王小明|1990-01-02

Folded is: small letters without accents and apostrophes (`matching.words.fold`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from unlearning_jobs.engine.matching.identifier_escapes import all_unescaped
from unlearning_jobs.engine.matching.names.matcher import best_spans
from unlearning_jobs.engine.matching.query import Span

from .hashed_forms import Candidate, emails, phones
from .hashed_names import names_with_dates

HashedKind = Literal["email_hash", "phone_hash", "name_birth_hash"]
RULED: Final = 0.9
"""The score of what is not written as it was digested."""


def keyed_digest(key: bytes, normal: str) -> str:
    """Return the digest of a normal form."""
    if not key:
        return hashlib.sha256(normal.encode()).hexdigest()
    return hmac.digest(key, normal.encode(), "sha256").hex()


@dataclass(frozen=True)
class Hashed:
    """The digests of a register, by kind and digest the ids of their lines; and how they were made."""

    entries: Mapping[HashedKind, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    key: bytes = b""
    regions: tuple[str, ...] = ()
    """Countries in which numbers without a country code are read, such as DE."""


class HashedFinder:
    """Looks at one text after another. The time grows with the text, and not with the number of digests."""

    def __init__(self, hashed: Hashed) -> None:
        self._hashed = hashed

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the places in the text whose normal form has one of the digests; of places that overlap, the best."""
        if not self._hashed.entries:
            return
        found: list[Span] = []
        for seen in all_unescaped(text):
            for span in best_spans(list(self._found(seen.text))):
                start, end = seen.place(span.start, span.end)
                found.append(replace(span, start=start, end=end))
        yield from best_spans(found)

    def _found(self, text: str) -> Iterator[Span]:
        for kind, candidate in self._candidates(text):
            for query in self._hashed.entries[kind].get(keyed_digest(self._hashed.key, candidate.normal), ()):
                score = RULED if candidate.because else 1.0
                yield Span(query, candidate.start, candidate.end, score, candidate.because)

    def _candidates(self, text: str) -> Iterator[tuple[HashedKind, Candidate]]:
        if "email_hash" in self._hashed.entries:
            yield from (("email_hash", candidate) for candidate in emails(text))
        if "phone_hash" in self._hashed.entries:
            yield from (("phone_hash", candidate) for candidate in phones(text, self._hashed.regions))
        if "name_birth_hash" in self._hashed.entries:
            yield from (("name_birth_hash", candidate) for candidate in names_with_dates(text))
