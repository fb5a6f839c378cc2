from __future__ import annotations

import pytest

from .pages import SVG, Page, Site, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(site: Site) -> Page:
    return site.get("/components/")


def test_errors_are_said_on_top_and_beside_each_field(page: Page) -> None:
    assert ("id_wrong-day", "Enter a valid date.") in page.errors
    assert page.field_error("wrong-day") == "Enter a valid date."


def test_error_summary_takes_the_focus(page: Page) -> None:
    summary = page.one("div", class_="error-summary")
    assert summary.get("tabindex") == "-1"
    assert "autofocus" in summary.attrib


def test_wrong_field_is_marked_and_points_to_its_error(page: Page) -> None:
    control = page.one("input", id="id_wrong-name")
    assert control.get("aria-invalid") == "true"
    assert control.get("aria-describedby") == "id_wrong-name_helptext id_wrong-name_error"


def test_group_of_radios_has_a_legend_and_describes_the_whole_group(page: Page) -> None:
    group = next(f for f in page.all("fieldset") if page.all("input", f, name="wrong-decision"))
    assert text_of(page.one("legend", group)) == "Decision"
    assert group.get("aria-describedby") == "id_wrong-decision_helptext id_wrong-decision_error"


def test_hint_of_a_choice_belongs_to_its_radio(page: Page) -> None:
    assert page.one("input", id="id_plain-decision_1").get("aria-describedby") == "id_plain-decision_1_hint"


def test_only_optional_fields_say_so(page: Page) -> None:
    labels = {label.get("for"): text_of(label) for label in page.all("label")}
    assert labels["id_plain-note"] == "Note (optional)"
    assert labels["id_plain-name"] == "Full name"


def test_state_is_said_in_words_as_well_as_in_colour(page: Page) -> None:
    assert all(text_of(tag) for tag in page.all("span", class_="tag"))


def test_every_chart_has_a_name_a_description_and_its_numbers(page: Page) -> None:
    charts = [f for f in page.all("figure", class_="chart") if page.all(f"{SVG}svg", f)]
    assert len(charts) == 3
    for chart in charts:
        assert text_of(page.one("figcaption", chart)) == text_of(page.one(f"{SVG}title", chart))
        assert text_of(page.one(f"{SVG}desc", chart))
        assert len(page.all("tr", page.one("table", chart))) > 1
        assert page.all("a", chart)


def test_chart_without_data_says_so(page: Page) -> None:
    empty = page.all("figure", class_="chart")[-1]
    assert "Nothing to draw yet." in text_of(empty)


def test_coordinates_do_not_change_with_the_language(site: Site) -> None:
    english = [line.get("points") for line in site.get("/components/").all(f"{SVG}polyline")]
    site.client.cookies["django_language"] = "de"
    german = [line.get("points") for line in site.get("/components/").all(f"{SVG}polyline")]
    assert english == german


def test_numbers_for_people_follow_the_language(site: Site) -> None:
    site.client.cookies["django_language"] = "de"
    assert "0,06" in site.get("/components/").words


def test_progress_of_unknown_length_shows_no_share(page: Page) -> None:
    waiting = page.one("section", id="progress-waiting")
    assert "value" not in page.one("progress", waiting).attrib
    assert "Length not known yet" in text_of(waiting)
