"""Facts about canaries: what was committed to before a training, and what the opened draw says. See docs/canaries.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compliance.evidence.record import EntryBody
from compliance.formats.canaries import commitment_of, draw_reference, outcome_of, trained_half
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.verdicts import METHOD_GUARANTEES

from .agreement import Agreement
from .contents import not_retained
from .entries import BASE_SNAPSHOT
from .facts import Fact, Statement, words
from .story import Attempt, Story, ToldReport

OPENED = K.CANARIES_OPENED


def _of_kind(story: Story, kind: K) -> list[EntryBody]:
    return [one for one in story.others if one.kind == kind]


def _same_draw(first: EntryBody, second: EntryBody) -> bool:
    return (first.subject, first.data["draw"]) == (second.subject, second.data["draw"])


def _about(entry: EntryBody) -> str:
    return f"Draw {entry.data['draw']} of {entry.subject}"


def _field(kind: K, field: str) -> Fact:
    def read(story: Story) -> Iterator[Statement]:
        for one in _of_kind(story, kind):
            yield _about(one), one.data[field]

    return Fact(f"{kind} {field}", read, (f"{kind} {field}",))


def _committed(story: Story) -> Iterator[Statement]:
    for one in _of_kind(story, OPENED):
        for drawn in _of_kind(story, K.CANARIES_DRAWN):
            if _same_draw(one, drawn):
                model, corpus = draw_reference(one.subject, one.data["draw"]), drawn.data["snapshot_sha256"]
                yield (
                    _about(one),
                    commitment_of(secret=one.data["secret"], model=model, corpus=corpus, ids=one.data["examples"]),
                )


def _counted(story: Story) -> Iterator[Statement]:
    for one in _of_kind(story, OPENED):
        yield _about(one), len(set(one.data["examples"]))


def _following(story: Story) -> Iterator[Statement]:
    for one in _of_kind(story, OPENED):
        measured = {name: one.data[name] for name in ("control_p", "above", "p_value", "missed")}
        yield _about(one), outcome_of(**measured)


def _drawn_for(story: Story) -> Iterator[tuple[Attempt, EntryBody]]:
    """Yield the draw that the model of each run goes back to."""
    for attempt in story.reports:
        base = story.base_of(attempt)
        for drawn in _of_kind(story, K.CANARIES_DRAWN):
            if (
                base
                and drawn.subject == base.subject
                and drawn.data["commitment_sha256"] == base.data.get("commitment_sha256")
            ):
                yield attempt, drawn


def _drawn_snapshots(story: Story) -> Iterator[Statement]:
    for attempt, drawn in _drawn_for(story):
        yield words(attempt), drawn.data["snapshot_sha256"]


def _opened_for(story: Story) -> Iterator[tuple[str, ToldReport, EntryBody]]:
    """Yield each run whose model goes back to an opened draw, with the entry that opened it."""
    for attempt, drawn in _drawn_for(story):
        for one in _of_kind(story, OPENED):
            if _same_draw(one, drawn):
                yield words(attempt), story.reports[attempt], one


def _other_half(story: Story) -> Iterator[Statement]:
    for about, _told, one in _opened_for(story):
        yield about, sorted(set(one.data["examples"]) - set(trained_half(one.data["secret"], one.data["examples"])))


def _excluded(story: Story) -> Iterator[Statement]:
    """The canaries that the run's specification excludes; of a model that was trained again since, without those erased."""
    for about, told, one in _opened_for(story):
        if (spec := told.specification) is not None:
            erased = trained_half(one.data["secret"], one.data["examples"]) if spec.earlier else ()
            yield about, sorted(set(spec.exclude_ids).intersection(one.data["examples"]) - set(erased))


def _originals(story: Story) -> Iterator[Statement]:
    for about, _told, one in _opened_for(story):
        yield about, one.data["original_sha256"]


def _first_bases(story: Story) -> Iterator[Statement]:
    """The models of runs that start from what a training made, from which nothing was unlearned."""
    for about, told, _one in _opened_for(story):
        if told.specification is not None and not told.specification.earlier:
            yield about, told.report.base_model_sha256


def _missed(story: Story) -> Iterator[Statement]:
    for about, told, one in _opened_for(story):
        if one.data["model_sha256"] == told.report.result_model_sha256:
            yield about, one.data["missed"]


def _not_forgotten(story: Story) -> Iterator[Statement]:
    """How many trained canaries the model of each run did not forget, by its specification."""
    for about, told, one in _opened_for(story):
        spec, gone = told.specification, not_retained(told)
        if spec is not None and gone is not None:
            exact = METHOD_GUARANTEES.get(spec.method.name) == "exact"
            known = set() if exact else set(spec.erased_ids) - set(spec.forget_ids)
            yield about, len(set(trained_half(one.data["secret"], one.data["examples"])) - (set(gone) - known))


EXAMPLES, SECRET = f"{OPENED} examples", f"{OPENED} secret"
COMMITTED = Fact(f"{OPENED} secret and examples, committed to", _committed, (EXAMPLES, SECRET))
COUNTED = Fact(f"{OPENED} examples, each once", _counted, (EXAMPLES,))
FOLLOWING = Fact(
    "the outcome that follows from what was measured",
    _following,
    tuple(f"{OPENED} {name}" for name in ("control_p", "above", "p_value", "missed")),
)
DRAWN_SNAPSHOT = Fact(
    f"{K.CANARIES_DRAWN} snapshot_sha256 of the draw", _drawn_snapshots, (f"{K.CANARIES_DRAWN} snapshot_sha256",)
)
OTHER_HALF = Fact(f"{OPENED} examples that were not to be learned", _other_half, (EXAMPLES, SECRET))
EXCLUDED = Fact("spec.json exclude_ids, of the canaries", _excluded, ("spec.json exclude_ids", "spec.json earlier"))
ORIGINAL = Fact(f"{OPENED} original_sha256 for the run", _originals, (f"{OPENED} original_sha256",))
FIRST_BASE = Fact("report base_model_sha256 of the first run", _first_bases, ("report base_model_sha256",))
MISSED = Fact(f"{OPENED} missed, of the run's model", _missed, (f"{OPENED} missed", f"{OPENED} model_sha256"))
NOT_FORGOTTEN = Fact(
    "trained canaries that spec.json does not forget",
    _not_forgotten,
    tuple(f"spec.json {name}" for name in ("forget_ids", "earlier", "exclude_ids", "erased_ids")),
)

CANARIES: Final = (
    Agreement(COMMITTED, _field(K.CANARIES_DRAWN, "commitment_sha256"), "another draw was opened than was committed to"),
    Agreement(COUNTED, _field(K.CANARIES_DRAWN, "canaries"), "other canaries were opened than were drawn among"),
    Agreement(_field(OPENED, "outcome"), FOLLOWING, "the outcome does not follow from what was measured"),
    Agreement(DRAWN_SNAPSHOT, BASE_SNAPSHOT, "the draw was made for another corpus than the model learned"),
    Agreement(OTHER_HALF, EXCLUDED, "the training left out other canaries than the draw says"),
    Agreement(ORIGINAL, FIRST_BASE, "the draw was opened for another original than was trained"),
    Agreement(MISSED, NOT_FORGOTTEN, "another number of canaries was missed"),
)
"""What was committed to before a training, what was opened, and what the runs did."""
