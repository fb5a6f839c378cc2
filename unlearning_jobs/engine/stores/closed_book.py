"""Asks a language model without the store: does it still say what was erased from it?

Each question is asked alone, and once more with the passage that the store had for it before. An answer that comes only with
the passage came from the store; one that comes without it is in the weights, and no erasure in a store changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from .spec import StoreSpec
from .store import Document

MOST_TOKENS: Final = 48
"""Of an answer."""
Answer = Callable[[str], str]


def ask_closed_book(spec: StoreSpec, sought: Sequence[Document]) -> dict[str, Any]:
    """Return how many questions the model answers alone, and with the store's passage. Nothing if the spec names no model.

    Raises:
        CheckpointError: the model's folder cannot be read.
    """
    if spec.model is None:
        return {}
    answer = _model(spec.model)
    alone = with_passage = from_store = without_passage = 0
    for one in spec.questions:
        says_alone = says(answer(one.question), one.answer)
        alone += says_alone
        passage = next((document.text for document in sought if says(document.text, one.answer)), None)
        if passage is None:
            without_passage += 1
        elif says(answer(f"{passage}\n\n{one.question}"), one.answer):
            with_passage += 1
            from_store += not says_alone
    return {
        "questions": len(spec.questions),
        "alone": alone,
        "with_passage": with_passage,
        "from_store": from_store,
        "without_passage": without_passage,
    }


def says(text: str, answer: str) -> bool:
    """Say whether a text holds an answer, whatever its case and white space."""
    return " ".join(answer.casefold().split()) in " ".join(text.casefold().split())


def _model(folder: Path) -> Answer:
    """Return what answers by a model, greedily."""
    import torch

    from unlearning_jobs.engine.families.checkpoints import longest_read, read_config, read_network, read_tokenizer

    config, tokenizer = read_config(folder), read_tokenizer(folder)
    network: Any = read_network(folder, config).eval()
    room = longest_read(config) - MOST_TOKENS

    def answer(question: str) -> str:
        ids = tokenizer(_asked(tokenizer, question), return_tensors="pt")["input_ids"][:, -room:]
        with torch.no_grad():
            out = network.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=MOST_TOKENS,
                do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )
        return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))

    return answer


def _asked(tokenizer: Any, question: str) -> str:
    if not tokenizer.chat_template:
        return question
    turn = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
