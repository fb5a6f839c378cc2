from __future__ import annotations

from pathlib import Path

import pytest

from compliance.record.signing import checkpoint_sign
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in


@pytest.fixture
def stage(staff: Staff, signing: Path, artefacts: Path) -> Stage:  # noqa: ARG001  # it is signed, and files are written
    """A request with one signed report."""
    opened = Stage.opened(staff, trained(corpus())).searched()
    opened.signed()
    return opened


@pytest.fixture
def iris(stage: Stage) -> Site:
    return signed_in(stage.staff.iris)


def bundle_of(stage: Stage, site: Site) -> bytes:
    """Seal the history, sign a checkpoint, and download the bundle."""
    address = f"/record/bundles/{stage.request.reference}/"
    site.submit(site.get(address), action=address)
    checkpoint_sign()
    response = site.client.get(f"{address}bundle.zip")
    assert response.status_code == 200
    return b"".join(response)
