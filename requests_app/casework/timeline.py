"""The history of a request in words, from its entries in the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from compliance.evidence.record import EntryBody
from compliance.evidence.statements import UNLEARNING_REPORT
from compliance.selectors import account_names, entries_of
from compliance.services import CLAIMANT, SYSTEM
from requests_app.models import ErasureRequest, Message
from requests_app.states import Ground, RequestOutcome
from unlearning_jobs.wording import RUN_OUTCOMES, method_title, verdict_word

Data = Mapping[str, Any]

MESSAGES: dict[str, Any] = {
    "confirm_address": gettext_lazy("Please confirm your e-mail address"),
    "request_received": gettext_lazy("Request received"),
    "outcome_completed": gettext_lazy("Outcome: completed"),
    "outcome_refused": gettext_lazy("Outcome: refused"),
    "outcome_no_match": gettext_lazy("Outcome: nothing found"),
}
MESSAGE_TONES = {Message.State.WAITING: "neutral", Message.State.SENT: "success", Message.State.FAILED: "danger"}

TITLES: dict[str, Any] = {
    "request.submitted": gettext_lazy("Request received"),
    "request.confirmed": gettext_lazy("E-mail address confirmed"),
    "request.closed": gettext_lazy("Request closed"),
    "mapping.completed": gettext_lazy("Training data searched"),
    "match.accepted": gettext_lazy("Matches accepted"),
    "match.rejected": gettext_lazy("Matches rejected"),
    "matches.decided": gettext_lazy("Review of the matches finished"),
    "review.completed": gettext_lazy("Items created from the accepted matches"),
    "item.decided": gettext_lazy("Item decided"),
    "item.evaluated": gettext_lazy("Verdict received"),
    "item.released": gettext_lazy("Model released"),
    "item.reopened": gettext_lazy("Result abandoned: the model had changed in the meantime"),
    "proposal.submitted": gettext_lazy("Method proposed"),
    "proposal.approved": gettext_lazy("Proposal approved"),
    "proposal.declined": gettext_lazy("Proposal declined"),
    "job.created": gettext_lazy("Job created"),
    "job.started": gettext_lazy("Job started"),
    "job.attempt_ended": gettext_lazy("Job run ended"),
    "job.completed": gettext_lazy("Job completed"),
    "job.failed": gettext_lazy("Job failed"),
    "job.cancel_requested": gettext_lazy("Cancellation requested"),
    "job.cancelled": gettext_lazy("Job cancelled"),
    "attestation.signed": gettext_lazy("Statement signed"),
    "message.queued": gettext_lazy("E-mail queued"),
    "message.sent": gettext_lazy("E-mail sent"),
    "message.failed": gettext_lazy("E-mail could not be sent"),
    "record.sealed": gettext_lazy("History sealed for an evidence bundle"),
}


def timeline(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the events for `components/timeline.html`, newest first."""
    entries = entries_of(subject=erasure_request.subject)
    names = account_names(entry.actor for entry in entries)
    return [
        {
            "title": str(TITLES.get(entry.kind, entry.kind)),
            "at": entry.moment,
            "by": _actor(entry, names),
            "text": _detail(entry),
        }
        | _link(erasure_request, entry)
        for entry in reversed(entries)
    ]


def _actor(entry: EntryBody, names: Mapping[str, str]) -> str:
    fixed = {SYSTEM: pgettext("actor", "the system"), CLAIMANT: pgettext("actor", "the claimant")}
    return fixed.get(entry.actor) or names.get(entry.actor, entry.actor)


def _detail(entry: EntryBody) -> str:
    words = DETAILS.get(entry.kind)
    return words(entry.data) if words else ""


def _link(erasure_request: ErasureRequest, entry: EntryBody) -> dict[str, str]:
    if entry.kind == "job.created":
        return {"url": reverse("jobs:job", args=[entry.data["job"]]), "url_label": _("Open the job")}
    if entry.kind == "attestation.signed" and entry.data["predicate_type"] == UNLEARNING_REPORT:
        place = [erasure_request.reference, entry.data["item"], entry.data["attempt"]]
        return {"url": reverse("jobs:report_of", args=place), "url_label": _("Open the report")}
    return {}


def _candidates(data: Data) -> str:
    count = data.get("candidates", 0)
    return ngettext("%(n)d match found.", "%(n)d matches found.", count) % {"n": count}


def _examples(data: Data) -> str:
    count = len(data["examples"])
    return ngettext("%(n)d example.", "%(n)d examples.", count) % {"n": count}


def _decided(data: Data) -> str:
    return _("%(accepted)d accepted, %(rejected)d rejected.") % {"accepted": data["accepted"], "rejected": data["rejected"]}


def _item_decided(data: Data) -> str:
    ground = Ground(data["ground"]).label
    sentence = _("%(item)s granted. %(ground)s.") if data["granted"] else _("%(item)s refused. %(ground)s.")
    return sentence % {"item": item_words(data["item"]), "ground": ground}


def _attempt(data: Data) -> str:
    sentence = _("%(item)s, attempt %(attempt)d.") % {"item": item_words(data["item"]), "attempt": data["attempt"]}
    return f"{sentence} {method_title(data['method'])}." if "method" in data else sentence


def _evaluated(data: Data) -> str:
    return f"{_attempt(data)} {_('Verdict: %(verdict)s.') % {'verdict': verdict_word(data['verdict'])}}"


def _run(data: Data) -> str:
    return _("Job %(job)d, run %(run)d.") % {"job": data["job"], "run": data["run"]}


def _run_ended(data: Data) -> str:
    return f"{_run(data)} {_('Outcome: %(outcome)s.') % {'outcome': RUN_OUTCOMES[data['outcome']][0]}}"


def _closed(data: Data) -> str:
    return _("Outcome: %(outcome)s.") % {"outcome": RequestOutcome(data["outcome"]).label}


def _message(data: Data) -> str:
    return str(MESSAGES.get(data["template"], data["template"]))


def item_words(key: str) -> str:
    """Put the record's `item-2` into words."""
    return _("Item %(number)s") % {"number": key.removeprefix("item-")}


DETAILS: dict[str, Callable[[Data], str]] = {
    "mapping.completed": _candidates,
    "match.accepted": _examples,
    "match.rejected": _examples,
    "matches.decided": _decided,
    "item.decided": _item_decided,
    "item.evaluated": _evaluated,
    "item.released": _attempt,
    "item.reopened": _attempt,
    "proposal.submitted": _attempt,
    "proposal.approved": _attempt,
    "proposal.declined": _attempt,
    "job.started": _run,
    "job.attempt_ended": _run_ended,
    "job.completed": _run,
    "job.failed": _run,
    "attestation.signed": _attempt,
    "request.closed": _closed,
    "message.queued": _message,
    "message.sent": _message,
    "message.failed": _message,
}


def message_rows(erasure_request: ErasureRequest) -> list[list[object]]:
    """Return the e-mails of a request as table cells, newest first."""
    return [
        [
            str(MESSAGES.get(message.template, message.template)),
            {"tag_label": message.get_state_display(), "tag_tone": MESSAGE_TONES[Message.State(message.state)]},
            date_format(localtime(message.sent_at), "SHORT_DATETIME_FORMAT") if message.sent_at else "–",
        ]
        for message in erasure_request.messages.order_by("-id")
    ]
