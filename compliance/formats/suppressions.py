"""The words of interim suppression: what keeps a model silent while a request is open, and why it ended."""

from __future__ import annotations

from typing import Final

GUARD_KINDS: Final = frozenset({"output_filter", "input_filter", "prompt_guard"})
"""Kinds of guards that officers turn on. The engine has more, which need examples of what to answer instead."""

SUPPRESSION_ENDS: Final = frozenset({"taken_back", "released", "request_closed", "expired"})
"""Why a suppression ended: an officer took it back, the unlearned model was released, its request was closed, or its last
day passed."""
