"""What people try in which state of a case, and how often, on the random walk of `case_walk.py`."""

from __future__ import annotations

from requests_app.states import ItemState, RequestState

USUALLY = {"approve": "lena", "approve end": "lena", "decline": "lena", "decline end": "lena", "release": "nils"}
"""Who does what, mostly; Omar does the rest."""
FURTHER = {
    RequestState.AWAITING_CONFIRMATION: ["confirm"],
    RequestState.MAPPING: ["search"],
    RequestState.REVIEW: ["decide"],
    RequestState.CLOSING: ["approve end"],
    RequestState.IN_PROGRESS: ["search again"],
}
BY_ITEM = {
    ItemState.DECIDING: ["grant", "grant", "search again"],
    ItemState.GRANTED: ["submit", "submit", "search again"],
    ItemState.AWAITING_APPROVAL: ["approve"],
    ItemState.RUNNING: ["end job", "evaluate"],
    ItemState.AWAITING_RELEASE: ["sign", "release", "search again"],
    ItemState.ENDING: ["approve end", "decline end"],
}
"""What takes a request or an item on."""
RUNNING = ["end job", "end job", "cancel job", "evaluate", "evaluate", "sign", "sign", "release", "release", "reopen"]
BY_STATE = {
    RequestState.AWAITING_CONFIRMATION: ["confirm", "confirm", "withdraw"],
    RequestState.MAPPING: ["search", "evaluate", "extend", "withdraw"],
    RequestState.REVIEW: [
        *("decide", "decide", "add", "add of second", *["complete"] * 3, "close", "close", "correct", "correct"),
        *("think again", "undo", "extend", "sample", "sample", "search again", "train", "end training", "withdraw"),
    ],
    RequestState.CLOSING: ["approve end", "approve end", "decline end", "withdraw"],
    RequestState.IN_PROGRESS: [
        *("sample", "grant", "grant", "grant", "refuse", "lapse", "submit", "submit", "approve", "approve", "decline"),
        *("approve end", "decline end", "search again", "extend", "withdraw", "destroy", "train", "end training"),
        *(RUNNING * 2),
    ],
    RequestState.CLOSED: [
        *("train", "end training", "withdraw", "evaluate", "release"),
        *("reopen", "approve", "approve end", "grant", "destroy"),
    ],
}
