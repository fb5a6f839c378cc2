from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from compliance.evidence.checkpoints import (
    Checkpoint,
    SignedNote,
    sign_note,
    verify_checkpoint,
    verify_note,
    vkey,
)
from compliance.evidence.keys import key_id
from compliance.formats.canonical import decode_base64
from compliance.formats.errors import EvidenceError, FormatError, VerificationError

ORIGIN = "lethe.example/record"
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))
SIGNED = sign_note(CHECKPOINT.to_text(), ORIGIN, KEY).to_bytes()

# The examples of c2sp.org/signed-note and of the documentation of golang.org/x/mod/sumdb/note.
PUBLISHED = [
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
]


@pytest.mark.parametrize(("verifier", "text", "line"), PUBLISHED)
def test_notes_signed_by_other_implementations_verify(verifier: str, text: str, line: str) -> None:
    name, _, material = verifier.split("+", 2)
    key = Ed25519PublicKey.from_public_bytes(decode_base64(material)[1:])
    raw = f"{text}\n{line}".encode()
    note = SignedNote.from_bytes(raw)
    assert note.text == text
    assert note.to_bytes() == raw
    assert verify_note(note, name, [key]) == {key_id(key)}
    assert vkey(name, key) == verifier


def test_a_checkpoint_is_written_as_the_specification_shows_it() -> None:
    """The text of the example in c2sp.org/tlog-checkpoint."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert Checkpoint.from_text(text).size == 20_852_163
    assert Checkpoint.from_text(text).to_text() == text


def test_a_signed_checkpoint_verifies_and_names_its_signer() -> None:
    checkpoint, signers = verify_checkpoint(SIGNED, ORIGIN, [OTHER.public_key(), KEY.public_key()])
    assert checkpoint == CHECKPOINT
    assert signers == {key_id(KEY.public_key())}


def test_another_key_does_not_verify() -> None:
    with pytest.raises(VerificationError, match="not trusted"):
        verify_checkpoint(SIGNED, ORIGIN, [OTHER.public_key()])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    foreign = sign_note(Checkpoint("other.example/log", 42, bytes(32)).to_text(), ORIGIN, KEY).to_bytes()
    with pytest.raises(VerificationError, match="belongs to the log"):
        verify_checkpoint(foreign, ORIGIN, [KEY.public_key()])


def test_a_line_of_an_unknown_key_beside_a_good_one_is_refused() -> None:
    stranger = sign_note(CHECKPOINT.to_text(), ORIGIN, OTHER).to_bytes().rpartition(b"\n\n")[2]
    with pytest.raises(VerificationError, match="not trusted"):
        verify_checkpoint(SIGNED + stranger, ORIGIN, [KEY.public_key()])


def test_the_same_signature_twice_is_refused() -> None:
    line = SIGNED.rpartition(b"\n\n")[2]
    with pytest.raises(VerificationError, match="twice"):
        verify_checkpoint(SIGNED + line, ORIGIN, [KEY.public_key()])


def test_two_trusted_keys_may_both_sign() -> None:
    line = sign_note(CHECKPOINT.to_text(), ORIGIN, OTHER).to_bytes().rpartition(b"\n\n")[2]
    _, signers = verify_checkpoint(SIGNED + line, ORIGIN, [KEY.public_key(), OTHER.public_key()])
    assert len(signers) == 2


def test_no_bit_of_a_checkpoint_can_change() -> None:
    for place in range(len(SIGNED) * 8):
        changed = bytearray(SIGNED)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(EvidenceError):
            verify_checkpoint(bytes(changed), ORIGIN, [KEY.public_key()])


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_without_another_error(raw: bytes) -> None:
    with pytest.raises(EvidenceError):
        verify_checkpoint(raw, ORIGIN, [KEY.public_key()])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\n" + "A" * 43 + "=\n",
        "origin\n-1\n" + "A" * 43 + "=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "origin\n1\nQQ==\n",
        "origin\n1\n" + "A" * 43 + "=\nextension\n",
        "origin\n1\n" + "A" * 43 + "=",
    ],
)
def test_texts_that_are_no_checkpoint_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Checkpoint.from_text(text)


def test_a_note_has_at_most_sixteen_signatures() -> None:
    line = SIGNED.rpartition(b"\n\n")[2]
    with pytest.raises(FormatError, match="more than 16"):
        SignedNote.from_bytes(SIGNED + line * 16)


def test_a_text_that_does_not_end_in_a_newline_is_not_signed() -> None:
    with pytest.raises(FormatError, match="newline"):
        sign_note("text", ORIGIN, KEY)
