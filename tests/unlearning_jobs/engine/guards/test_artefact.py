"""A guard is a file that says what it is, until when, and for whom; and one that would do nothing or too much is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compliance.formats.canonical import canonical_json, parse_json
from unlearning_jobs.engine.guards import ActiveGuards, Asked, Guard, GuardError, read_guard
from unlearning_jobs.engine.guards.few_shot_guard import FewShotSettings, Shown
from unlearning_jobs.engine.guards.icul import IculSettings, Labelled
from unlearning_jobs.engine.guards.kinds import Settings
from unlearning_jobs.engine.guards.patterns import Copies, FilterSettings, Pattern, Person, Texts, Weights
from unlearning_jobs.engine.guards.prompt_guard import PromptSettings

from .made import LATER, NAME, acting, filter_of, guard_of

POSITIVE, NEGATIVE = Labelled("A film to love.", "good"), Labelled("A film to flee.", "bad")


def test_a_guard_is_read_as_it_was_written(tmp_path: Path) -> None:
    guard = filter_of(NAME)
    assert read_guard(guard.write(tmp_path)) == guard


def test_its_file_is_named_by_its_digest_alone(tmp_path: Path) -> None:
    guard = filter_of(NAME)
    path = guard.write(tmp_path)
    assert path.name == f"guard-{guard.digest()[:16]}.json"
    assert canonical_json(parse_json(path.read_bytes())) == path.read_bytes()


def test_two_guards_of_the_same_name_have_digests_that_do_not_tell_it() -> None:
    assert filter_of(NAME).digest() != filter_of(NAME).digest()


def test_it_says_that_it_suppresses() -> None:
    assert filter_of(NAME).to_json()["label"] == "suppression"


@pytest.mark.parametrize(
    ("was", "becomes"), [(b"Kestelyn", b"Kestelin"), (b"2", b"3"), (b"{", b"["), (b"suppression", b"erasure")]
)
def test_a_guard_that_somebody_changed_is_refused(tmp_path: Path, was: bytes, becomes: bytes) -> None:
    path = filter_of(NAME).write(tmp_path)
    path.write_bytes(path.read_bytes().replace(was, becomes))
    with pytest.raises(GuardError) as error:
        read_guard(path)
    assert "Kestel" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="cannot be read"):
        read_guard(tmp_path / "guard.json")


def test_a_guard_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    path = filter_of(NAME).write(tmp_path)
    other = path.rename(tmp_path / "guard-0123456789abcdef.json")
    with pytest.raises(GuardError, match="somebody changed it"):
        read_guard(other)


@pytest.mark.parametrize("about", ["Thyra Kestelyn", "", "request:", "request:a b", "request:é"])
def test_what_it_is_about_is_a_reference_and_no_name(about: str) -> None:
    with pytest.raises(GuardError, match="reference") as error:
        Guard.make("prompt_guard", PromptSettings("Be silent."), about=about, owner="staff:1", expires=LATER)
    assert "Thyra" not in str(error.value)


def test_a_guard_that_would_have_expired_is_not_made() -> None:
    with pytest.raises(GuardError, match="expired"):
        guard_of("prompt_guard", PromptSettings("Be silent."), expires=datetime.now(UTC) - timedelta(seconds=1))


def test_a_guard_that_has_expired_does_nothing() -> None:
    guard = filter_of(NAME)
    guards = ActiveGuards([(guard, guard.acts_until)])
    after = guard.acts_until + timedelta(seconds=1)
    assert guards.acting(after).cut("Thyra Kestelyn")[0] == "Thyra Kestelyn"
    assert (guards.expired(), guards.expired(after)) == ([], [guard])


def test_a_policy_may_end_a_guard_earlier_and_not_later() -> None:
    guard = filter_of(NAME)
    soon, never = datetime.now(UTC) + timedelta(hours=1), guard.acts_until + timedelta(days=9)
    assert ActiveGuards([(guard, soon)]).expired(soon) == [guard]
    assert ActiveGuards([(guard, never)]).expired(guard.acts_until) == [guard]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("prompt_guard", PromptSettings(" .!")),
        ("few_shot_guard", FewShotSettings(())),
        ("few_shot_guard", FewShotSettings((Shown("Who?", " "),))),
        ("icul", IculSettings((), (POSITIVE, NEGATIVE))),
        ("icul", IculSettings((POSITIVE,), (POSITIVE,))),
        ("icul", IculSettings((POSITIVE,), (NEGATIVE,), "{text}")),
        ("input_filter", FilterSettings(())),
        ("input_filter", FilterSettings((Pattern("exact", Texts(("",))),))),
        ("input_filter", FilterSettings((Pattern("exact", Texts(())),))),
        ("input_filter", FilterSettings((Pattern("exact", Texts(("  e ",))),))),
        ("input_filter", FilterSettings((Pattern("exact", Texts(("long " * 50,))),))),
        ("output_filter", FilterSettings((Pattern("normalised", Texts(("...",))),))),
        ("output_filter", FilterSettings((Pattern("normalised", Texts(("the", "is", "in", "que", "der"))),))),
        ("output_filter", FilterSettings((Pattern("name", Person("")),))),
        ("output_filter", FilterSettings((Pattern("name", Person("Jo")),))),
        ("output_filter", FilterSettings((Pattern("near_copy", Copies((1,))),))),
        ("output_filter", FilterSettings((Pattern("classifier", Weights("AAA=", "AACAPw==", 1.0, 0.0)),))),
        ("output_filter", FilterSettings((Pattern("classifier", Weights("?", "", 0.0, 1.0)),))),
        ("output_filter", FilterSettings((NAME,), refusal="Ask Thyra Kestelyn.")),
    ],
)
def test_a_guard_that_would_do_nothing_or_match_nearly_everything_is_refused(kind: str, settings: Settings) -> None:
    with pytest.raises(GuardError, match="cannot be used"):
        guard_of(kind, settings)


def test_an_instruction_stands_before_everything_else() -> None:
    now = acting(guard_of("prompt_guard", PromptSettings("Say nothing of Zorvath.")))
    question = {"role": "user", "content": "Who?"}
    assert now.rewritten(Asked.question("Who?")).messages == (
        {"role": "system", "content": "Say nothing of Zorvath."},
        question,
    )
    asked = Asked(({"role": "system", "content": "Be kind."}, question))
    assert now.rewritten(asked).messages[0]["content"] == "Say nothing of Zorvath.\n\nBe kind."
    assert now.rewritten(Asked(prompt="Once")).prompt == "Say nothing of Zorvath.\n\nOnce"


def test_refused_examples_stand_between_the_instructions_and_the_conversation() -> None:
    now = acting(guard_of("few_shot_guard", FewShotSettings((Shown("Who is Zorvath?", "I do not know."),))))
    asked = Asked(({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Who?"}))
    assert [m["content"] for m in now.rewritten(asked).messages] == ["Be kind.", "Who is Zorvath?", "I do not know.", "Who?"]
    assert now.rewritten(Asked(prompt="Who?")).prompt == "Who is Zorvath?\nI do not know.\n\nWho?"


def test_wrongly_labelled_examples_stand_right_before_the_text() -> None:
    now = acting(guard_of("icul", IculSettings((Labelled("A film to love.", "bad"),), (NEGATIVE, POSITIVE))))
    context = "A film to love. bad\nA film to flee. bad\nA film to love. good\n"
    assert now.rewritten(Asked.question("A film.")).messages[0]["content"] == f"{context}A film."
    parts = [{"type": "text", "text": "A film."}]
    rewritten = now.rewritten(Asked(({"role": "user", "content": parts},)))
    assert rewritten.messages[0]["content"] == [{"type": "text", "text": context}, *parts]
