"""Convert a draft's answers into the arguments of the intake service."""

from __future__ import annotations

from requests_app.services.intake import ClaimantDetails, TargetDetails

from .draft import Draft


def claimant_details(draft: Draft) -> ClaimantDetails:
    if draft.answer("kind", "kind") == "copyright":
        return ClaimantDetails(
            name=draft.answer("declarations", "declared_name"),
            email=draft.answer("contact", "email"),
            on_behalf=draft.answer("role", "role") == "agent",
            contact=draft.answer("contact", "contact"),
        )
    on_behalf = draft.answer("who", "who") == "other"
    return ClaimantDetails(
        name=draft.answer("representative", "own_name") if on_behalf else draft.answer("name", "name"),
        email=draft.answer("email", "email"),
        on_behalf=on_behalf,
        # The only thing an officer asks a representative for besides the address: why they may act.
        contact=draft.answer("representative", "authority") if on_behalf else "",
    )


def target_details(draft: Draft) -> TargetDetails:
    if draft.answer("kind", "kind") == "copyright":
        return TargetDetails(
            name=draft.answer("rightsholder", "rightsholder"),
            work_title=draft.answer("work", "work_title"),
            work_text=draft.answer("work", "work_text"),
            work_picture=draft.answer("work", "picture") or "",
            evidence_prompt=draft.answer("seen", "prompt"),
            evidence_output=draft.answer("seen", "output"),
            location=draft.answer("seen", "location"),
            declared_name=draft.answer("declarations", "declared_name"),
        )
    on_behalf = draft.answer("who", "who") == "other"
    return TargetDetails(
        name=draft.answer("name", "name"),
        other_names=tuple(draft.answer("other-names", "other_names")),
        evidence_prompt=draft.answer("model-output", "prompt"),
        evidence_output=draft.answer("model-output", "output"),
        declared_name=draft.answer("representative", "own_name") if on_behalf else "",
    )
