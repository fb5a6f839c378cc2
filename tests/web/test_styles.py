"""The style sheets: contrast of the tokens in both schemes (WCAG 2.2, 1.4.3 and 1.4.11), and nothing from elsewhere."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

CSS = settings.BASE_DIR / "static" / "css"
TOKEN = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())}
GROUNDS = ["paper", "surface", "sunken"]

TEXTS = [(ink, ground) for ink in ("ink", "ink-soft", "accent", "danger") for ground in GROUNDS] + [
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger"),
    ("on-danger", "danger-strong"),
    ("accent", "accent-soft"),
    *[(tone, f"{tone}-soft") for tone in ("danger", "success", "warning", "info")],
    *[(f"series-{n}", "surface") for n in range(1, 6)],
]
SIGNS = [(sign, ground) for sign in ("focus", "line-strong") for ground in GROUNDS] + [
    (f"series-{n}", "band") for n in range(1, 6)
]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2, definition of relative luminance)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_is_readable(text: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[text][scheme], COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("sign", "ground"), SIGNS)
def test_borders_focus_and_marks_can_be_seen(sign: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[sign][scheme], COLOURS[ground][scheme]) >= 3


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_style_sheet_loads_nothing_and_knows_no_left_and_right(path: object) -> None:
    text = (CSS / getattr(path, "name", "")).read_text()
    assert not re.search(r"url\(|@import", text)
    assert not re.search(
        r"(margin|padding|border)-(left|right|top|bottom)|(?<![-\w])(width|height):|text-align: (left|right)", text
    )


def test_every_colour_is_a_token() -> None:
    for name in ("base.css", "components.css"):
        assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(|hsl\(", (CSS / name).read_text())
