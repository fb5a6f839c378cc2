"""The request form: one question per page, then check and send. Needs neither JavaScript nor an account."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from compliance.clients import networks_of
from requests_app.mail_wording import last_mail
from requests_app.models import ErasureRequest
from requests_app.selectors import IDENTIFYING
from requests_app.services import intake
from requests_app.services.limits import ANSWER, use_count
from requests_app.services.mail_reasons import CONFIRM_ADDRESS, is_overdue
from requests_app.services.messages import CONFIRM_LIFETIME

from .draft import Answer, Draft, draft_delete, draft_leave, draft_load, draft_save
from .fields import QuestionForm
from .steps import FORMS, KIND, Step, first_unanswered, path, previous
from .submission import claimant_details, target_details
from .summary import summary_rows
from .too_many import limited
from .uploads import bounded_uploads

SENT = "request_sent"
FORM_METHODS = ["GET", "HEAD", "POST"]


@login_not_required
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "public/start.html", {"draft": draft_load(request.session)})


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@bounded_uploads
@limited
def step(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask one question, or take its answer and go on to the next page (after a change, back to the check page)."""
    if slug not in FORMS:
        raise Http404
    if request.method == "POST":
        use_count(limit=ANSWER, networks=networks_of(request))
    # 1. A draft is needed for every page but the first.
    draft = draft_load(request.session)
    if draft is None and slug != KIND.slug:
        return _expired(request, slug)
    draft = draft or Draft()
    # 2. Skip pages that these answers do not lead to, and do not run ahead of the first unanswered one.
    page = next((page for page in path(draft) if page.slug == slug), None)
    unanswered = first_unanswered(draft)
    if page is None or (unanswered and _position(draft, slug) > _position(draft, unanswered.slug)):
        return _redirect_onward(draft)
    # 3. Ask, or check the answer and go on.
    if request.method != "POST":
        return _ask(request, draft, page, page.form(initial=_initial(draft, slug), **_wording(draft)))
    form = page.form(request.POST, files=request.FILES, initial=_initial(draft, slug), **_wording(draft))
    if not form.is_valid():
        busy = form.has_error("picture", "pictures_busy")
        return _ask(request, draft, page, form, status=503 if busy else 422)
    _store_answer(draft, slug, form.cleaned_data)
    draft_save(request.session, draft)
    return _redirect_onward(draft, after=None if "change" in request.GET else slug)


def _store_answer(draft: Draft, slug: str, answer: Answer) -> None:
    # The name means somebody else now: ask for it again, with the old one filled in.
    if slug == "who" and draft.answer("who", "who") not in {None, answer["who"]} and "name" in draft.answers:
        draft.typed["name"] = draft.answers.pop("name")
    draft.answers[slug] = answer
    draft.typed.pop(slug, None)


def _redirect_onward(draft: Draft, after: str | None = None) -> HttpResponse:
    """Redirect to the question after the given one, else to the first unanswered one, else to the check page."""
    following: Step | None = None
    if after:
        steps = path(draft)
        position = _position(draft, after) + 1
        following = steps[position] if position < len(steps) else None
    following = following or first_unanswered(draft)
    return redirect("public:step", following.slug) if following else redirect("public:check")


def _position(draft: Draft, slug: str) -> int:
    return [page.slug for page in path(draft)].index(slug)


def _wording(draft: Draft) -> dict[str, Any]:
    return {"on_behalf": draft.answer("who", "who") == "other"}


def _initial(draft: Draft, slug: str) -> Answer:
    answer = draft.answers.get(slug) or draft.typed.get(slug) or {}
    return {name: "\n".join(value) if isinstance(value, list) else value for name, value in answer.items()}


def _ask(request: HttpRequest, draft: Draft, page: Step, form: QuestionForm, status: int = 200) -> HttpResponse:
    changing = "change" in request.GET
    before = previous(draft, page.slug)
    back = (
        reverse("public:check") if changing else reverse("public:step", args=[before]) if before else reverse("public:start")
    )
    only = next(iter(form)) if len(form.fields) == 1 else None
    context = {
        "form": form,
        "only": only,
        "title": only.label if only else form.title,
        "back": back,
        "action": request.get_full_path(),
        "has_answers": bool(draft.answers),
    }
    return render(request, "public/step.html", context, status=status)


def _expired(request: HttpRequest, slug: str) -> HttpResponse:
    """Explain that there is no draft. Keep what was typed on this page for when its question comes up again."""
    has_input = request.method == "POST"
    if has_input:
        typed = {name: request.POST[name] for name in FORMS[slug].base_fields if name in request.POST}
        draft_save(request.session, Draft(typed={slug: typed}))
    return render(request, "public/expired.html", {"kept": has_input}, status=410)


@login_not_required
@never_cache
@require_http_methods(FORM_METHODS)
@limited
def check(request: HttpRequest) -> HttpResponse:
    """Show all answers, or send them."""
    # 1. Nothing to check: the request has just been sent, or the draft is gone, or a question is open.
    draft = draft_load(request.session)
    if draft is None:
        return redirect("public:sent") if SENT in request.session else render(request, "public/expired.html", status=410)
    if first_unanswered(draft):
        return _redirect_onward(draft)
    if request.method != "POST":
        return _show(request, draft)
    # 2. Send exactly what this page showed.
    if request.POST.get("answers") != draft.digest():
        problem = _(
            "Your answers changed after you opened this page, perhaps in another tab. "
            "Check them again, then send the request."
        )
        return _show(request, draft, problem)
    sent = intake.request_submit(
        kind=draft.answer("kind", "kind"),
        language=get_language() or "en",
        claimant=claimant_details(draft),
        target=target_details(draft),
        submission_key=draft.key,
        networks=networks_of(request),
    )
    _remember(request, sent)
    return redirect("public:sent")


def _show(request: HttpRequest, draft: Draft, problem: str = "") -> HttpResponse:
    context = {"rows": summary_rows(draft), "digest": draft.digest(), "problem": problem, "page_has_errors": bool(problem)}
    return render(request, "public/check.html", context, status=422 if problem else 200)


def _remember(request: HttpRequest, sent: ErasureRequest) -> None:
    """Leave the draft. Keep only what the confirmation page shows; none of it is personal."""
    draft_leave(request.session)
    request.session[SENT] = {"reference": sent.reference, "due_on": sent.due_on.isoformat(), "kind": sent.kind}


@login_not_required
@never_cache
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Confirm that the request was sent. Still works when reloaded or bookmarked, for as long as the session lasts."""
    facts = request.session.get(SENT)
    if not facts:
        return render(request, "public/expired.html", status=410)
    row = ErasureRequest.objects.defer(*IDENTIFYING).filter(reference=facts["reference"]).first()
    context = {
        **facts,
        "due_on": date.fromisoformat(facts["due_on"]),
        "overdue": row is not None and is_overdue(row),
        "mail": last_mail(row, CONFIRM_ADDRESS) if row else None,
        "confirm_days": CONFIRM_LIFETIME.days,
    }
    return render(request, "public/sent.html", context)


@login_not_required
@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    """Delete the draft."""
    draft_delete(request.session)
    return redirect("public:start")
