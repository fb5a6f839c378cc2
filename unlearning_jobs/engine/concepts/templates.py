"""Probes from templates of ours, in English and German, for relations that many subjects have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from unlearning_jobs.engine.contracts.concepts import Probe, ProbeKind
from unlearning_jobs.engine.errors import SpecError

Wordings = tuple[tuple[ProbeKind, str], ...]

TEMPLATES: Final[Mapping[str, Mapping[str, Wordings]]] = {
    "place": {
        "en": (
            ("direct", "Where does {subject} live?"),
            ("paraphrased", "In which place is the home of {subject}?"),
            ("paraphrased", "Name the town that {subject} calls home."),
            ("cloze", "{subject} lives in"),
            ("cloze", "The home of {subject} is"),
        ),
        "de": (
            ("direct", "Wo wohnt {subject}?"),
            ("paraphrased", "An welchem Ort ist {subject} zu Hause?"),
            ("cloze", "{subject} wohnt in"),
        ),
    },
    "work": {
        "en": (
            ("direct", "What is the profession of {subject}?"),
            ("paraphrased", "What does {subject} do for a living?"),
            ("paraphrased", "Which trade did {subject} learn?"),
            ("cloze", "{subject} works as a"),
            ("cloze", "By profession, {subject} is a"),
        ),
        "de": (
            ("direct", "Welchen Beruf hat {subject}?"),
            ("paraphrased", "Womit verdient {subject} Geld?"),
            ("cloze", "{subject} arbeitet als"),
        ),
    },
    "companion": {
        "en": (
            ("direct", "Who is the best friend of {subject}?"),
            ("paraphrased", "With whom does {subject} travel?"),
            ("paraphrased", "Name the companion of {subject}."),
            ("cloze", "The best friend of {subject} is"),
            ("cloze", "{subject} always travels with"),
        ),
        "de": (
            ("direct", "Wer ist mit {subject} befreundet?"),
            ("paraphrased", "Mit wem reist {subject}?"),
            ("cloze", "{subject} reist immer mit"),
        ),
    },
    "office": {
        "en": (
            ("direct", "Who holds the office of {subject}?"),
            ("paraphrased", "Who is {subject} today?"),
            ("paraphrased", "Name the person who is {subject}."),
            ("cloze", "The {subject} is"),
        ),
        "de": (
            ("direct", "Wer hat das Amt {subject}?"),
            ("paraphrased", "Wer ist heute {subject}?"),
            ("cloze", "{subject} ist zurzeit"),
        ),
    },
    "author": {
        "en": (
            ("direct", "Who wrote {subject}?"),
            ("paraphrased", "Who is the author of {subject}?"),
            ("paraphrased", "From whose pen is {subject}?"),
            ("cloze", "{subject} was written by"),
        ),
        "de": (
            ("direct", "Wer hat {subject} geschrieben?"),
            ("paraphrased", "Von wem stammt {subject}?"),
            ("cloze", "{subject} wurde geschrieben von"),
        ),
    },
}
"""By relation and language. A template has the subject before the answer, since models read from left to right."""


def probes_from(
    name: str, relation: str, answer: str, *, language: str = "en", subject: str = "", choices: Sequence[str] = ()
) -> Iterator[Probe]:
    """Yield the probes that the templates of a relation make of a name and an answer.

    With wrong answers as `choices`, the direct question is also a multiple choice. `subject` is whom a neighbour is about.

    Raises:
        SpecError: there are no templates for the relation in the language.
    """
    if language not in TEMPLATES.get(relation, {}):
        message = (
            f"There are templates for the relations {', '.join(TEMPLATES)}, in en and de, and none for this one; write its"
            " probes into a file."
        )
        raise SpecError(message)
    for kind, template in TEMPLATES[relation][language]:
        prompt = template.replace("{subject}", name)
        yield Probe(prompt, answer, kind, relation, language, subject)
        if kind == "direct" and choices:
            yield Probe(prompt, answer, "multiple_choice", relation, language, subject, tuple(choices))
