"""The form for a method, its settings and the size of the evaluation. The fields come from the catalogue."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.ui.forms import LetheForm
from unlearning_jobs.engine.advisor import Advice
from unlearning_jobs.engine.catalogue import METHODS, Option
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Estimand, MethodChoice, Protocol, Recipe
from unlearning_jobs.models import ModelVersion

SEEDS = 2**31
MOST_MODELS = 64


class ProposalForm(LetheForm):
    """A method with its settings, and the size of the protocol.

    Settings of the methods that were not chosen are kept as typed, without checking them.
    """

    method = forms.ChoiceField(
        label=gettext_lazy("Method"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a method."),
            "invalid_choice": gettext_lazy("This method cannot run here. Choose another one."),
        },
    )
    replicates = forms.IntegerField(
        label=gettext_lazy("Replicates of the original"),
        min_value=1,
        max_value=MOST_MODELS,
        help_text=gettext_lazy("Models trained like the original but with other seeds, then unlearned in the same way."),
    )
    oracles = forms.IntegerField(
        label=gettext_lazy("Oracles"),
        min_value=4,
        max_value=MOST_MODELS,
        help_text=gettext_lazy("Models trained without the examples: what the result of unlearning should look like."),
    )
    alpha = forms.FloatField(
        label=gettext_lazy("Significance level"),
        min_value=0.0001,
        max_value=0.2,
        help_text=gettext_lazy("The accepted chance of a false alarm, such as 0.05."),
    )

    def __init__(self, data: Any = None, *, methods: Sequence[Advice], base: ModelVersion) -> None:
        initial = {"replicates": settings.PROTOCOL_REPLICATES, "oracles": settings.PROTOCOL_ORACLES, "alpha": 0.05}
        super().__init__(data, initial=initial)
        self.methods, self.base = methods, base
        recipe = Recipe.from_json(base.recipe.body)
        method = self.fields["method"]
        assert isinstance(method, forms.ChoiceField)  # noqa: S101  # declared above; for the type checker
        method.choices = [(advice.method, METHODS[advice.method].title) for advice in methods if advice.can_run]
        for advice in methods:
            for setting in METHODS[advice.method].options:
                self.fields[field_name(advice.method, setting.name)] = setting_field(setting, recipe)

    def clean(self) -> None:
        # Drop the errors of settings that belong to other methods.
        chosen = self.data.get("method", "")
        for advice in self.methods:
            for setting in METHODS[advice.method].options:
                if advice.method != chosen:
                    self.errors.pop(field_name(advice.method, setting.name), None)
        if not self.errors and (problems := self.protocol().problems()):
            self.add_error("oracles", " ".join(problems))

    def choice(self) -> MethodChoice:
        """Return the chosen method with every setting filled in. Only for a valid form."""
        name = self.cleaned_data["method"]
        config = {s.name: self.cleaned_data[field_name(name, s.name)] for s in METHODS[name].options}
        return MethodChoice(name, config)

    def protocol(self) -> Protocol:
        """Return a protocol of the chosen size. Its seeds are random: nobody can pick them, and none is the model's own."""
        replicates, oracles = self.cleaned_data["replicates"], self.cleaned_data["oracles"]
        seeds = draw_seeds(replicates + oracles, without=self.base.seed)
        return Protocol(
            replicate_seeds=seeds[:replicates],
            oracle_seeds=seeds[replicates:],
            estimands=estimands_for(self.base),
            alpha=self.cleaned_data["alpha"],
        )

    def settings_of(self, method: str) -> list[forms.BoundField]:
        """Return the fields for a method's settings."""
        return [self[field_name(method, setting.name)] for setting in METHODS[method].options]


def field_name(method: str, setting: str) -> str:
    return f"{method}-{setting}"


def setting_field(setting: Option, recipe: Recipe) -> forms.Field:
    """Return the form field for a setting, with its default for models of this recipe."""
    words: dict[str, Any] = {
        "label": setting.name.replace("_", " "),
        "help_text": _(setting.description),
        "initial": setting.default_for(recipe),
    }
    if setting.kind == "choice":
        return forms.ChoiceField(choices=[(choice, choice) for choice in setting.choices], **words)
    if setting.kind == "int":
        return forms.IntegerField(min_value=int(setting.low), max_value=int(setting.high), **words)
    field = forms.FloatField(min_value=setting.low, max_value=setting.high, **words)
    field.widget.attrs["step"] = "any"
    return field


def draw_seeds(count: int, *, without: int) -> tuple[int, ...]:
    """Draw distinct random seeds."""
    seeds: dict[int, None] = {}
    while len(seeds) < count:
        seed = secrets.randbelow(SEEDS)
        if seed != without:
            seeds[seed] = None
    return tuple(seeds)


def estimands_for(base: ModelVersion) -> tuple[Estimand, ...]:
    """Return the default estimands, without those on held-out examples if the corpus has none."""
    has_held_out = base.snapshot.counts.get("held_out", 0) > 0
    return tuple(estimand for estimand in DEFAULT_ESTIMANDS if has_held_out or estimand.examples != "held_out")
