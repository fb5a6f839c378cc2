"""Erases documents from data stores, and reads back what is left of them, byte by byte. Does not import torch.

`docs/stores.md` says which stores there are, and what a verdict is worth.
"""

from .erasure import Listing, erase, find_documents, verify
from .result import verdict_of
from .spec import StoreSpec, read_spec, spec_from
from .store import StoreError

__all__ = [
    "Listing",
    "StoreError",
    "StoreSpec",
    "erase",
    "find_documents",
    "read_spec",
    "spec_from",
    "verdict_of",
    "verify",
]
