from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from compliance.encryption import DecryptionError, decrypt, encrypt, keyed_index

COLUMN = "requests_app.erasurerequest.name"
OLD = "old:" + "11" * 32
NEW = "new:" + "22" * 32


def test_what_was_encrypted_decrypts() -> None:
    assert decrypt(encrypt("Ada Beispiel", COLUMN), COLUMN) == "Ada Beispiel"


def test_the_stored_bytes_do_not_show_the_text() -> None:
    assert b"Ada" not in encrypt("Ada Beispiel", COLUMN)


def test_the_same_text_is_stored_differently_each_time() -> None:
    assert encrypt("Ada", COLUMN) != encrypt("Ada", COLUMN)


def test_a_value_moved_to_another_column_does_not_decrypt() -> None:
    stored = encrypt("Ada", COLUMN)

    with pytest.raises(DecryptionError, match="changed outside"):
        decrypt(stored, "requests_app.erasurerequest.email")


@pytest.mark.parametrize("position", [0, 3, 10, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    stored = bytearray(encrypt("Ada", COLUMN))
    stored[position] ^= 1

    with pytest.raises(DecryptionError):
        decrypt(bytes(stored), COLUMN)


def test_a_rotated_key_still_decrypts_and_the_new_one_encrypts(settings: Settings) -> None:
    settings.DATA_KEYS = [OLD]
    before = encrypt("Ada", COLUMN)
    settings.DATA_KEYS = [NEW, OLD]

    assert decrypt(before, COLUMN) == "Ada"
    assert encrypt("Ada", COLUMN)[1:4] == b"new"


def test_without_its_key_a_value_says_so_and_not_what_it_is(settings: Settings) -> None:
    settings.DATA_KEYS = [OLD]
    stored = encrypt("Ada", COLUMN)
    settings.DATA_KEYS = [NEW]

    with pytest.raises(DecryptionError, match="not in DATA_KEYS"):
        decrypt(stored, COLUMN)


def test_a_malformed_key_is_a_configuration_error(settings: Settings) -> None:
    settings.DATA_KEYS = ["short:abcd"]

    with pytest.raises(ImproperlyConfigured, match="64 hex digits"):
        encrypt("Ada", COLUMN)


def test_rotating_the_data_keys_changes_no_index(settings: Settings) -> None:
    settings.DATA_KEYS = [OLD]
    before = keyed_index("ada@example.org", "email")
    settings.DATA_KEYS = [NEW, OLD]
    assert keyed_index("ada@example.org", "email") == before
    settings.INDEX_KEY = "33" * 32
    assert keyed_index("ada@example.org", "email") != before


@pytest.mark.parametrize("key", ["", "33", "zz" * 32])
def test_a_malformed_index_key_is_a_configuration_error(settings: Settings, key: str) -> None:
    settings.INDEX_KEY = key
    with pytest.raises(ImproperlyConfigured, match="INDEX_KEY"):
        keyed_index("ada@example.org", "email")


def test_the_index_ignores_case_and_spaces_around() -> None:
    assert keyed_index(" Ada@Example.org ", "email") == keyed_index("ada@example.org", "email")


def test_the_index_of_one_purpose_says_nothing_about_another() -> None:
    assert keyed_index("ada@example.org", "email") != keyed_index("ada@example.org", "query")
