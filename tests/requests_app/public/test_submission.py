from __future__ import annotations

from requests_app.public.draft import Draft
from requests_app.public.submission import claimant_details, target_details


def test_agent_signs_and_the_rightsholder_is_the_target() -> None:
    draft = Draft(
        answers={
            "kind": {"kind": "copyright"},
            "role": {"role": "agent"},
            "rightsholder": {"rightsholder": "Verlag"},
            "work": {"work_title": "Title", "work_text": "Text"},
            "seen": {"prompt": "", "output": "", "location": ""},
            "contact": {"email": "a@example.org", "contact": ""},
            "declarations": {"good_faith": True, "accuracy": True, "declared_name": "Ada"},
        }
    )
    assert (claimant_details(draft).name, claimant_details(draft).on_behalf) == ("Ada", True)
    assert (target_details(draft).name, target_details(draft).declared_name) == ("Verlag", "Ada")


def test_answers_of_another_kind_are_not_submitted() -> None:
    draft = Draft(
        answers={
            "kind": {"kind": "erasure"},
            "who": {"who": "self"},
            "representative": {"own_name": "Berta", "authority": "mother"},
            "name": {"name": "Ada"},
            "other-names": {"other_names": []},
            "model-output": {"prompt": "", "output": ""},
            "email": {"email": "a@example.org"},
            "work": {"work_title": "Title", "work_text": "Text"},
        }
    )
    assert (target_details(draft).work_text, target_details(draft).declared_name) == ("", "")
    assert (claimant_details(draft).name, claimant_details(draft).contact) == ("Ada", "")
