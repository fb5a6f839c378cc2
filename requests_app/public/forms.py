"""The questions, one form each. `steps.py` says which are asked, to whom, and in which order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from compliance.ui.forms import HintedRadios
from requests_app.references import reference_normalise

from .fields import LINE, LONG, SHORT, WORK, EmailAddressField, NameField, PictureField, QuestionForm, TextField

MOST_NAMES = 50
FEWEST_WORDS = 8
REMOVE = "remove_picture"
WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word; in scripts without spaces, every character counts as one."""


def choice(missing: Any, **kwargs: Any) -> forms.ChoiceField:
    """A choice between several options. Any other value is treated as missing."""
    kwargs.setdefault("widget", forms.RadioSelect)
    return forms.ChoiceField(error_messages={"required": missing, "invalid_choice": missing}, **kwargs)


class KindForm(QuestionForm):
    short = {"kind": _("What to remove")}
    kind = choice(
        label=_("What do you want removed from our models?"),
        choices=[("erasure", _("Personal data")), ("copyright", _("A copyrighted work"))],
        widget=HintedRadios(
            hints={
                "erasure": _(
                    "Something about you, or about someone you represent. "
                    "This is a request for erasure under Article 17 GDPR."
                ),
                "copyright": _(
                    "A text, or part of one, or a picture that you hold the rights to or whose rightsholder you act for."
                ),
            }
        ),
        missing=_("Choose what you want removed"),
    )


class WhoForm(QuestionForm):
    short = {"who": _("For")}
    who = choice(
        label=_("Who is this request for?"),
        choices=[("self", _("Myself")), ("other", _("Someone I represent"))],
        widget=HintedRadios(
            hints={
                "other": _(
                    "You need authority to act: as a parent or guardian, under a power of attorney, "
                    "or because the person asked you to. We may ask you for proof."
                ),
            }
        ),
        missing=_("Choose whether the request is for yourself or for someone you represent"),
    )


class RepresentativeForm(QuestionForm):
    title = _("About you")
    short = {"own_name": _("Your own name"), "authority": _("Your authority to act")}
    own_name = NameField(label=_("Your own full name"), missing=_("Enter your own full name"))
    authority = TextField(
        longest=1_000,
        rows=4,
        label=_("Why are you allowed to act for this person?"),
        help_text=_("One sentence is enough. For example: I am her mother and she is a minor."),
        missing=_("Explain why you are allowed to act for this person"),
    )


