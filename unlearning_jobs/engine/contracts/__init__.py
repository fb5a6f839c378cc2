"""The frozen dataclasses that the platform and the engine exchange.

Nothing here imports torch or Django, so web processes may import it. `contract` turns them into JSON and digests.
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
from .efficiency import Efficiency, Preparation, ResourceUsage
from .findings import (
    Control,
    Duplicate,
    EstimandFinding,
    Evaluation,
    ExampleFindings,
    InfluenceFinding,
    MetricFinding,
    PermutationFinding,
    Position,
    Precision,
    ProcessCheck,
    Scope,
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
from .trajectory import ExampleTrajectory, Trajectory

__all__ = [
    "DEFAULT_ESTIMANDS",
    "BertArchitecture",
    "Certificate",
    "ClassifierArchitecture",
    "Control",
    "Curve",
    "Direction",
    "Duplicate",
    "Efficiency",
    "Estimand",
    "EstimandFinding",
    "Evaluation",
    "ExampleFindings",
    "ExampleTrajectory",
    "Guarantee",
    "InfluenceFinding",
    "JobResult",
    "JobSpec",
    "LlamaArchitecture",
    "LogisticArchitecture",
    "MethodChoice",
    "MetricFinding",
    "ModelRef",
    "Outcome",
    "PermutationFinding",
    "Position",
    "Precision",
    "Preparation",
    "Privacy",
    "PrivacyLoss",
    "ProcessCheck",
    "Progress",
    "ProgressCallback",
    "Protocol",
    "Reason",
    "Recipe",
    "ResourceUsage",
    "Scope",
    "SetFinding",
    "Sharding",
    "SnapshotRef",
    "SumsArchitecture",
    "Trajectory",
    "UnlearningStep",
    "Verdict",
]
