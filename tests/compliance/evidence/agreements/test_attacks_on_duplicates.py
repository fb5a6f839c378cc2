"""Facts that stand at a second place, where nobody compared them; each correctly signed and logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from compliance.evidence.agreements.raw_outputs import TRAJECTORY
from compliance.formats.canonical import sha256_hex

from .judged_again import Lie, reasons, verified
from .retold import Real, Retold

pytestmark = pytest.mark.django_db
ATTEMPT = 2


def margins(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Lie:
    """Change the rows of the trajectory's file."""

    def told(retold: Retold) -> None:
        path, name = retold.folder / "trajectory", retold.path(ATTEMPT, TRAJECTORY)
        path.write_bytes(retold.files[name])
        parquet.write_table(pa.Table.from_pylist(change(parquet.read_table(path).to_pylist())), path)
        retold.files[name] = path.read_bytes()
        retold.results[ATTEMPT]["files"][TRAJECTORY] = sha256_hex(path.read_bytes())

    return told


def no_file(retold: Retold) -> None:
    del retold.files[retold.path(ATTEMPT, TRAJECTORY)], retold.results[ATTEMPT]["files"][TRAJECTORY]


def no_trajectory(retold: Retold) -> None:
    retold.results[ATTEMPT]["trajectory"] = None


def a_verdict_in_the_outputs(retold: Retold) -> None:
    for row in retold.outputs[ATTEMPT]:
        row["verdict"] = "failed"


OTHER = "the result states other margins than the trajectory's file"
UNKNOWN = "has columns that the engine does not write"


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        ({"result": margins(lambda rows: [row | {"margin": 99.0} for row in rows])}, OTHER),
        ({"result": margins(lambda rows: rows[1:])}, OTHER),
        ({"result": margins(lambda rows: [*rows, rows[0] | {"example_id": "e00000019"}])}, OTHER),
        ({"result": margins(lambda rows: [*rows, rows[0]])}, "gives two margins of an example at one step"),
        ({"result": margins(lambda rows: [row | {"verdict": "failed"} for row in rows])}, UNKNOWN),
        ({"result": no_file}, OTHER),
        ({"result": no_trajectory}, OTHER),
        ({"outputs": a_verdict_in_the_outputs}, UNKNOWN),
    ],
)
def test_the_files_of_the_outputs_say_what_the_result_says_and_nothing_else(
    real: Real, tmp_path: Path, lies: dict[str, Lie], reason: str
) -> None:
    assert reason in reasons(verified(real, tmp_path, lies))


def entry(kind: str, **data: Any) -> Lie:
    return lambda retold: retold.first(kind)["data"].update(data)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (entry("mapping.completed", queries=[]), "the search is called complete"),
        (entry("mapping.completed", queries=[{"kind": "name"}]), "nothing says what its queries"),
        (entry("mapping.completed", matcher={"nothing": True}), "nothing says what its matcher"),
        (entry("mapping.completed", searched=["all"]), "nothing says what its searched"),
        (entry("erasure.entered", entries_sha256="none"), "nothing says what its entries_sha256"),
    ],
)
def test_an_entry_says_nothing_in_another_form(real: Real, tmp_path: Path, lie: Lie, reason: str) -> None:
    assert reason in reasons(verified(real, tmp_path, {"entries": lie}))
