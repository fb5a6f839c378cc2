"""Shared by all questions: fields that never truncate input and explain what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.ui.forms import LetheForm
from requests_app.pictures import MOST_BYTES, picture_kept
from unlearning_jobs.engine.matching import QueryError

SHORT, LINE, LONG, WORK = 200, 300, 5_000, 20_000
"""Maximum number of characters in a name, a title, a prompt and a text."""

EMAIL_MISSING = _("Enter your e-mail address")
PICTURE_ERRORS = {
    "empty": _("The file is empty. Choose another one."),
    "not_an_image": _("Choose a picture as PNG, JPEG or WebP. This file cannot be read as one."),
    "image_too_large": _("Choose a smaller copy of the picture: at most %(most)d MiB and 25 million pixels."),
    "image_too_costly": _(
        "Reading this picture takes more time or memory than we allow."
        " Save it again in an image program and choose that copy."
    ),
    "pictures_busy": _("We are reading another picture just now. Choose yours again in a minute."),
}
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that reverse the direction of text so that it reads differently."""


class TextField(forms.CharField):
    """Text whose length is checked here rather than by the browser, which would silently cut off a paste."""

    def __init__(self, *, longest: int, missing: Any = None, rows: int = 0, **kwargs: Any) -> None:
        self.longest = longest
        attrs = {"dir": "auto", "rows": rows} if rows else {"dir": "auto"}
        kwargs.setdefault("widget", forms.Textarea(attrs=attrs) if rows else forms.TextInput(attrs=attrs))
        if missing:
            kwargs["error_messages"] = {"required": missing}
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.longest:
            raise ValidationError(
                gettext("Shorten this to at most %(longest)d characters. It has %(length)d."),
                params={"longest": self.longest, "length": len(value)},
            )


class NameField(TextField):
    """The name of a person or an organisation: one line, with at least one letter."""

    def __init__(self, *, missing: Any, **kwargs: Any) -> None:
        super().__init__(longest=SHORT, missing=missing, **kwargs)

    def to_python(self, value: Any) -> str:
        return " ".join(super().to_python(value).split())

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not any(character.isalpha() for character in value):
            raise ValidationError(self.error_messages["required"])


class PictureField(forms.FileField):
    """A picture, of which a small copy is kept as text. Without a new one, the earlier one stays."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"})
        super().__init__(widget=widget, required=False, error_messages=PICTURE_ERRORS, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> str:
        uploaded = super().clean(data, initial)
        if not uploaded or isinstance(uploaded, str):
            return uploaded or ""
        try:
            return picture_kept(uploaded.read(MOST_BYTES + 1))
        except QueryError as error:
            message, params = self.error_messages[error.code], {"most": MOST_BYTES >> 20}
            raise ValidationError(message, code=error.code, params=params) from None


class EmailAddressField(TextField):
    """An e-mail address. Spaces from a paste are ignored."""

    def __init__(self, *, missing: Any = EMAIL_MISSING, **kwargs: Any) -> None:
        widget = forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"})
        super().__init__(longest=254, missing=missing, widget=widget, **kwargs)

    def to_python(self, value: Any) -> str:
        return "".join(super().to_python(value).split())

    def validate(self, value: str) -> None:
        super().validate(value)
        try:
            validate_email(value)
        except ValidationError:
            raise ValidationError(gettext("Enter an e-mail address like name@example.org")) from None


class QuestionForm(LetheForm):
    """One page. `title` is its heading; a page with one field uses the field's label instead and leaves `title` empty.

    `short` names the answers on the check page, where the whole question would be too long.
    """

    title: ClassVar[Any] = ""
    intro: ClassVar[Any] = ""
    short: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, data: Mapping[str, Any] | None = None, *, on_behalf: bool = False, **kwargs: Any) -> None:
        self.on_behalf = on_behalf
        self.altered: set[str] = set()
        super().__init__(data=None if data is None else self._visible(data), **kwargs)

    def _visible(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Remove invisible characters, so that what is shown again is exactly what will be sent."""
        values = {name: data[name] for name in self.base_fields if name in data}
        for name, value in values.items():
            if isinstance(value, str) and INVISIBLE.search(value):
                values[name] = INVISIBLE.sub("", value)
                self.altered.add(name)
        return values

    def clean(self) -> dict[str, Any]:
        message = gettext(
            "We removed invisible characters that can change how text reads. Check what you wrote and continue."
        )
        # Ask once: the field is shown again without them, and the next submission goes through.
        for name in sorted(self.altered - set(self.errors)):
            self.add_error(name, message)
        return self.cleaned_data
