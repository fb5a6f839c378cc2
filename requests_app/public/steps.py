"""Which questions are asked, to whom, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .draft import Draft
from .fields import QuestionForm
from .forms import (
    ContactForm,
    DeclarationsForm,
    EmailForm,
    KindForm,
    ModelOutputForm,
    NameForm,
    OtherNamesForm,
    RepresentativeForm,
    RightsholderForm,
    RoleForm,
    SeenForm,
    WhoForm,
    WorkForm,
)


def _represents(draft: Draft) -> bool:
    return bool(draft.answer("who", "who") == "other")


@dataclass(frozen=True)
class Step:
    """One page of the form. `applies` says whether the answers so far lead to it."""

    slug: str
    form: type[QuestionForm]
    applies: Callable[[Draft], bool] = lambda _draft: True


KIND = Step("kind", KindForm)
STEPS: dict[str, tuple[Step, ...]] = {
    "erasure": (
        KIND,
        Step("who", WhoForm),
        Step("representative", RepresentativeForm, _represents),
        Step("name", NameForm),
        Step("other-names", OtherNamesForm),
        Step("model-output", ModelOutputForm),
        Step("email", EmailForm),
    ),
    "copyright": (
        KIND,
        Step("role", RoleForm),
        Step("rightsholder", RightsholderForm),
        Step("work", WorkForm),
        Step("seen", SeenForm),
        Step("contact", ContactForm),
        Step("declarations", DeclarationsForm),
    ),
}
FORMS = {step.slug: step.form for steps in STEPS.values() for step in steps}


def path(draft: Draft) -> tuple[Step, ...]:
    """Return the pages that this draft goes through; only the first until the kind is known."""
    steps = STEPS.get(str(draft.answer("kind", "kind")), (KIND,))
    return tuple(step for step in steps if step.applies(draft))


def first_unanswered(draft: Draft) -> Step | None:
    """Return the page to go to next; None when everything is answered."""
    return next((step for step in path(draft) if step.slug not in draft.answers), None)


def previous(draft: Draft, slug: str) -> str:
    """Return the slug of the page before; empty for the first."""
    slugs = [step.slug for step in path(draft)]
    return slugs[slugs.index(slug) - 1] if slug in slugs[1:] else ""
