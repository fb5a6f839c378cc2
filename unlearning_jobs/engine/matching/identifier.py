"""Searches for e-mail addresses, handles, web addresses, telephone numbers and other numbers by their normal forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence

from .candidates import query_terms
from .identifier_address import anchors, place_of
from .identifier_escapes import unescaped
from .identifier_form import Email, Handle, Number, Web, identifier_form
from .identifier_number import NumberFinder
from .names.matcher import best_spans
from .needs import Needs
from .query import EVERY, Query, Span
from .words import words


class IdentifierMatcher:
    """Finds identifiers with the same normal form. It allows no typing errors: one letter more is another person.

    Whatever is not written as it was asked for is said by a rule (see `RULES`): tags and dots of the same mailbox, spellings
    against robots, escapes, pages and addresses of a domain, separators and country codes.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._addresses: defaultdict[str, list[tuple[str, Email | Web | Handle]]] = defaultdict(list)
        numbers: list[tuple[str, Number, str]] = []
        for query in queries:
            form = identifier_form(query.value)
            if isinstance(form, Number):
                numbers.append((query.id, form, query.value.strip()))
            else:
                for word in anchors(form):
                    self._addresses[word].append((query.id, form))
        self._numbers = NumberFinder(numbers)

    @staticmethod
    def needs(query: Query) -> Needs:
        """Return the words that a text with a match holds, by the keys under which an index files them."""
        return Needs(query_terms(query), filed=True, escapes=True)

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the places of the identifiers in the text, in its order; of places that overlap, the best."""
        seen = unescaped(text)
        tokens = words(seen.text)
        spans = [span for span in self._numbers.spans(seen.text, tokens) if span.query in wanted]
        for token in tokens:
            for query, form in self._addresses.get(token.text, ()):
                if query in wanted and (place := place_of(form, seen.text, token.start)):
                    spans.append(Span(query, place.start, place.end, round(place.score, 4), place.because))
        for span in best_spans(spans):
            start, end = seen.place(span.start, span.end)
            escaped = text[start:end] != seen.text[span.start : span.end] and not {"&", "%"}.isdisjoint(text[start:end])
            because = (*span.because, "escaped") if escaped else span.because
            yield Span(span.query, start, end, round(span.score * (0.95 if escaped else 1), 4), because)
