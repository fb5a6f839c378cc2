"""The tables about people: requests, searches, matches, items, proposals, messages. Identifying fields are encrypted."""

from .items import Ending, Item, Proposal
from .messages import Message, UnsentAnswers, UseCount
from .requests import AccessLink, ErasureRequest
from .searches import Match, Search, SearchOrder

__all__ = [
    "AccessLink",
    "Ending",
    "ErasureRequest",
    "Item",
    "Match",
    "Message",
    "Proposal",
    "Search",
    "SearchOrder",
    "UnsentAnswers",
    "UseCount",
]
