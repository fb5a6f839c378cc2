from __future__ import annotations

from pathlib import Path

import pytest

from compliance.record.signing import checkpoint_sign
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in


@pytest.fixture
def case(staff: Staff, signing: Path, artefacts: Path) -> Stage:  # noqa: ARG001  # it is signed, and files are written
    """A case with one signed report."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.signed()
    return stage


@pytest.fixture
def iris(case: Stage) -> Site:
    return signed_in(case.staff.iris)


def bundle_of(case: Stage, site: Site) -> bytes:
    """Seals, waits for the checkpoint, downloads."""
    address = f"/record/bundles/{case.request.reference}/"
    site.submit(site.get(address), action=address)
    checkpoint_sign()
    response = site.client.get(f"{address}bundle.zip")
    assert response.status_code == 200
    return b"".join(response)
