"""Shows the progress of a job on the command line."""

from __future__ import annotations

import json
import sys
from typing import Any

from .contracts import Progress, ProgressCallback

BAR = "{desc} {percentage:3.0f} % |{bar:30}| {elapsed}<{remaining}"


def reporter(kind: str) -> ProgressCallback:
    """Return what shows progress: lines of JSON for a worker, bars on a terminal, or nothing."""
    if kind == "ndjson":
        return _print_line
    if kind == "none" or not sys.stderr.isatty():
        return lambda _: None
    return _progress_bar()


def _progress_bar() -> ProgressCallback:
    """Return a callback that draws one bar per stage."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def draw(progress: Progress) -> None:
        if progress.stage not in bars:
            for earlier in bars.values():
                earlier.close()
            bars[progress.stage] = tqdm(desc=f"{progress.stage:<12}", total=progress.total, bar_format=BAR)
        bar = bars[progress.stage]
        bar.total = progress.total
        bar.update(progress.done - bar.n)
        if progress.done == progress.total:
            bar.close()

    return draw


def _print_line(progress: Progress) -> None:
    shown = {"stage": progress.stage, "done": progress.done, "total": progress.total, "point": progress.point}
    sys.stdout.write(f"{json.dumps(shown)}\n")
    sys.stdout.flush()