class NameForm(QuestionForm):
    short = {"name": _("Full name")}
    name = NameField(
        label=_("What is your full name?"),
        help_text=_("We search the training data for it, so write it as it would appear there."),
        missing=_("Enter the full name"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.on_behalf:
            self.fields["name"].label = _("What is the full name of the person you represent?")
        else:
            self.fields["name"].widget.attrs["autocomplete"] = "name"


class OtherNamesForm(QuestionForm):
    short = {"other_names": _("Other names")}
    other_names = TextField(
        longest=MOST_NAMES * SHORT,
        rows=5,
        required=False,
        label=_("Other names that may appear"),
        help_text=_(
            "Former names, nicknames, names in other scripts, user names, e-mail or web addresses, telephone numbers or"
            " account numbers (IBAN). One per line."
        ),
    )

    def clean_other_names(self) -> list[str]:
        lines = (" ".join(line.split()) for line in self.cleaned_data["other_names"].split("\n"))
        names = list(dict.fromkeys(line for line in lines if line))
        if len(names) > MOST_NAMES:
            raise ValidationError(
                gettext("Enter at most %(most)d names. There are %(count)d."),
                params={"most": MOST_NAMES, "count": len(names)},
            )
        if too_long := next((n for n, name in enumerate(names, 1) if len(name) > SHORT), None):
            raise ValidationError(
                gettext("Name %(number)d is longer than %(longest)d characters. Put each name on its own line."),
                params={"number": too_long, "longest": SHORT},
            )
        return names


class ModelOutputForm(QuestionForm):
    title = _("What did the model say?")
    intro = _(
        "If you saw the answer yourself, this helps us find the data. "
        "If you are not sure, leave both fields empty and continue."
    )
    short = {"prompt": _("What was asked"), "output": _("What the model answered")}
    prompt = TextField(longest=LONG, rows=3, required=False, label=_("What was asked (the prompt)"))
    output = TextField(longest=WORK, rows=5, required=False, label=_("What the model answered"))


class EmailForm(QuestionForm):
    short = {"email": _("E-mail address")}
    email = EmailAddressField(
        label=_("What is your e-mail address?"),
        help_text=_(
            "We send a confirmation link and everything about your request to this address. "
            "If you ask for yourself, we also search the training data for it."
        ),
    )


class RoleForm(QuestionForm):
    short = {"role": _("Are you the rightsholder?")}
    role = choice(
        label=_("Are you the rightsholder?"),
        choices=[
            ("rightsholder", _("Yes, I hold the rights to the work")),
            ("agent", _("No, I am authorised to act for the rightsholder")),
        ],
        missing=_("Choose whether you are the rightsholder"),
    )


class RightsholderForm(QuestionForm):
    short = {"rightsholder": _("Rightsholder")}
    rightsholder = NameField(
        label=_("What is the name of the rightsholder?"),
        help_text=_("A person or an organisation."),
        missing=_("Enter the name of the rightsholder"),
    )


class WorkForm(QuestionForm):
    title = _("Which work is it?")
    short = {"work_title": _("Title of the work"), "work_text": _("Text or excerpt"), "picture": _("Picture")}
    work_title = TextField(longest=LINE, label=_("Title of the work"), missing=_("Enter the title of the work"))
    work_text = TextField(
        longest=WORK,
        rows=10,
        required=False,
        label=_("The text, or an excerpt"),
        help_text=_(
            "Enter at least 8 words exactly as in the original: we search the training data for them. "
            "The limit is 20,000 characters, so choose the passages that matter most."
        ),
    )
    picture = PictureField(
        label=_("A picture"),
        help_text=_(
            "If the work is a picture, or has some. PNG, JPEG or WebP. We keep a small copy of it, without what the file"
            " says about place and time, and search for copies in training data that consists of pictures."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("picture"):
            self.fields[REMOVE] = forms.BooleanField(required=False, label=_("Remove the picture that you have handed in"))

    def _visible(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return super()._visible(data) | {name: data[name] for name in (REMOVE,) if name in data}

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.cleaned_data.pop(REMOVE, False) and not self.files:
            self.cleaned_data["picture"] = ""
        if not (self.errors or self.cleaned_data["work_text"] or self.cleaned_data["picture"]):
            self.add_error(
                "work_text", _("Enter the text of the work, or an excerpt of at least 8 words, or hand in a picture")
            )
        return self.cleaned_data

    def clean_work_text(self) -> str:
        text: str = self.cleaned_data["work_text"]
        if text and (count := len(WORDS.findall(text))) < FEWEST_WORDS:
            raise ValidationError(
                ngettext(
                    "Enter at least %(fewest)d words of the work. There is %(count)d.",
                    "Enter at least %(fewest)d words of the work. There are %(count)d.",
                    count,
                ),
                params={"fewest": FEWEST_WORDS, "count": count},
            )
        return text


class SeenForm(QuestionForm):
    title = _("Where did you see it?")
    intro = _(
        "Anything you can tell us helps us find the material. If you are not sure, leave everything empty and continue."
    )
    short = {"prompt": _("What was asked"), "output": _("What the model answered"), "location": _("Seen at")}
    prompt = TextField(longest=LONG, rows=3, required=False, label=_("What was asked (the prompt)"))
    output = TextField(longest=WORK, rows=5, required=False, label=_("What the model answered"))
    location = TextField(longest=2_000, rows=2, required=False, label=_("Address of a page, dataset or conversation"))


class ContactForm(QuestionForm):
    title = _("How can we reach you?")
    short = {"email": _("E-mail address"), "contact": _("Address or phone number")}
    email = EmailAddressField(
        label=_("E-mail address"),
        help_text=_("We send a confirmation link and everything about your request to this address."),
    )
    contact = TextField(longest=1_000, rows=3, required=False, label=_("Postal address or phone number"))


class DeclarationsForm(QuestionForm):
    title = _("Your declarations")
    short = {
        "good_faith": _("Good faith"),
        "accuracy": _("Accuracy and authority"),
        "declared_name": _("Signed by"),
    }
    good_faith = forms.BooleanField(
        label=_(
            "I believe in good faith that the use of this work in your models is not authorised "
            "by the rightsholder, its agent, or the law."
        ),
        error_messages={"required": _("Confirm that you believe the use is not authorised, or do not send the request")},
    )
    accuracy = forms.BooleanField(
        label=_(
            "The information in this notice is accurate, and, under penalty of perjury, "
            "I am the rightsholder or authorised to act for the rightsholder."
        ),
        error_messages={
            "required": _("Confirm that the information is accurate and that you are authorised, or do not send the request")
        },
    )
    declared_name = NameField(
        label=_("Your full name, as your signature"),
        help_text=_("Typing your name here signs the notice."),
        missing=_("Type your full name to sign the notice"),
    )


class ResendForm(QuestionForm):
    """Asks for the details needed to send a new confirmation link."""

    reference = TextField(
        longest=40,
        label=_("Your reference"),
        help_text=_("It looks like LE-7KQ4-M2XD."),
        missing=_("Enter your reference"),
    )
    email = EmailAddressField(
        label=_("The e-mail address you gave in the request"), missing=_("Enter the e-mail address you gave in the request")
    )

    def clean_reference(self) -> str:
        reference = reference_normalise(self.cleaned_data["reference"])
        if reference is None:
            raise ValidationError(
                gettext("Check the reference: it should look like LE-7KQ4-M2XD, and this is not one of ours")
            )
        return reference
