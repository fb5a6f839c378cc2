"""The kinds of guards: each has a file of its own, and a line of this table. All of them leave the weights as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import few_shot_guard, icul, input_filter, output_filter, prompt_guard
from .guard_kind import GuardKind
from .patterns import FilterSettings

Settings = prompt_guard.PromptSettings | few_shot_guard.FewShotSettings | FilterSettings | icul.IculSettings

KINDS: Final[Mapping[str, GuardKind]] = {
    "prompt_guard": prompt_guard.KIND,
    "few_shot_guard": few_shot_guard.KIND,
    "input_filter": input_filter.KIND,
    "output_filter": output_filter.KIND,
    "icul": icul.KIND,
}
