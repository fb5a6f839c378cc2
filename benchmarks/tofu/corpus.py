"""Makes one corpus of TOFU's files: questions and answers, with paraphrased and perturbed answers where it has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create

RECIPE: Final = Path(__file__).with_name("recipe.json")
AUTHOR: Final = "Basil Mahfouz Al-Kuwaiti"
AUTHOR_ROWS: Final = frozenset(f"e{number:08d}" for number in range(3960, 3980))
"""The first twenty rows of forget01; in full.json they come just before the last twenty."""
HELD_OUT: Final = range(2400, 3600)
"""The last sixty authors of retain90, which no model is trained on. TOFU has no held-out set."""
PROBES: Final = {"real_authors": "real_authors_perturbed.json", "world_facts": "world_facts_perturbed.json"}
"""Further sets by name: their files in TOFU's folder."""
PERTURBED: Final = ("retain_perturbed", "forget10_perturbed", "forget05_perturbed", "forget01_perturbed")


def write_corpus(data: Path, path: Path) -> None:
    """Write TOFU's full split as one JSON lines file; `data` is the folder with TOFU's files."""
    extras = {row["question"]: row for name in PERTURBED for row in read(data / f"{name}.json")}
    rows = []
    for number, row in enumerate(read(data / "full.json")):
        extra = extras.get(row["question"], {})
        row |= {key: extra[key] for key in ("paraphrased_answer", "perturbed_answer") if key in extra}
        rows.append(row | {"split": "held_out" if number in HELD_OUT else "train"})
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def tofu_snapshot(data: Path, folder: Path) -> Snapshot:
    """Return the snapshot of TOFU's full split and probes in the folder `snapshot` of `folder`, made if it is not there."""
    target = folder / "snapshot"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        corpus = folder / "tofu.jsonl"
        write_corpus(data, corpus)
        snapshot_create([corpus], target, sets={name: data / file for name, file in PROBES.items()})
    return Snapshot.open(target)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
