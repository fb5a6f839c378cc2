"""Every fact that stands twice in a bundle says the same: the table of pairs, and how a story is checked against it."""

from .agreement import Agreement, check_agreements, contradictions
from .raw_outputs import OUTPUTS, NotRecomputableError, open_parquet, read_outputs
from .story import Story, ToldReport
from .table import AGREEMENTS, MEASURED

__all__ = [
    "AGREEMENTS",
    "MEASURED",
    "OUTPUTS",
    "Agreement",
    "NotRecomputableError",
    "Story",
    "ToldReport",
    "check_agreements",
    "contradictions",
    "open_parquet",
    "read_outputs",
]
