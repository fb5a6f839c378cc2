"""Judges models that others unlearned, by the measurements, margins and rules of Lethe's own evaluations.

folders     models as folders, measured here
margins     arrays of margins, measured elsewhere
logs        logs of OpenUnlearning, for its metrics; they hold no margins, so they decide nothing
judgement   what the comparison says, and what it cannot say
"""

from .folders import FolderSource, outputs_of_folders
from .judgement import Judgement, judge
from .logs import LOGGED, logged_values, outputs_of_logs
from .margins import outputs_of_margins

__all__ = [
    "LOGGED",
    "FolderSource",
    "Judgement",
    "judge",
    "logged_values",
    "outputs_of_folders",
    "outputs_of_logs",
    "outputs_of_margins",
]
