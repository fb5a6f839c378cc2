"""Guards: what keeps a model silent about something while its weights stay as they are. That is suppression, never erasure.

A guard is an artefact (`artefact.py`) of one of the kinds in `kinds.py`. `ActiveGuards` puts guards to work, at the gateway
(`unlearning_jobs/gateway`) and when they are evaluated. Nothing here imports torch, apart from `local_model.py`, which
answers for an evaluation and for the gateway's own small server.
"""

from .active import ActiveGuards, GuardedAnswer, GuardsNow, Refused
from .artefact import Guard, read_guard
from .asked import Asked
from .errors import GuardError
from .kinds import KINDS

__all__ = [
    "KINDS",
    "ActiveGuards",
    "Asked",
    "Guard",
    "GuardError",
    "GuardedAnswer",
    "GuardsNow",
    "Refused",
    "read_guard",
]
