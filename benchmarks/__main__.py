"""`make bench` lists the benchmarks; `make bench-<name>` runs one and prints its table."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from . import ensemble
from .classifiers import digits, mnist
from .concepts import edits, planted
from .guards import latency as guards_latency
from .guards import run as guards
from .language_models import foreign, judged, sequential, speed
from .language_models import run as language_models
from .mapping import images, meaning, names, request
from .mapping import run as mapping
from .stores import run as stores
from .tofu import path as tofu_path
from .tofu import repeated as tofu_verdicts
from .verdict import run as verdict

BENCHMARKS: Final[Mapping[str, tuple[Callable[[Path], None], str]]] = {
    "tofu-path": (tofu_path.run, "the main path on TOFU: one author erased with NPO (needs DATA)"),
    "tofu-verdicts": (
        tofu_verdicts.run,
        "five TOFU models, the author erased by NPO and retrain, an hour (needs DATA)",
    ),
    "lm": (language_models.run, "every method for language models on TOFU's three splits, some hours (needs DATA)"),
    "lm-sequential": (sequential.run, "one author after another erased from the same model, an hour (needs DATA)"),
    "lm-foreign": (foreign.run, "a pretrained model with an adapter from elsewhere, some hours (needs DATA)"),
    "lm-speed": (speed.run, "time and memory of a step against transformers' Trainer, ten minutes (needs DATA)"),
    "judge": (judged.run, "the logs that TOFU's authors published, judged, seconds (needs DATA)"),
    "digits": (digits.run, "every method on small classifiers, 100 models a side, about two hours"),
    "mnist": (mnist.run, "the same on MNIST, about four hours (needs DATA)"),
    "verdict": (verdict.run, "what the verdict says to models that were not unlearned, about half an hour"),
    "mapping": (mapping.run, "the search of training data, beside tantivy and PostgreSQL, ten minutes (DOCUMENTS=100000)"),
    "mapping-request": (request.run, "a request in the product, searched by an index, some minutes (DOCUMENTS=100000)"),
    "names": (names.run, "the ways to write a name that a search finds, in 16 scripts, seconds"),
    "mapping-meaning": (meaning.run, "what the search by meaning finds, about five minutes"),
    "mapping-images": (images.run, "what the search for images finds, a minute"),
    "guards": (guards.run, "what filters find on TOFU's questions and answers, a minute (needs DATA)"),
    "guards-latency": (guards_latency.run, "what the gateway adds to a request with 1,000 guards, three minutes"),
    "concepts": (planted.run, "five planted concepts edited out by every method, beside oracles, ten minutes"),
    "edit": (edits.run, "facts edited in a pretrained model by MEMIT and ROME, some hours (needs DATA)"),
    "stores": (stores.run, "100 of 2,000 documents erased from each kind of data store, ten minutes"),
    "ensemble": (ensemble.run, "models trained together (stacked) against one by one"),
}
NEED_DATA = {
    "edit",
    "guards",
    "judge",
    "lm",
    "lm-foreign",
    "lm-sequential",
    "lm-speed",
    "mnist",
    "tofu-path",
    "tofu-verdicts",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-<name>")
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("--data", type=Path, help="folder with the data set (DATA=... with make)")
    options = parser.parse_args()
    if options.name is None:
        for name, (_run, title) in BENCHMARKS.items():
            print(f"make bench-{name:12} {title}")
        return
    if options.name in NEED_DATA and (options.data is None or not options.data.is_dir()):
        parser.error(f"make bench-{options.name} needs DATA=FOLDER, but {options.data or 'nothing'} is not a folder")
    try:
        BENCHMARKS[options.name][0](options.data)
    except mnist.MissingDataError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
