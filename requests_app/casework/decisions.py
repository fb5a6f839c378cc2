"""Grant an item or propose to refuse it: enter the decision, read what follows from it, confirm."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.ui.forms import HintedRadios, LetheForm
from requests_app.models import Item
from requests_app.services import decisions, endings
from requests_app.services.accepted import accepted_examples
from requests_app.services.letters import closing_letter
from requests_app.services.permissions import approvers_left_sentence
from requests_app.services.reasons import reasons_problem
from requests_app.states import GRANT_GROUNDS, REFUSE_GROUNDS, Ground, ItemState

from .requests import officers_only
from .shared import identity, item_of, origins_of
from .stated import Parts, as_stated, ending_parts, stated

GRANT, REFUSE = "grant", "refuse"
NO_GROUND = {"required": gettext_lazy("Choose a ground.")}


class DecisionForm(LetheForm):
    """A decision on one item. Only the ground of the chosen decision is checked."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[(GRANT, gettext_lazy("Grant")), (REFUSE, gettext_lazy("Refuse"))],
        widget=HintedRadios(
            hints={
                GRANT: gettext_lazy("Have the examples removed from the model. You choose how in the next step."),
                REFUSE: gettext_lazy(
                    "The model is not changed for this item. Once another officer has approved your reasons and the"
                    " request’s other items are settled, they are sent to the claimant."
                ),
            }
        ),
        error_messages={"required": gettext_lazy("Choose whether to grant or to refuse.")},
    )
    grant_ground = forms.ChoiceField(
        label=gettext_lazy("Ground for granting"), widget=forms.RadioSelect, error_messages=NO_GROUND
    )
    refuse_ground = forms.ChoiceField(
        label=gettext_lazy("Ground for refusing"), widget=forms.RadioSelect, error_messages=NO_GROUND
    )
    reasons = forms.CharField(
        label=gettext_lazy("Reasons"),
        required=False,
        max_length=10_000,
        help_text=gettext_lazy(
            "Use plain language. A refusal needs at least one whole sentence that says why: it is sent to the claimant."
        ),
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, *args: Any, item: Item, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = item.request.kind
        if item.state == ItemState.GRANTED:  # it can still be refused
            decision = self.fields["decision"]
            assert isinstance(decision, forms.ChoiceField)  # noqa: S101  # declared above; for the type checker
            decision.choices = [(REFUSE, gettext_lazy("Refuse"))]
        for name, grounds in (("grant_ground", GRANT_GROUNDS[kind]), ("refuse_ground", REFUSE_GROUNDS[kind])):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above; for the type checker
            field.choices = [(ground.value, ground.label) for ground in grounds]

    @property
    def grants(self) -> bool:
        return bool(self.cleaned_data.get("decision") == GRANT)

    @property
    def ground(self) -> str:
        return str(self.cleaned_data.get("grant_ground" if self.grants else "refuse_ground") or "")

    def clean(self) -> None:
        decision = self.cleaned_data.get("decision")
        # The browser hides the other decision's grounds with CSS, but they are fields of the same form.
        for other in {GRANT, REFUSE} - {decision}:
            self.errors.pop(f"{other}_ground", None)
        problem = reasons_problem(self.cleaned_data.get("reasons", "")) if decision == REFUSE else ""
        if problem and "reasons" not in self.errors:
            self.add_error("reasons", problem)


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def item_decide(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Ask for the decision, show what follows from it, and take it on the second, confirmed POST."""
    item = item_of(reference, number)
    if request.method != "POST":
        return _ask(request, item, DecisionForm(item=item))
    # 1. The first POST brings the decision: check it, and show what follows from it.
    form = DecisionForm(request.POST, item=item)
    if not form.is_valid():
        return _ask(request, item, form, status=422)
    if "confirmed" not in request.POST:
        change = "change" in request.POST
        return _ask(request, item, form) if change else _confirm(request, item, form)
    # 2. The second POST confirms it.
    try:
        said: dict[str, Any] = {"ground": form.ground, "reasons": form.cleaned_data["reasons"], "by": account_of(request)}
        with as_stated(request, item.request, lambda: _parts(item_of(reference, number), form, account_of(request))):
            if form.grants:
                decisions.item_grant(item=item, **said)
            else:
                endings.refusal_propose(item=item, **said)
    except StaleStateError as error:
        form.add_error(None, str(error))
        return _ask(request, item_of(reference, number), form, status=409)
    return redirect("casework:request_detail", item.request.reference)


def _parts(item: Item, form: DecisionForm, by: Account) -> Parts:
    """Return what the page states about the decision: the examples that it is about and, of a refusal, how it ends."""
    if form.grants:
        return {"examples": [item.example_ids, accepted_examples(item)], "items": item.state}
    said = {"ground": form.ground, "reasons": form.cleaned_data["reasons"]}
    return ending_parts(endings.refusal_draft(item=item, by=by, **said))


def _ask(request: HttpRequest, item: Item, form: DecisionForm, status: int = 200) -> HttpResponse:
    context = identity(item.request) | {
        "item": item,
        "origins": origins_of(item),
        "form": form,
        "deciding": item.state in {ItemState.DECIDING, ItemState.GRANTED},
    }
    return render(request, "casework/item_decide.html", context, status=status)


def _confirm(request: HttpRequest, item: Item, form: DecisionForm) -> HttpResponse:
    count = len(item.example_ids)
    words = (
        ngettext("Grant the erasure of %(n)d example", "Grant the erasure of %(n)d examples", count)
        if form.grants
        else ngettext("Propose to refuse %(n)d example", "Propose to refuse %(n)d examples", count)
    )
    reasons = form.cleaned_data["reasons"].strip()
    draft = endings.refusal_draft(item=item, ground=form.ground, reasons=reasons, by=account_of(request))
    letter = None if form.grants else closing_letter(draft)
    context = identity(item.request) | {
        "item": item,
        "origins": origins_of(item),
        "form": form,
        "ground": Ground(form.ground).label,
        "reasons": reasons,
        "grants": form.grants,
        "letter": letter,
        "label": words % {"n": count},
        "action": reverse("casework:item_decide", args=[item.request.reference, item.number]),
        "fields": {name: form.cleaned_data.get(name, "") for name in form.fields}
        | {"confirmed": "yes"}
        | stated(_parts(item, form, account_of(request))),
        "approvers": approvers_left_sentence(item.request, account_of(request)),
    }
    return render(request, "casework/item_decide_confirm.html", context)
