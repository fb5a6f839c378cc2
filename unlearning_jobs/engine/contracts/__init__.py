"""The frozen dataclasses that cross the border between the platform and the engine, by what they are about.

Nothing here imports torch or Django, so web processes may. How they become JSON, and a digest, is in `json_contract`.
"""

from __future__ import annotations

from compliance.formats.verdicts import Direction, Guarantee, Outcome, Reason, Verdict

from .architectures import (
    BertArchitecture,
    ClassifierArchitecture,
    LlamaArchitecture,
    LogisticArchitecture,
    SumsArchitecture,
)
from .course import Efficiency, ExampleTrajectory, Spent, Trajectory
from .findings import (
    Control,
    EstimandFinding,
    Evaluation,
    ExampleFindings,
    MetricFinding,
    PermutationFinding,
    SetFinding,
)
from .job import (
    Curve,
    JobResult,
    JobSpec,
    MethodChoice,
    ModelRef,
    Progress,
    ProgressCallback,
    SnapshotRef,
    UnlearningStep,
)
from .privacy import Certificate, Privacy, PrivacyLoss
from .protocol import DEFAULT_ESTIMANDS, Estimand, Protocol
from .recipe import Recipe
from .sharding import Sharding

__all__ = [
    "DEFAULT_ESTIMANDS",
    "BertArchitecture",
    "Certificate",
    "ClassifierArchitecture",
    "Control",
    "Curve",
    "Direction",
    "Efficiency",
    "Estimand",
    "EstimandFinding",
    "Evaluation",
    "ExampleFindings",
    "ExampleTrajectory",
    "Guarantee",
    "JobResult",
    "JobSpec",
    "LlamaArchitecture",
    "LogisticArchitecture",
    "MethodChoice",
    "MetricFinding",
    "ModelRef",
    "Outcome",
    "PermutationFinding",
    "Privacy",
    "PrivacyLoss",
    "Progress",
    "ProgressCallback",
    "Protocol",
    "Reason",
    "Recipe",
    "SetFinding",
    "Sharding",
    "SnapshotRef",
    "Spent",
    "SumsArchitecture",
    "Trajectory",
    "UnlearningStep",
    "Verdict",
]
