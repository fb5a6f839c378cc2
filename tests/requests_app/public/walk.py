"""Two people who fill in the form: answers by step, and the walk through the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.web.pages import Page, Site

Answers = dict[str, dict[str, Any]]

ERASURE: Answers = {
    "kind": {"kind": "erasure"},
    "who": {"who": "self"},
    "name": {"name": "Ada Beispiel"},
    "other-names": {"other_names": "ada_b\r\nA. Beispiel"},
    "model-output": {"prompt": "Who is Ada?", "output": "Ada lives in Bonn."},
    "email": {"email": "ada@example.org"},
}
COPYRIGHT: Answers = {
    "kind": {"kind": "copyright"},
    "role": {"role": "agent"},
    "rightsholder": {"rightsholder": "Verlag Beispiel"},
    "work": {
        "work_title": "The Lantern Keeper",
        "work_text": "The keeper counted the waves each night and wrote them down.",
    },
    "seen": {"prompt": "", "output": "", "location": "https://example.org/chat"},
    "contact": {"email": "rights@example.org", "contact": "Am Hafen 1, Bonn"},
    "declarations": {"good_faith": "on", "accuracy": "on", "declared_name": "Ada Beispiel"},
}


def walk(site: Site, answers: Mapping[str, Mapping[str, Any]], start: str = "/request/kind/") -> Page:
    """Answers the questions in the order in which the site asks them; returns the page after the last one."""
    page = site.get(start)
    for step, values in answers.items():
        assert page.path == f"/request/{step}/", f"{page.path} is asked, not {step}"
        page = site.submit(page, values)
    return page


def send(site: Site, answers: Answers) -> Page:
    return site.submit(walk(site, answers), action="/request/check/")
