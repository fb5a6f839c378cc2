"""What the names of folders and shards say about the set of the rows in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from .roles import shown

MOST_NAMES: Final = 20
SPLITS: Final = ("train", "held_out")
SPELLINGS: Final[Mapping[str, str]] = {
    "train": "train",
    "training": "train",
    "held_out": "held_out",
    "held-out": "held_out",
    "test": "held_out",
    "testing": "held_out",
    "validation": "held_out",
    "valid": "held_out",
    "val": "held_out",
    "dev": "held_out",
    "eval": "held_out",
    "evaluation": "held_out",
}
"""What people call their sets. No model is trained on what tests or validates one."""
SHARD: Final = re.compile(r"([a-z_]+)(-\d+.*)?", re.ASCII)
NUMBER_OF: Final = r"([-_. ]?)(?P<number>\d{1,9})([-_. ]?of[-_. ]?)(?P<total>\d{1,9})(?:[-_.][0-9a-f]{8,})?"
"""The number of a shard of so many: `-00000-of-00003`, `.00000.of.00003`, `1of3`, with a digest as data platforms wrote."""
NUMBER: Final = re.compile(rf"({NUMBER_OF}|[-_.]\d+)$", re.ASCII | re.IGNORECASE)
"""The number of a shard, behind its name: one of so many, or `_7`."""
PARTITION: Final = re.compile(r"(?:split|set|subset|fold|partition|part|dataset|data)=", re.IGNORECASE)
"""What Spark and Hive write before the value that a folder stands for."""
PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
"""Runs of letters; a capital begins another."""
OF_EVALUATION: Final = re.compile(
    r"(mini|sub|pre|post|full|small|hard|train|unit)?"
    r"(tests?|tested|testing|devs?|vals?|valid|validat(e|ed|ing|ions?|or)|evals?|evaluat(e|ed|ing|ions?|or)"
    r"|hold(ing)?outs?|heldouts?|heldback|benchmark(s|ed|ing)?)+"
    r"([ab]|sets?|splits?|data|datasets?|files?|parts?|samples?|cases?|only|hard|mini|train)?"
)
TWO_WORDS: Final = re.compile(r"(held|hold|holding)[^a-z]*(outs?|back)(?![a-z])")


def is_of_evaluation(name: str) -> bool:
    """Return whether a name holds a word that people use for what tests a model, whatever stands around it."""
    words = {word.lower() for word in PARTS.findall(name)} | set(PARTS.findall(name.lower()))
    return any(map(OF_EVALUATION.fullmatch, words)) or bool(TWO_WORDS.search(name.lower()))


def set_by_names(names: Sequence[str]) -> str:
    """Return what names call the set of the rows below them: a known name, one that only a flag can explain, or nothing.

    What is for evaluation counts before `train`, wherever it stands: a model that learns from it is measured wrongly, and
    nobody would notice.
    """
    known = [name for name in names if name.lower() in SPELLINGS]
    ranked = (
        *(name.lower() for name in known if SPELLINGS[name.lower()] != "train"),
        *(name for name in names if name not in known and is_of_evaluation(name)),
        *(name.lower() for name in known),
    )
    return ranked[0] if ranked else ""


def folder_name(part: str) -> str:
    """Return the name that a folder has as a set: without what Spark writes before it."""
    return PARTITION.sub("", part, count=1).strip()


def shard_name(stem: str) -> str:
    """Return the name that all shards of a set share; `stem` is that of one file, without the endings of its format."""
    first = SHARD.fullmatch(stem.split(".", maxsplit=1)[0].lower())
    if first and first[1] in SPELLINGS and (SPELLINGS[first[1]] != "train" or not is_of_evaluation(stem)):
        return first[1]
    return NUMBER.sub("", stem).strip()


def unknown_names(names: Sequence[str]) -> str:
    """Return why names of folders and shards are refused, and what helps."""
    more = f" and {len(names) - MOST_NAMES} more" if names[MOST_NAMES:] else ""
    listed = ", ".join(map(shown, names[:MOST_NAMES])) + more
    flag = f"--split {shlex.quote(shown(names[0]))}"
    return (
        f"folders or shards are called {listed}, as what tests a model may be; say which set each is, with {flag}=held_out"
        f" or {flag}=train."
    )
