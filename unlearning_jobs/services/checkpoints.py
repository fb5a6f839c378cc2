"""Registers checkpoints that somebody else made, so that models can be trained from them.

Nothing here loads torch. What a folder holds, the engine says: whoever calls hands its `describe_base` over.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from unlearning_jobs.checkpoints import checkpoint_folder, files_problem
from unlearning_jobs.engine.artefacts import ABOUT, checkpoint_files
from unlearning_jobs.engine.contracts import FromCheckpoint
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.tensors import Weights
from unlearning_jobs.models import Checkpoint

from .drafts import draft_alone, draft_place, folder_keep
from .ledger import ledger_lock
from .weights import require_no_model, require_not_of_jobs, weights_foreign

CHUNK: Final = 1 << 20
Describe = Callable[[Path], FromCheckpoint]
"""What the engine says of the checkpoint in a folder; it refuses what cannot be used (CheckpointError)."""


def checkpoint_register(*, name: str, folder: Path, describe: Describe, actor: str) -> Checkpoint:
    """Check a checkpoint, copy what models are made from, and store it under a name.

    The same checkpoint under the same name is the same row; if its files are gone or have changed, they are replaced.

    Raises:
        CheckpointError: it cannot be used, read or copied; nothing is stored.
        StaleStateError: the name belongs to another checkpoint, or the checkpoint has another name; its weights are those
            of a model version that there is or was; or somebody else registers one at this moment.
        ValidationError: the name holds something else than letters, digits, hyphens and underscores.
    """
    Checkpoint._meta.get_field("name").clean(name, None)
    with _in_words(folder):
        described = describe(folder)
    parent = Path(settings.ARTEFACTS) / "checkpoints"
    busy = _("Somebody else registers a checkpoint at this moment; wait until they have finished.")
    with draft_alone(parent, _is_stored, busy) as draft:
        # 1. Known already, under this or another name?
        known = _known(name, described.base_sha256)
        if known and not files_problem(known):
            return known
        weights = Weights() if known else _foreign_weights(folder)
        # 2. Copy it, and have the copy described: what was checked is what is stored.
        copy = draft / "copy" / folder.resolve().name  # errors name the folder as it is known
        size = checkpoint_copy(folder, copy)
        if describe(copy) != described:
            message = f"The checkpoint in {folder.name} changed while it was copied; register it again."
            raise CheckpointError(message)
        # 3. Row, record entry and folder appear together; or the copy replaces files that are damaged.
        if known:
            shutil.rmtree(checkpoint_folder(known), ignore_errors=True)
            copy.rename(checkpoint_folder(known))
            return known
        place = parent / described.base_sha256
        new = Checkpoint(
            name=name,
            digest=described.base_sha256,
            path=str(place.relative_to(settings.ARTEFACTS)),
            about=described.to_json(),
            kind=str(json.loads((copy / "config.json").read_bytes()).get("model_type", ""))[:60],
            bytes=size,
            weights_sha256=weights.whole,
            weights_digests=list(weights.digests),
        )
        with transaction.atomic():
            ledger_lock()  # no import of the same weights ends between this look and the commit
            require_no_model(weights)
            new.save(force_insert=True)
            data = {"checkpoint_sha256": new.digest}
            record_append(subject=f"checkpoint:{name}", kind=RecordKind.CHECKPOINT_REGISTERED, actor=actor, data=data)
            draft_place(draft, copy, place)
        return new


def _known(name: str, digest: str) -> Checkpoint | None:
    known = Checkpoint.objects.filter(digest=digest).first()
    if known and known.name != name:
        raise StaleStateError(_("This checkpoint is registered already, as “%(name)s”.") % {"name": known})
    if not known and Checkpoint.objects.filter(name=name).exists():
        raise StaleStateError(_("There is another checkpoint “%(name)s”. Choose another name.") % {"name": name})
    return known


def _foreign_weights(folder: Path) -> Weights:
    """Return what the weights of a folder are, if models may start from them: none that a model has here, or elsewhere."""
    with _in_words(folder):
        weights = weights_foreign(folder)
    require_no_model(weights)
    if (folder / ABOUT).exists():
        message = (
            f"The checkpoint in {folder.name} cannot be used: it is a model that Lethe made ({ABOUT}), and what it learned"
            " from is not known here, so that nothing of it could be erased. Start from the checkpoint that it came from, or"
            " import it with its recipe and its corpus: python manage.py model_import"
        )
        raise CheckpointError(message)
    require_not_of_jobs(folder)
    return weights


def _is_stored(folder: Path) -> bool:
    return Checkpoint.objects.filter(path=str(folder.relative_to(settings.ARTEFACTS))).exists()


def checkpoint_copy(folder: Path, to: Path) -> int:
    """Copy the files of a checkpoint that models are made from into a new folder, safe from a crash; return their bytes.

    Raises:
        CheckpointError: a file cannot be read, or the disk has no room.
    """
    names = checkpoint_files(folder)
    with _in_words(folder):
        to.mkdir(parents=True)
        size = sum((folder / name).stat().st_size for name in names)
        if size > (free := shutil.disk_usage(to).free):
            message = f"The disk is too full: a copy needs {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Make room."
            raise CheckpointError(message)
        for name in names:
            (to / name).parent.mkdir(exist_ok=True)
            with (folder / name).open("rb") as source, (to / name).open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
                target.flush()
                os.fsync(target.fileno())
        for one in {to.parent, to, *((to / name).parent for name in names)}:
            folder_keep(one)
    return size


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """Say which file of a folder could not be read or copied, and why."""
    try:
        yield
    except OSError as error:
        named = Path(str(error.filename or folder)).name
        message = f"The checkpoint in {folder.name} cannot be read or copied: {named}: {error.strerror}."
        raise CheckpointError(message) from None
