"""Unlearning methods: one small class per file, listed here."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice

from .context import Context, UnlearningMethod
from .gradient_ascent import GradientAscent
from .gradient_difference import GradientDifference
from .nothing import Nothing
from .npo import Npo
from .retrain import Retrain
from .sisa import Sisa

METHODS: Final[dict[str, type[UnlearningMethod]]] = {
    method.name: method for method in (Retrain, Sisa, Npo, GradientDifference, GradientAscent, Nothing)
}


def make_method(choice: MethodChoice) -> UnlearningMethod:
    """The method of this name with its hyper-parameters, defaults filled in.

    Raises:
        SpecError: the method or an option does not exist, or a value is out of range.
    """
    config = complete_config(choice.name, choice.config)
    return METHODS[choice.name](**config)


__all__ = ["METHODS", "Context", "UnlearningMethod", "make_method"]
