"""Draws one claimed sample of what a search had not found, in one pass over its snapshot, and reports how far it is."""

from __future__ import annotations

import time
from collections.abc import Mapping

from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.matching.missed import draw_samples
from unlearning_jobs.heartbeat import Heartbeat
from unlearning_jobs.leases import ClaimLostError
from unlearning_jobs.ledger_keys import LedgerError
from unlearning_jobs.services.ledger import snapshot_compare
from unlearning_jobs.services.snapshots import snapshot_open

from .models import ErasureRequest, MissedSample
from .services.queries import request_queries
from .services.sample_orders import (
    is_outdated,
    known_examples,
    sample_claim,
    sample_draw,
    sample_fail,
    sample_report,
    sample_run_lost,
)
from .wording import SEARCHED_AGAIN

LEDGER = "ledger"
"""Why a draw failed: nobody can tell what was erased."""


class SampleHeartbeat(Heartbeat):
    """Reports a draw. Once the claim is lost, the next report of the draw itself says so."""

    def __init__(self, sample: MissedSample) -> None:
        super().__init__()
        self._sample, self.lost = sample, False

    def write(self, progress: Mapping[str, float]) -> None:
        self.reported = time.monotonic()
        try:
            sample_report(sample=self._sample, **progress)
        except ClaimLostError:
            self.lost = True

    def progress(self, done: int) -> None:
        """Report how many examples have been read.

        Raises:
            ClaimLostError: somebody else draws the sample now, or it is no longer wanted.
        """
        self.report(done=done)
        if self.lost:
            message = "The draw was taken over, or is no longer wanted."
            raise ClaimLostError(message)


def sample_execute(*, sample_id: int) -> None:
    """Draw a sample, unless it is drawn.

    Raises:
        NothingToClaimError: it does not wait to be drawn.
        ClaimLostError: it was taken over meanwhile, or is no longer wanted.
    """
    sample = sample_claim(sample_id=sample_id)
    with SampleHeartbeat(sample) as heartbeat:
        try:
            _execute(sample, heartbeat)
        except ClaimLostError:
            raise
        except LedgerError:
            sample_fail(sample=sample, error=LEDGER)
        except EngineError as error:
            sample_fail(sample=sample, error=error.code)
        except Exception:
            sample_run_lost(sample=sample)
            raise


def _execute(sample: MissedSample, heartbeat: SampleHeartbeat) -> None:
    """Read the snapshot once. Its erased examples are found first: they are not drawn."""
    if is_outdated(sample):  # nothing is read for it
        sample_fail(sample=sample, error=SEARCHED_AGAIN)
        return
    heartbeat.report(at_once=True, total=sum(sample.snapshot.counts.values()))
    snapshot_compare(snapshot=sample.snapshot)
    proven = snapshot_open(snapshot=sample.snapshot)
    known = known_examples(sample)
    groups = draw_samples(
        proven.files,
        sampled_names(sample.request),
        known,
        size=sample.size,
        seed=sample.seed,
        on_progress=heartbeat.progress,
    )
    proven.require_unchanged()
    sample_draw(sample=sample, known=known, groups=groups)


def sampled_names(request: ErasureRequest) -> list[Query]:
    """Return the names that the request is searched for, from which a part of the name follows."""
    return [query for query, obstacle in request_queries(request).items() if query.kind == "name" and not obstacle]
