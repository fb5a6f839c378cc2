"""`canaries_open MODEL`: open the draw of canaries by which a model was trained, and judge the version in use by it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from compliance.record.services import SYSTEM
from unlearning_jobs.job_commands import in_words
from unlearning_jobs.services.canaries import canaries_open


class Command(BaseCommand):
    help = (
        "Opens the draw of canaries by which a model was trained, judges the version in use by it, and records what it says."
        " Once for each draw: do it when something was unlearned and released, and before the original is destroyed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="name of the model")
        parser.add_argument("--device", default="auto", help="where the models run (default: auto)")

    def handle(self, *_args: Any, **options: Any) -> None:
        from unlearning_jobs.engine.canaries.folders import judge_folders  # these load torch
        from unlearning_jobs.engine.canaries.judgement import CanaryJudgement
        from unlearning_jobs.engine.canaries_command import judgement_lines
        from unlearning_jobs.engine.training.device import choose_device

        with in_words():
            judge = partial(judge_folders, device=choose_device(options["device"]), on_model=_measuring)
            draw = canaries_open(model=options["model"], judge=judge, actor=SYSTEM)
        self.stdout.write(f"Opened {draw}; {draw.opened_for} was judged. Commitment: {draw.commitment}")
        for line in judgement_lines(CanaryJudgement.from_json(draw.judgement)):
            self.stdout.write(line)


def _measuring(folder: Path) -> None:
    sys.stderr.write(f"measuring {folder}\n")
