"""The history of a request in words, from its entries in the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from compliance.accounts.selectors import account_names
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import UNLEARNING_REPORT
from compliance.formats.record_kinds import RecordKind
from compliance.record.selectors import entries_of
from compliance.record.services import CLAIMANT, SYSTEM
from requests_app.copies_wording import COPY_DETAILS, COPY_TITLES
from requests_app.mail_wording import mail_title
from requests_app.models import ErasureRequest, Message
from requests_app.sample_wording import drawn_words, failed_words, finished_words, ordered_words
from requests_app.services.mail_reasons import message_standing
from requests_app.services.messages import can_resend
from requests_app.states import Ground, RequestOutcome
from requests_app.stores_wording import STORE_DETAILS, STORE_TITLES
from requests_app.suppression_wording import SUPPRESSION_DETAILS, SUPPRESSION_TITLES
from requests_app.wording import HOW_WORDS, search_error_words
from unlearning_jobs.wording import RUN_OUTCOMES, method_title, verdict_word

Data = Mapping[str, Any]

MESSAGE_TONES = dict.fromkeys((Message.State.WAITING, Message.State.LAPSED), "neutral")
MESSAGE_TONES |= {Message.State.SENT: "success", Message.State.FAILED: "danger"}

TITLES: dict[str, Any] = {
    RecordKind.REQUEST_SUBMITTED: gettext_lazy("Request received"),
    RecordKind.REQUEST_CONFIRMED: gettext_lazy("E-mail address confirmed"),
    RecordKind.REQUEST_EXTENDED: gettext_lazy("Time for the answer extended"),
    RecordKind.REQUEST_CLOSED: gettext_lazy("Request closed"),
    **SUPPRESSION_TITLES,
    **COPY_TITLES,
    **STORE_TITLES,
    RecordKind.MAPPING_COMPLETED: gettext_lazy("Training data searched"),
    RecordKind.SEARCH_ORDERED: gettext_lazy("Search ordered again"),
    RecordKind.SEARCH_FAILED: gettext_lazy("Search failed"),
    RecordKind.SAMPLE_ORDERED: gettext_lazy("Sample of what the search missed ordered"),
    RecordKind.SAMPLE_DRAWN: gettext_lazy("Sample drawn"),
    RecordKind.SAMPLE_FAILED: gettext_lazy("Sample could not be drawn"),
    RecordKind.SAMPLE_FINISHED: gettext_lazy("Sample looked at"),
    RecordKind.MATCH_ADDED: gettext_lazy("Match added by hand"),
    RecordKind.MATCH_ACCEPTED: gettext_lazy("Matches accepted"),
    RecordKind.MATCH_REJECTED: gettext_lazy("Matches rejected"),
    RecordKind.MATCH_REOPENED: gettext_lazy("Decisions about matches taken back"),
    RecordKind.MATCH_ACCOUNTED: gettext_lazy("What became of the accepted examples"),
    RecordKind.MATCHES_DECIDED: gettext_lazy("Review of the matches finished"),
    RecordKind.ITEM_CREATED: gettext_lazy("Item created"),
    RecordKind.REVIEW_COMPLETED: gettext_lazy("On to the items"),
    RecordKind.ITEM_DECIDED: gettext_lazy("Item decided"),
    RecordKind.ENDING_PROPOSED: gettext_lazy("End without unlearning proposed"),
    RecordKind.ENDING_APPROVED: gettext_lazy("End without unlearning approved"),
    RecordKind.ENDING_DECLINED: gettext_lazy("End without unlearning declined"),
    RecordKind.ITEM_LAPSED: gettext_lazy("Item lapsed"),
    RecordKind.ITEM_CORRECTED: gettext_lazy("Rejected examples taken out of the item"),
    RecordKind.ITEM_EVALUATED: gettext_lazy("Verdict received"),
    RecordKind.ITEM_RELEASED: gettext_lazy("Model released"),
    RecordKind.ERASURE_ENTERED: gettext_lazy("Examples entered in the erasure ledger"),
    RecordKind.ITEM_REOPENED: gettext_lazy("Result given up: it could no longer be released"),
    RecordKind.PROPOSAL_SUBMITTED: gettext_lazy("Method proposed"),
    RecordKind.PROPOSAL_APPROVED: gettext_lazy("Proposal approved"),
    RecordKind.PROPOSAL_DECLINED: gettext_lazy("Proposal declined"),
    RecordKind.JOB_CREATED: gettext_lazy("Job created"),
    RecordKind.JOB_STARTED: gettext_lazy("Job started"),
    RecordKind.JOB_RUN_ENDED: gettext_lazy("Job run ended"),
    "job.attempt_ended": gettext_lazy("Job run ended"),  # its name in older entries
    RecordKind.JOB_COMPLETED: gettext_lazy("Job completed"),
    RecordKind.JOB_FAILED: gettext_lazy("Job failed"),
    RecordKind.JOB_CANCEL_REQUESTED: gettext_lazy("Cancellation requested"),
    RecordKind.JOB_CANCELLED: gettext_lazy("Job cancelled"),
    RecordKind.ATTESTATION_SIGNED: gettext_lazy("Statement signed"),
    RecordKind.MESSAGE_QUEUED: gettext_lazy("E-mail queued"),
    RecordKind.MESSAGE_SENT: gettext_lazy("E-mail sent"),
    RecordKind.MESSAGE_FAILED: gettext_lazy("E-mail could not be sent"),
    RecordKind.MESSAGE_LAPSED: gettext_lazy("E-mail no longer due, and not sent"),
    RecordKind.RECORD_SEALED: gettext_lazy("History sealed for an evidence bundle"),
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
    if entry.kind == RecordKind.JOB_CREATED:
        return {"url": reverse("jobs:job", args=[entry.data["job"]]), "url_label": _("Open the job")}
    if entry.kind == RecordKind.ATTESTATION_SIGNED and entry.data["predicate_type"] == UNLEARNING_REPORT:
        place = [erasure_request.reference, entry.data["item"], entry.data["attempt"]]
        return {"url": reverse("jobs:report_of", args=place), "url_label": _("Open the report")}
    return {}


def _candidates(data: Data) -> str:
    count = data.get("candidates", 0)
    found = ngettext("%(n)d match found.", "%(n)d matches found.", count) % {"n": count}
    # Entries of earlier versions do not say whether the search was complete.
    return found if data.get("complete", True) else " ".join((found, _("The search was not complete.")))


def _search_failed(data: Data) -> str:
    return search_error_words(data["error"], data["runs"])


def _examples(data: Data) -> str:
    count, clusters = len(data["examples"]), len(data.get("clusters", ()))
    if data.get("how", "each") == "each" or not clusters:
        return ngettext("%(n)d example.", "%(n)d examples.", count) % {"n": count}
    sentence = ngettext("%(n)d example, %(how)s.", "%(n)d examples, %(how)s.", count)
    return sentence % {"n": count, "how": HOW_WORDS.get(data["how"], data["how"])}


def _extended(data: Data) -> str:
    day = date_format(date.fromisoformat(data["due_on"]), "DATE_FORMAT")
    return _("The answer is due by the end of %(day)s.") % {"day": day}


def _decided(data: Data) -> str:
    return _("%(accepted)d accepted, %(rejected)d rejected.") % {"accepted": data["accepted"], "rejected": data["rejected"]}


def _created(data: Data) -> str:
    return f"{item_words(data['item'])}: {_examples(data)}"


def _item_decided(data: Data) -> str:
    ground = Ground(data["ground"]).label
    sentence = _("%(item)s granted. %(ground)s.") if data["granted"] else _("%(item)s refused. %(ground)s.")
    return sentence % {"item": item_words(data["item"]), "ground": ground}


def _ending(data: Data) -> str:
    whole = _("Rejected examples in items") if data["outcome"] == RequestOutcome.NOT_CONCERNED else _("The whole request")
    place = item_words(data["item"]) if data["item"] else whole
    words = [
        place,
        str(RequestOutcome(data["outcome"]).label),
        *([str(Ground(data["ground"]).label)] if data["ground"] else []),
    ]
    return f"{': '.join(words)}."


def _lapsed(data: Data) -> str:
    return f"{item_words(data['item'])}: {RequestOutcome(data['outcome']).label}."


def _corrected(data: Data) -> str:
    count = data["examples"]
    left = ngettext("%(n)d example is left.", "%(n)d examples are left.", count) % {"n": count}
    ended = _("Nothing is left, so it has ended.")
    return f"{item_words(data['item'])}: {left if count else ended}"


def _attempt(data: Data) -> str:
    sentence = _("%(item)s, attempt %(attempt)d.") % {"item": item_words(data["item"]), "attempt": data["attempt"]}
    return f"{sentence} {method_title(data['method'])}." if "method" in data else sentence


def _entered(data: Data) -> str:
    count = data["examples"]
    examples = ngettext("%(n)d example.", "%(n)d examples.", count) % {"n": count}
    return examples if data["item"] else " ".join((examples, _("No model in use knows it, and no training may learn it.")))


def _evaluated(data: Data) -> str:
    verdict = _("Verdict: %(verdict)s.") % {"verdict": verdict_word(data["verdict"])}
    return f"{_attempt(data)} {verdict}"


def _run(data: Data) -> str:
    return _("Job %(job)d, run %(run)d.") % {"job": data["job"], "run": data["run"]}


def _run_ended(data: Data) -> str:
    outcome = _("Outcome: %(outcome)s.") % {"outcome": RUN_OUTCOMES[data["outcome"]][0]}
    return f"{_run(data)} {outcome}"


def _closed(data: Data) -> str:
    return _("Outcome: %(outcome)s.") % {"outcome": RequestOutcome(data["outcome"]).label}


def _message(data: Data) -> str:
    return mail_title(data["template"])


def item_words(key: str) -> str:
    """Put the record's `item-2` into words."""
    return _("Item %(number)s") % {"number": key.removeprefix("item-")}


