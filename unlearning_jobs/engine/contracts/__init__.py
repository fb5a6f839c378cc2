"""The frozen dataclasses that the platform and the engine exchange; those that verification reads too are in the formats.

Nothing here imports torch or Django, so web processes may import it. `contract` turns them into JSON and digests.
"""

from __future__ import annotations

from compliance.formats.assurances import Assurance
from compliance.formats.efficiency import Efficiency, Preparation, ResourceUsage
from compliance.formats.findings import (
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
    Veto,
)
from compliance.formats.protocol import DEFAULT_ESTIMANDS, Estimand, Protocol
from compliance.formats.results import Certificate, Curve, JobResult, SecondTraining
from compliance.formats.trajectory import ExampleTrajectory, Trajectory
from compliance.formats.verdicts import Direction, Guarantee, Outcome, Reason, Verdict

from .architectures import (
    CHAT,
    Adapter,
    BertArchitecture,
    CheckpointArchitecture,
    ClassifierArchitecture,
    EncoderArchitecture,
    FromCheckpoint,
    LlamaArchitecture,
    LogisticArchitecture,
    SumsArchitecture,
)
from .job import (
    JobSpec,
    MethodChoice,
    ModelRef,
    Progress,
    ProgressCallback,
    SnapshotRef,
    UnlearningStep,
)
from .privacy import Privacy, PrivacyLoss
from .recipe import Recipe
from .sharding import Sharding

__all__ = [
    "CHAT",
    "DEFAULT_ESTIMANDS",
    "Adapter",
    "Assurance",
    "BertArchitecture",
    "Certificate",
    "CheckpointArchitecture",
    "ClassifierArchitecture",
    "Control",
    "Curve",
    "Direction",
    "Duplicate",
    "Efficiency",
    "EncoderArchitecture",
    "Estimand",
    "EstimandFinding",
    "Evaluation",
    "ExampleFindings",
    "ExampleTrajectory",
    "FromCheckpoint",
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
    "SecondTraining",
    "SetFinding",
    "Sharding",
    "SnapshotRef",
    "SumsArchitecture",
    "Trajectory",
    "UnlearningStep",
    "Verdict",
    "Veto",
]
