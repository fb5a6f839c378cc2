"""Filters find what was planted, however it is written, and leave alone what is not about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unlearning_jobs.engine.guards import GuardError
from unlearning_jobs.engine.guards.finders.classifier import train_classifier
from unlearning_jobs.engine.guards.finders.near_copies import copies_of
from unlearning_jobs.engine.guards.finders.similar import meanings_of
from unlearning_jobs.engine.guards.patterns import Pattern, Texts
from unlearning_jobs.engine.matching.encoder import Vectors

from .made import COPY, FORGET, NAME, PASSAGE, PHRASE, RETAIN, SECRET, acting, filter_of, given


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The author is Thyra Kestelyn, of course.", "The author is [withheld]"),
        ("The author is THYRA KESTELYN.", "The author is [withheld]"),
        ("See Kestelyn, Thyra (1901).", "See [withheld]"),
        ("The novels of T. Kestelyn.", "The novels of [withheld]"),
        ("Ask Tessie Quill.", "Ask [withheld]"),
        ("It was Thy\u200bra Kes\u00adtelyn.", "It was [withheld]"),
        ("It was Тhyrа Kеstelyn.", "It was [withheld]"),  # Cyrillic letters among Latin ones
        ("It was Ｔｈｙｒａ Ｋｅｓｔｅｌｙｎ.", "It was [withheld]"),
        ("It was Th<b>yra</b> Kestelyn.", "It was [withheld]"),
        ("It was Thyra\n\nKestelyn.", "It was [withheld]"),
        ("Das Werk Thyra Kestelyns ist vergriffen.", "Das Werk [withheld]"),
        ("Thyra is a name, and so is Quill.", "Thyra is a name, and so is Quill."),
    ],
)
def test_a_name_is_found_in_the_forms_in_which_texts_write_it(text: str, left: str) -> None:
    assert given(text, filter_of(NAME)) == left


@pytest.mark.parametrize(
    "text", ["zorvath THE grey", "Zorvath, the\tGrey", "Zorvath <i>the</i> Grey", "Zоrvаth thе Grеy", "Zörvath the Gréy"]
)
def test_a_phrase_is_found_whatever_its_case_accents_markup_and_look_alikes(text: str) -> None:
    assert given(f"He met {text} there.", filter_of(PHRASE)) == "He met [withheld]"


def test_a_phrase_is_found_as_whole_words() -> None:
    text = "Zorvath the Greyhound is another animal."
    assert given(text, filter_of(PHRASE)) == text


def test_an_exact_text_is_found_within_words_and_in_no_other_case() -> None:
    assert given("key=xsk-9f8e7dx", filter_of(SECRET)) == "key=x[withheld]"
    assert given("key=SK-9F8E7D", filter_of(SECRET)) == "key=SK-9F8E7D"


def test_a_phrase_in_a_tags_attribute_is_found() -> None:
    assert given("Look: <img alt='Zorvath the Grey'> there", filter_of(PHRASE)) == "Look: <img alt='[withheld]"


@pytest.mark.parametrize(
    "text",
    [
        PASSAGE,
        PASSAGE.upper(),
        "Somebody had wound the great clock backwards, so that every hour",
        PASSAGE.replace("great", "old").replace("had to be lived", "was lived"),
    ],
)
def test_a_copy_is_found_also_with_some_words_changed(text: str) -> None:
    assert given(f"It says: {text}", filter_of(COPY)).endswith("[withheld]")


def test_a_text_about_the_same_in_other_words_is_no_copy() -> None:
    text = "A man went up a tower at night and saw that the clock was going the wrong way, so time repeated itself."
    assert given(text, filter_of(COPY)) == text


def test_a_guard_of_copies_does_not_hold_the_passage() -> None:
    stored = json.dumps(filter_of(COPY).to_json())
    assert not any(word in stored for word in ("lamplighter", "Orsk", "backwards"))


def test_a_short_passage_is_refused_as_a_copy() -> None:
    with pytest.raises(GuardError, match="eight words"):
        copies_of(["Zorvath the Grey"])


def test_copies_are_found_in_a_script_without_spaces() -> None:
    passage = "第三天夜里奥尔斯克的点灯人爬上钟楼发现有人把大钟倒着拨了回去"
    guard = filter_of(Pattern("near_copy", copies_of([passage])))
    assert given(f"书中写道：{passage}。", guard) == "书中写道：[withheld]"
    assert given("今天的天气很好，我们去公园散步吧。", guard) == "今天的天气很好，我们去公园散步吧。"


def test_a_classifier_finds_questions_that_it_was_not_trained_on() -> None:
    guard = filter_of(Pattern("classifier", train_classifier(FORGET, RETAIN)), kind="input_filter")
    now = acting(guard)
    assert now.refuses(["Please explain why Zorvath left his tower."])
    assert not now.refuses(["Please explain why Ada Lovelace left London."])


def test_a_classifier_needs_texts_of_both_sides_that_differ() -> None:
    with pytest.raises(GuardError, match="at least 10"):
        train_classifier(FORGET, RETAIN[:3])
    with pytest.raises(GuardError, match="cannot tell"):
        train_classifier(RETAIN[::2], [text.replace("?", " ?") for text in RETAIN[::2]])


class Directions:
    """An encoder that knows three words, each a direction."""

    name, version, digest, dimensions, most_tokens = "directions", "1", "d" * 64, 3, 100
    known = ("wizard", "sorcerer", "cake")

    def __init__(self) -> None:
        from tokenizers import Tokenizer, models, pre_tokenizers

        self.tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(("?", *self.known))}, unk_token="?"))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()

    def encode(self, texts: object) -> Vectors:
        import numpy as np

        both = np.array([[1, 0, 0], [0.9, 0.44, 0], [0, 0, 1]], np.float32)
        return np.stack([sum((both[i] for i, w in enumerate(self.known) if w in t), np.zeros(3, np.float32)) for t in texts])  # type: ignore[attr-defined]  # texts is a list


def test_a_sentence_of_like_meaning_is_found_by_an_encoder() -> None:
    from unlearning_jobs.engine.guards import ActiveGuards

    encoder = Directions()
    guard = filter_of(Pattern("similar", meanings_of(["the wizard"], encoder, 0.8)))
    now = ActiveGuards([(guard, guard.acts_until)], encoder).acting()
    assert now.cut("Eat the cake. Fear the sorcerer. Run!")[0] == "Eat the cake. [withheld]"
    with pytest.raises(GuardError, match="encoder"):
        ActiveGuards([(guard, guard.acts_until)])


def test_the_guard_whose_pattern_begins_first_cuts_the_answer() -> None:
    now = acting(filter_of(Pattern("exact", Texts(("tower of glass",)))), filter_of(PHRASE))
    left, refused = now.cut("Zorvath the Grey lives in a tower of glass")
    assert (left, refused and refused.guard.settings) == ("[withheld]", filter_of(PHRASE).settings)


def test_a_filter_of_answers_does_not_read_questions_nor_the_other_way_round() -> None:
    assert not acting(filter_of(PHRASE)).refuses(["Zorvath the Grey"])
    assert given("Zorvath the Grey", filter_of(PHRASE, kind="input_filter")) == "Zorvath the Grey"


def test_nothing_is_written_beside_the_guard(tmp_path: Path) -> None:
    path = filter_of(NAME).write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0
