"""Hands the version of a model that is in use over, as a folder that other programs load."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError

from .engine.artefacts import model_digest
from .models import ModelVersion
from .states import ModelState


def model_export(*, name: str, folder: Path) -> ModelVersion:
    """Copy the active version of a model into a new folder, and return the version.

    The folder appears when the copy is whole and has the digest that the record names.

    Raises:
        StaleStateError: there is no such model, none of its versions is in use, or the folder exists.
        OSError: the files cannot be copied; nothing is left of them.
    """
    version = ModelVersion.objects.filter(name=name, state=ModelState.ACTIVE).first()
    if version is None:
        newest = ModelVersion.objects.filter(name=name).last()
        if newest is None:
            raise StaleStateError(_("There is no model %(name)s.") % {"name": name})
        why = _("No version of %(name)s is in use, and nothing else is handed over: %(newest)s is in the state “%(state)s”.")
        raise StaleStateError(why % {"name": name, "newest": newest, "state": newest.get_state_display()})
    if folder.exists():
        raise StaleStateError(_("The folder %(folder)s exists; name a new one.") % {"folder": folder})
    draft = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))  # a name that is nobody else's
    try:
        shutil.copytree(Path(settings.ARTEFACTS) / version.path, draft, dirs_exist_ok=True)
        if model_digest(draft) != version.digest:
            raise StaleStateError(
                _("The files of %(version)s are not those that the record names; nothing was copied.") % {"version": version}
            )
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return version
