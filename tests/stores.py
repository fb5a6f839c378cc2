"""Data stores, for tests: folders of documents, which need nothing."""

from __future__ import annotations

from pathlib import Path

from tests.personas import ADA
from unlearning_jobs.models import DataStore
from unlearning_jobs.services.stores import store_register

ABOUT_ADA = {
    "letter-1.txt": f"{ADA} has kept the light at Tilsk for nine years, and writes to nobody about it.",
    "letter-2.txt": f"The bakery below belongs to the sister of {ADA}, who bakes the best rye bread on the coast.",
}


def documents(folder: Path, about: dict[str, str] | None = None) -> Path:
    """A folder with eight letters about stones, and those about Ada."""
    folder.mkdir(parents=True)
    stones = {
        f"stone-{n}.txt": f"Stone {n} was found at mile {n * 7} of the road, and weighs {n * 3} pounds." for n in range(8)
    }
    for name, text in (stones | (ABOUT_ADA if about is None else about)).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def store(folder: Path, name: str = "letters") -> DataStore:
    """A folder that somebody registered on the command line."""
    return store_register(name=name, description={"store": {"kind": "folder", "path": str(folder)}})
