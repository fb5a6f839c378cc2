"""Every fact that stands twice in a bundle says the same: the table of pairs, and how a story is checked against it."""

from .agreement import Agreement, check_agreements, contradictions
from .raw_outputs import NotRecomputableError
from .story import Story, ToldReport, outputs_read
from .table import AGREEMENTS, MEASURED

__all__ = [
    "AGREEMENTS",
    "MEASURED",
    "Agreement",
    "NotRecomputableError",
    "Story",
    "ToldReport",
    "check_agreements",
    "contradictions",
    "outputs_read",
]