DETAILS: dict[str, Callable[[Data], str]] = {
    RecordKind.REQUEST_EXTENDED: _extended,
    **SUPPRESSION_DETAILS,
    **STORE_DETAILS,
    **COPY_DETAILS,
    RecordKind.MAPPING_COMPLETED: _candidates,
    RecordKind.SEARCH_FAILED: _search_failed,
    RecordKind.SAMPLE_ORDERED: ordered_words,
    RecordKind.SAMPLE_DRAWN: drawn_words,
    RecordKind.SAMPLE_FAILED: failed_words,
    RecordKind.SAMPLE_FINISHED: finished_words,
    RecordKind.MATCH_ACCEPTED: _examples,
    RecordKind.MATCH_REJECTED: _examples,
    RecordKind.MATCH_REOPENED: _examples,
    RecordKind.MATCH_ACCOUNTED: _examples,
    RecordKind.MATCHES_DECIDED: _decided,
    RecordKind.ITEM_CREATED: _created,
    RecordKind.ITEM_DECIDED: _item_decided,
    **dict.fromkeys((RecordKind.ENDING_PROPOSED, RecordKind.ENDING_APPROVED, RecordKind.ENDING_DECLINED), _ending),
    RecordKind.ITEM_LAPSED: _lapsed,
    RecordKind.ITEM_CORRECTED: _corrected,
    RecordKind.ITEM_EVALUATED: _evaluated,
    RecordKind.ITEM_RELEASED: _attempt,
    RecordKind.ERASURE_ENTERED: _entered,
    RecordKind.ITEM_REOPENED: _attempt,
    RecordKind.PROPOSAL_SUBMITTED: _attempt,
    RecordKind.PROPOSAL_APPROVED: _attempt,
    RecordKind.PROPOSAL_DECLINED: _attempt,
    RecordKind.JOB_STARTED: _run,
    RecordKind.JOB_RUN_ENDED: _run_ended,
    "job.attempt_ended": _run_ended,
    RecordKind.JOB_COMPLETED: _run,
    RecordKind.JOB_FAILED: _run,
    RecordKind.ATTESTATION_SIGNED: _attempt,
    RecordKind.REQUEST_CLOSED: _closed,
    RecordKind.MESSAGE_QUEUED: _message,
    RecordKind.MESSAGE_SENT: _message,
    RecordKind.MESSAGE_FAILED: _message,
    RecordKind.MESSAGE_LAPSED: _message,
}


