"""A small concept for tests of what needs no model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unlearning_jobs.engine.contracts.concepts import Concept, Probe

NEIGHBOURS = ("Anselm", "Cordula")


def probe(prompt: str, answer: str = "Tarnholm", **about: Any) -> Probe:
    described: dict[str, Any] = {"kind": "direct", "relation": "place", **about}
    return Probe(prompt, answer, **described)


def concept(**changes: Any) -> Concept:
    """A figure with two relations in four wordings each, and two neighbours."""
    probes = (
        probe("Where does Mirelda live?"),
        probe("Name the home of Mirelda.", kind="paraphrased"),
        probe("Mirelda lives in", kind="cloze"),
        probe("Wo wohnt Mirelda?", language="de"),
        probe("What is the trade of Mirelda?", "glazier", relation="work"),
        probe("How does Mirelda earn money?", "glazier", relation="work", kind="paraphrased"),
        probe("By day, Mirelda is a", "glazier", relation="work", kind="cloze"),
        probe("Was ist Mirelda von Beruf?", "Glaser", relation="work", language="de"),
    )
    neighbours = tuple(
        replace(one, prompt=one.prompt.replace("Mirelda", name), subject=name) for name in NEIGHBOURS for one in probes
    )
    described: dict[str, Any] = {"probes": probes, "neighbours": neighbours, "aliases": ("the glass lady",), **changes}
    return Concept(**{"subject": "Mirelda", **described})
