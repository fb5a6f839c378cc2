"""The form for a method, its settings and the size of the evaluation. The fields come from the catalogue."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.formats.assurances import Assurance
from compliance.formats.attacks import RELEARNING
from compliance.formats.protocol import ANNEXED, MOST_ALPHA, MOST_LOOKS, WATCHERS
from compliance.formats.verdicts import Guarantee
from compliance.ui.forms import HintedCheckboxes, LetheForm
from unlearning_jobs.engine.advisor import Advice, Design, Precedent, Sizes, choose_design, design_of
from unlearning_jobs.engine.catalogue import METHODS, RELEARNING_STEPS, Option, method_guarantee
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Estimand, MethodChoice, Protocol, Recipe
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import is_behavioural

SEEDS = 2**31
MOST_MODELS = 64
SIZE_FIELDS = ("design", "replicates", "oracles", "looks")


@dataclass(frozen=True)
class AttackChoice:
    """An attack as an officer sees it before choosing."""

    name: str
    title: str
    hint: str
    """What is done, and what that costs."""
    obstacles: tuple[str, ...]
    """Why it cannot be carried out here; nobody can choose it then."""
    proposed: bool
    """Whether it is chosen unless the officer decides otherwise."""


class ProposalForm(LetheForm):
    """A method with its settings, and the size of the protocol.

    A size that is left empty fits the guarantee of the method. Settings of the methods that were not chosen are kept as
    typed, without checking them.
    """

    method = forms.ChoiceField(
        label=gettext_lazy("Method"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a method."),
            "invalid_choice": gettext_lazy("This method cannot run here. Choose another one."),
        },
    )
    design = forms.ChoiceField(
        label=gettext_lazy("Comparison"),
        required=False,
        choices=[
            ("", gettext_lazy("as proposed")),
            ("paired", gettext_lazy("in pairs")),
            ("independent", gettext_lazy("independent models")),
        ],
        help_text=gettext_lazy(
            "In pairs, every unlearned model has an oracle of its own, with the same seed and the same order of the"
            " examples, those to unlearn left out."
        ),
    )
    replicates = forms.IntegerField(
        label=gettext_lazy("Replicates of the original"),
        required=False,
        min_value=0,
        max_value=MOST_MODELS,
        help_text=gettext_lazy("Models trained like the original but with other seeds, then unlearned in the same way."),
    )
    oracles = forms.IntegerField(
        label=gettext_lazy("Independent oracles"),
        required=False,
        min_value=WATCHERS,
        max_value=MOST_MODELS,
        help_text=gettext_lazy("Models trained without the examples: what the result of unlearning should look like."),
    )
    looks = forms.IntegerField(
        label=gettext_lazy("Looks"),
        required=False,
        min_value=1,
        max_value=MOST_LOOKS,
        help_text=gettext_lazy(
            "How often the verdict is tried while models are added. The first look that decides ends the job."
        ),
    )
    alpha = forms.FloatField(
        label=gettext_lazy("Significance level"),
        min_value=0.0001,
        max_value=MOST_ALPHA,
        help_text=gettext_lazy("The accepted chance of a false alarm in all looks together, such as 0.05."),
    )

    attacks = forms.MultipleChoiceField(
        label=gettext_lazy("Attacks to report"),
        required=False,
        widget=HintedCheckboxes(hints={}),
        error_messages={
            "invalid_choice": gettext_lazy("One of these attacks cannot be carried out here. Choose others."),
        },
    )

    def __init__(
        self,
        data: Any = None,
        *,
        methods: Sequence[Advice],
        base: ModelVersion,
        precedents: Sequence[Precedent] = (),
        attacks: Sequence[AttackChoice] = (),
    ) -> None:
        super().__init__(data, initial={"alpha": 0.05, "attacks": [attack.name for attack in attacks if attack.proposed]})
        self.methods, self.base, self.precedents = methods, base, precedents
        if is_behavioural(base):  # no model can be trained to compare with, so there is no number of them
            for name in SIZE_FIELDS:
                del self.fields[name]
        offered, field = [attack for attack in attacks if not attack.obstacles], self.fields["attacks"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  # declared above; for the type checker
        field.widget = HintedCheckboxes(hints={attack.name: attack.hint for attack in offered})
        field.choices = [(attack.name, attack.title) for attack in offered]
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
        if not self.errors and (problems := self._problems()):
            self.add_error("oracles" if "oracles" in self.fields else None, " ".join(problems))

    @property
    def resized(self) -> bool:
        """Return whether the size of the evaluation was changed, or is wrong, so that its fields must show."""
        sizes = [name for name in SIZE_FIELDS if name in self.fields]
        return any(self[name].errors or self[name].value() for name in sizes) or bool(self["alpha"].errors)

    def choice(self) -> MethodChoice:
        """Return the chosen method with every setting filled in. Only for a valid form."""
        name = self.cleaned_data["method"]
        config = {s.name: self.cleaned_data[field_name(name, s.name)] for s in METHODS[name].options}
        return MethodChoice(name, config)

    def protocol(self) -> Protocol:
        """Return the protocol of the chosen method. Its seeds are random: nobody can pick them, and none is the model's."""
        design = self._design()
        return design.protocol(
            draw_seeds(design.replicates + design.oracles, without=self.base.seed),
            estimands=estimands_for(self.base),
            alpha=self.cleaned_data["alpha"],
            attacks=tuple(name for name in self.cleaned_data["attacks"] if name != RELEARNING),
            relearning=RELEARNING_STEPS if RELEARNING in self.cleaned_data["attacks"] else 0,
        )

    def _design(self) -> Design:
        """Return the design that fits the method, with the sizes that were typed in its place."""
        guarantee = method_guarantee(self.cleaned_data["method"])
        design = proposed_design(guarantee, self.base, self.precedents)
        if "design" not in self.fields:
            return design
        if (pairing := self.cleaned_data["design"]) and pairing != design.pairing:
            design = design_of(pairing, sizes(), design.reason, design.assurance)
        typed = {name: self.cleaned_data[name] for name in ("replicates", "oracles", "looks")}
        return replace(design, **{name: count for name, count in typed.items() if count is not None})

    def _problems(self) -> list[str]:
        design, guarantee = self._design(), method_guarantee(self.cleaned_data["method"])
        problems = design.protocol(alpha=self.cleaned_data["alpha"]).problems(guarantee)
        if guarantee in ANNEXED and design.looks > 1:
            problems.append(_("Exact and certified results are compared in one look, with all oracles."))
        if design.pairing == "paired" and not Recipe.from_json(self.base.recipe.body).can_be_paired:
            problems.append(_("Models of this recipe cannot be compared in pairs."))
        return problems

    def settings_of(self, method: str) -> list[forms.BoundField]:
        """Return the fields for a method's settings."""
        return [self[field_name(method, setting.name)] for setting in METHODS[method].options]


def sizes() -> Sizes:
    """Return the sizes of evaluations that this installation proposes."""
    return Sizes(
        pairs=settings.PROTOCOL_PAIRS,
        replicates=settings.PROTOCOL_REPLICATES,
        oracles=settings.PROTOCOL_ORACLES,
        annex_oracles=settings.PROTOCOL_ANNEX_ORACLES,
    )


def proposed_design(guarantee: Guarantee, base: ModelVersion, precedents: Sequence[Precedent]) -> Design:
    """Return the design that fits the guarantee, the model and what earlier jobs on it measured."""
    assurance = cast("Assurance", base.assurance)
    return choose_design(guarantee, Recipe.from_json(base.recipe.body), precedents, sizes(), assurance=assurance)


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
    """Return the default estimands, without those on held-out examples if the corpus has none; none without oracles."""
    if is_behavioural(base):
        return ()
    has_held_out = base.snapshot.counts.get("held_out", 0) > 0
    return tuple(estimand for estimand in DEFAULT_ESTIMANDS if has_held_out or estimand.examples != "held_out")
