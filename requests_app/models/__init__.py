"""The tables about people: requests, searches, matches, items, proposals, messages. Identifying fields are encrypted."""

from .copies import CopySettlement
from .items import Ending, Item, Proposal
from .messages import Message, UnsentAnswers, UseCount
from .requests import AccessLink, ErasureRequest
from .samples import MissedSample, SampledExample
from .searches import Match, Search, SearchOrder
from .stores import StoreErasure
from .suppressions import Suppression

__all__ = [
    "AccessLink",
    "CopySettlement",
    "Ending",
    "ErasureRequest",
    "Item",
    "Match",
    "Message",
    "MissedSample",
    "Proposal",
    "SampledExample",
    "Search",
    "SearchOrder",
    "StoreErasure",
    "Suppression",
    "UnsentAnswers",
    "UseCount",
]
