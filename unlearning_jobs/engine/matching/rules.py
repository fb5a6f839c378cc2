"""Says why a place in a text counts as found although it is not written exactly as it was asked for.

A matcher puts the codes on its spans; the review page shows the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compliance.formats.translation import gettext_noop as _

RULES: Final[Mapping[str, str]] = {
    # names
    "initial": _("found because an initial stands for the given name"),
    "middle_name": _("found because the names match around a middle name that was not asked for"),
    "middle_left_out": _("found because a middle name that was asked for is left out"),
    "order": _("found because given and family name stand in the other order, without a comma"),
    "column": _("found because the parts of the name stand in neighbouring columns, cells or fields"),
    "markup": _("found because only markup stands between the parts of the name"),
    "typing_error": _("found because the name differs by one typing error"),
    "two_typing_errors": _("found because a long name differs by two typing errors"),
    "spelling": _("found because letters such as ü and ue, or ø and oe, are written for one another"),
    "joined": _("found because the parts of a double name are written as one word"),
    "inflected": _("found because the name has a grammatical ending"),
    "nickname": _("found because one given name is a short form of the other"),
    "transliterated": _("found because the name sounds the same in another script"),
    "romanised": _("found because the name is another spelling of the same sounds"),
    "particle": _("found because the names match without a particle such as van, de or al"),
    "half_name": _("found because one half of a double name stands alone, or a further name was added to it"),
    "two_family_names": _("found because a name of several words is divided earlier into given and family names"),
    "first_family_name": _("found because the first of two family names stands alone with the given names"),
    "syllables": _("found because the syllables of a given name are written together, with a hyphen, or apart"),
    "maiden_name": _("found because the family name is the former one"),
    "title": _("found because a title stands before one part of the name; the other part is missing"),
    "single_name": _("found because the only name that was given stands there; it may be somebody else's"),
    "other_characters": _("found because letters stand in another form, such as simplified for traditional ones"),
    "short_name": _("found because two characters match, which many names and words contain"),
    # identifiers
    "sentence_behind": _("found because the word behind the address may begin the next sentence"),
    "obfuscated": _("found because the address is spelt out, as in “name at host dot org”"),
    "escaped": _("found because the characters are written as escapes of web pages or addresses"),
    "other_form": _("found because characters stand in another form, such as full-width letters or another apostrophe"),
    "plus_tag": _("found because the addresses differ only by a tag after a plus sign"),
    "mailbox_dots": _("found because it is the same mailbox at a provider that ignores dots"),
    "same_provider": _("found because two domains belong to the same mail provider"),
    "subdomain": _("found because the host is a subdomain of the domain"),
    "page_of_domain": _("found because the page belongs to the domain"),
    "address_at_domain": _("found because the e-mail address belongs to the domain"),
    "handle_in_address": _("found because the account name is part of a web address"),
    "handle_without_sign": _("found because the account name stands there as a plain word"),
    "separators": _("found because the characters of the number are the same without spaces and separators"),
    "country_code": _("found because the telephone number is the same with or without its country code"),
    # keys
    "related_column": _("found because a column of the same meaning has this value"),
    # what no word says
    "meaning": _("found because it is close in meaning; it may be about something else"),
    "image": _("found because the picture is a copy, or much like it"),
}
"""Each code with its sentence."""