def message_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the e-mails of a request as table rows, newest first, with the address of “Send again” where it is allowed."""
    return [
        {
            "title": mail_title(message.template),
            "label": str(Message.State(message_standing(message)).label),
            "tone": _message_tone(message),
            "sent": date_format(localtime(message.sent_at), "SHORT_DATETIME_FORMAT") if message.sent_at else "–",
            "problem": _message_problem(message),
            "resend": reverse("casework:message_resend", args=[erasure_request.reference, message.pk])
            if can_resend(message)
            else "",
        }
        for message in erasure_request.messages.select_related("request").order_by("-id")
    ]


def _message_tone(message: Message) -> str:
    standing = Message.State(message_standing(message))
    return "warning" if standing == Message.State.WAITING and message.error else MESSAGE_TONES[standing]


def _message_problem(message: Message) -> str:
    """Return what went wrong last and what happens next; empty if nothing did."""
    standing = message_standing(message)
    if standing == Message.State.LAPSED:
        return _("Not sent: what it says was no longer so.")
    if not message.error:
        return ""
    facts = {"n": message.attempts, "error": message.error}
    if standing == Message.State.FAILED or message.next_attempt_at is None:
        return _("Given up after attempt %(n)d (%(error)s).") % facts
    facts["at"] = date_format(localtime(message.next_attempt_at), "SHORT_DATETIME_FORMAT")
    return _("Attempt %(n)d failed (%(error)s). Next attempt: %(at)s.") % facts
