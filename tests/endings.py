"""A case that ends without unlearning, and one whose review is repeated; for tests, brought there by the services."""

from __future__ import annotations

from django.core import mail

from requests_app.models import Ending, ErasureRequest, Item
from requests_app.services import endings, mapping, matches
from requests_app.services.letters import closing_letter
from requests_app.services.messages import message_send
from tests.staging import Stage

NOT_HERS = "This passage is about somebody else with the same name."
REASONS = "A court has ordered us to keep these passages until the case before it ends."


def refusal_proposed(stage: Stage, item: Item | None = None, reasons: str = REASONS) -> Ending:
    """Omar has proposed to refuse the item, for Lena to approve."""
    item = item or stage.reviewed()
    return endings.refusal_propose(item=item, ground="17_3_e", reasons=reasons, by=stage.staff.omar)


def refused(stage: Stage, item: Item | None = None, reasons: str = REASONS) -> Ending:
    """Lena has approved the refusal."""
    return endings.ending_approve(ending=refusal_proposed(stage, item, reasons), by=stage.staff.lena)


def corrected(stage: Stage, reasons: str = NOT_HERS) -> Ending:
    """Omar has proposed to take what he rejected out of the items, and Lena approved."""
    ending = endings.correction_propose(request=stage.request, reasons=reasons, by=stage.staff.omar)
    ending = endings.ending_approve(ending=ending, by=stage.staff.lena)
    stage.request.refresh_from_db()
    return ending


def reviewed_again(stage: Stage) -> ErasureRequest:
    """A later review is completed by Omar; what is open is accepted."""
    open_ids = list(stage.request.matches.filter(decision="open").values_list("pk", flat=True))
    if open_ids:
        matches.matches_decide(request=stage.request, match_ids=open_ids, accept=True, by=stage.staff.omar)
    stage.request = mapping.review_complete(request=stage.request, by=stage.staff.omar)
    return stage.request


def sent_body(stage: Stage) -> str:
    """What the last queued mail says, with its secret links taken out."""
    message = stage.request.messages.latest("pk")
    assert message_send(message_id=message.pk)
    body = str(mail.outbox[-1].body)
    link = next(word for word in body.split() if "/status/" in word)
    return body.replace(link, "…")


def assert_sent_as_previewed(stage: Stage, draft: Ending, ending: Ending) -> str:
    """The preview before the proposal, the one before the approval, and the mail are the same text."""
    first, second = closing_letter(draft), closing_letter(Ending.objects.get(pk=ending.pk))
    assert first is not None
    assert second is not None
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    body = sent_body(stage)
    assert first.text.strip() == second.text.strip() == body.strip()
    return body
