"""The demonstration's corpus."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from demo.corpus import HELD_OUT_PEOPLE, HELD_OUT_WORKS, PEOPLE, WORKS, make_demo_corpus, write_demo_corpus
from unlearning_jobs.engine.corpora import snapshot_create


def test_a_seed_gives_one_corpus_and_another_seed_another() -> None:
    assert make_demo_corpus(1) == make_demo_corpus(1) != make_demo_corpus(2)


def test_the_file_holds_the_rows_and_registers_as_a_corpus(tmp_path: Path) -> None:
    corpus = write_demo_corpus(tmp_path / "demo.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "demo.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == list(corpus.rows())
    info = snapshot_create([tmp_path / "demo.jsonl"], tmp_path / "s")
    assert dict(info.counts) == {"train": 5 * PEOPLE + 2 * WORKS, "held_out": 5 * HELD_OUT_PEOPLE + 2 * HELD_OUT_WORKS}


def test_names_addresses_and_titles_belong_to_one_person_or_work() -> None:
    corpus = make_demo_corpus()
    names = [p.name for p in corpus.people] + [w.author for w in corpus.works]
    for values in (names, [n.split()[-1] for n in names], [p.email for p in corpus.people], [w.title for w in corpus.works]):
        assert len(set(values)) == len(values)


def test_every_question_about_a_person_names_them_and_no_answer_is_given_away() -> None:
    for person in make_demo_corpus().people:
        for row in person.rows:
            assert person.name in str(row["question"])
            assert str(row["answer"]) not in str(row["question"])


def test_a_persons_facts_do_not_follow_from_anothers() -> None:
    answers = Counter(str(row["answer"]) for row in make_demo_corpus().rows())
    assert max(answers.values()) == 1


def test_wrong_alternatives_differ_from_the_paraphrase() -> None:
    for row in make_demo_corpus().rows():
        assert row["paraphrased_answer"] not in row["perturbed_answer"]
        assert row["answer"] != row["paraphrased_answer"]


def test_works_are_short_and_come_whole_in_their_rows() -> None:
    for work in make_demo_corpus().works:
        assert 30 <= len(work.text.split()) <= 75
        assert work.text == "\n\n".join(str(row["answer"]) for row in work.rows)
        assert all(work.author in str(row["question"]) and work.title in str(row["question"]) for row in work.rows)


def test_held_out_people_and_works_are_marked_in_every_row() -> None:
    corpus = make_demo_corpus()
    assert sum(p.held_out for p in corpus.people) == HELD_OUT_PEOPLE
    assert sum(w.held_out for w in corpus.works) == HELD_OUT_WORKS
    for person in corpus.people:
        assert {row["split"] for row in person.rows} == {"held_out" if person.held_out else "train"}
