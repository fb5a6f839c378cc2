"""The words about erasures in data stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

IN_STORES: Final = "in_stores"
"""The outcome of a request in which nothing was accepted, and documents were erased from data stores."""
STORE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ordered": ("store", "store_sha256", "ground"),
    "listed": ("documents", "of", "listing_sha256"),
    "failed": ("error", "runs"),
    "approved": ("documents", "listing_sha256"),
    "resumed": (),
    "ended": ("verdict", "documents", "places", "result_sha256"),
    "given_up": ("deleting",),
    "settled": ("verdict",),
}
"""What each entry about an erasure says besides which one it is."""
NOTHING: Final = "nothing"
"""No document was found: there is nothing to approve, and nothing to accept."""
STORE_VERDICTS: Final = frozenset({"passed", "failed", "inconclusive"})
"""What reading a store back says: nothing is left, something is, or it cannot be told."""
