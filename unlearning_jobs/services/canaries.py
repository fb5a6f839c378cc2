"""Draws which half of the canaries a model is trained on, before its job exists, and opens the draw once.

Nothing here loads torch. What the canaries say, the engine finds: whoever opens hands its `judge_folders` over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.canaries import CANARIES_SAY, draw_reference
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from unlearning_jobs.engine.canaries.drawing import Draw, draw_anew
from unlearning_jobs.engine.canaries.marks import FEWEST, canary_ids, has_canaries
from unlearning_jobs.engine.canaries.source import CanarySource
from unlearning_jobs.models import CanaryDraw, CorpusSnapshot, ModelVersion
from unlearning_jobs.selectors import draw_of, trained_first
from unlearning_jobs.states import ModelState

from .ledger import ledger_lock
from .snapshots import snapshot_open

if TYPE_CHECKING:
    from unlearning_jobs.engine.canaries.judgement import CanaryJudgement

Judge = Callable[[CanarySource, Draw], "CanaryJudgement"]
"""What the engine finds in two models by an opened draw; it refuses what does not belong together (EngineError)."""


def canaries_in(snapshot: CorpusSnapshot) -> frozenset[str]:
    """Return the training examples of a snapshot that are canaries. It reads the corpus, if that has any.

    Raises:
        CorpusError: the snapshot is gone, damaged, or not the one that was registered.
    """
    files = snapshot_open(snapshot=snapshot).files
    return frozenset(canary_ids(files)) if has_canaries(files) else frozenset()


@transaction.atomic
def canaries_draw(*, name: str, snapshot: CorpusSnapshot, among: Collection[str], actor: str) -> CanaryDraw | None:
    """Draw for a training that is about to be queued; None if there are too few canaries to judge anything by.

    Args:
        name: of the model.
        snapshot: its corpus.
        among: the canaries that no erasure keeps from the training.
        actor: who has the model trained.

    Raises:
        SpecError: there are too many canaries.
    """
    if len(among) < FEWEST:
        return None
    ledger_lock()  # nobody else draws for this name, so that the number is free
    number = CanaryDraw.objects.filter(model_name=name).count() + 1
    drawn = draw_anew(draw_reference(f"model:{name}", number), snapshot.digest, among)
    draw = CanaryDraw.objects.create(
        model_name=name,
        number=number,
        snapshot=snapshot,
        ids=list(drawn.ids),
        secret=drawn.secret,
        commitment=drawn.commitment,
    )
    data = {
        "draw": number,
        "commitment_sha256": draw.commitment,
        "canaries": len(draw.ids),
        "snapshot_sha256": snapshot.digest,
    }
    record_append(subject=draw.subject, kind=RecordKind.CANARIES_DRAWN, actor=actor, data=data)
    return draw


def canaries_open(*, model: str, judge: Judge, actor: str) -> CanaryDraw:
    """Open the draw of a model from which something was unlearned and released, judge by it, and record what it says. Once.

    The version in use is judged, and the one that was trained by the draw is what it is compared with.

    Args:
        model: the model's name.
        judge: `engine.canaries.folders.judge_folders`, on some device.
        actor: who opens it.

    Raises:
        StaleStateError: there is no such model in use, it was not trained by a draw, nothing unlearned from it was released,
            the draw is open already, or the models' files are gone or not those that were registered.
        EngineError: the models or the corpus cannot be read; the draw stays sealed.
    """
    # 1. What is to be judged.
    version = _in_use(model)
    draw, original = draw_of(version), trained_first(version)
    if draw is None:
        raise StaleStateError(_("%(model)s was not trained by a draw of canaries.") % {"model": original})
    _require_sealed(draw)
    if version == original:
        message = _("Nothing that was unlearned from %(model)s has been released yet, so there is nothing to judge.")
        raise StaleStateError(message % {"model": original})
    if not original.path:
        message = _("The files of %(model)s were destroyed, so that this draw cannot be opened any more.")
        raise StaleStateError(message % {"model": original})
    # 2. The judgement, outside any transaction: it takes minutes.
    found = judge(_source(draw, original, version), opened(draw))
    if dict(found.models) != {"original": original.digest, "unlearned": version.digest}:
        message = _(
            "The files of %(first)s or %(second)s are not those that were registered. Ask an engineer to restore them."
        )
        raise StaleStateError(message % {"first": original, "second": version})
    # 3. The draw is open, and what it said is in the record.
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        draw = CanaryDraw.objects.select_for_update(no_key=True).get(pk=draw.pk)
        _require_sealed(draw)
        if version.state != ModelState.ACTIVE:
            raise StaleStateError(_("%(model)s has been replaced meanwhile. Open the draw again.") % {"model": version})
        draw.opened_at, draw.opened_for, draw.judgement = timezone.now(), version, found.to_json()
        draw.save(update_fields=["opened_at", "opened_for", "judgement"])
        data = {
            "draw": draw.number,
            "secret": draw.secret,
            "examples": list(draw.ids),
            "original_sha256": original.digest,
            "model_sha256": version.digest,
            **{name: getattr(found, name) for name in CANARIES_SAY},
        }
        record_append(subject=draw.subject, kind=RecordKind.CANARIES_OPENED, actor=actor, data=data)
    return draw


def opened(draw: CanaryDraw) -> Draw:
    """Return the draw with its secret, as the engine knows it."""
    return Draw(draw.reference, draw.snapshot.digest, tuple(draw.ids), draw.secret)


def _in_use(model: str) -> ModelVersion:
    version = ModelVersion.objects.filter(name=model, state=ModelState.ACTIVE).select_related("snapshot").first()
    if version is None:
        raise StaleStateError(_("No version of a model “%(name)s” is in use.") % {"name": model})
    return version


def _require_sealed(draw: CanaryDraw) -> None:
    if draw.opened_at:
        raise StaleStateError(_("This draw has been opened already: a draw is opened once."))


def _source(draw: CanaryDraw, original: ModelVersion, version: ModelVersion) -> CanarySource:
    folder = Path(settings.ARTEFACTS)
    return CanarySource(
        snapshot=folder / draw.snapshot.path,
        original=folder / original.path,
        unlearned=folder / version.path,
        model=draw.reference,
        commitment=draw.commitment,
        excluded=tuple(sorted(set(original.left_out) - set(opened(draw).left_out))),
        forgotten=tuple(sorted({*version.erased_ids, *version.left_out})),
    )
