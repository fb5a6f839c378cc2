"""The words about copies of models and corpora: what they are, and what became of them for a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COPY_KINDS: Final = frozenset(
    {
        *("adapter", "merge", "quantised", "distilled", "deployment"),
        *("licensee", "backup", "evaluation_set", "cache"),
    }
)
WAYS_SETTLED: Final = frozenset({"erased", "exempt", "beyond_use"})
"""Erased, exempt on a ground of law, or beyond use: kept where nobody uses it, up to a last day."""
EXEMPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "erasure": frozenset({"17_3_a", "17_3_b", "17_3_c", "17_3_d", "17_3_e"}),
    "copyright": frozenset({"no_right", "17_3_d", "17_3_e"}),
}
"""Grounds on which a copy is exempt, by the kind of request. That a request is excessive exempts no copy."""
LONGEST_BEYOND_USE: Final = 366
"""Days for which one act puts a copy beyond use; it can be renewed."""
