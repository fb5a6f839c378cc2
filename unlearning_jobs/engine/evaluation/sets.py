"""The sets of examples on which the models of an evaluation are measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.corpora import Example, Snapshot


def evaluation_sets(
    snapshot: Snapshot, forget_ids: Collection[str], retained_ids: Sequence[str], protocol: Protocol
) -> dict[str, list[Example]]:
    """Return the forget set, samples of retain and held-out examples drawn with the protocol's seed, and any extra sets.

    Empty ones are left out.
    """
    rng = np.random.default_rng(protocol.sample_seed)

    def sample(ids: Sequence[str], size: int) -> list[Example]:
        return snapshot.get(sorted(ids if len(ids) <= size else rng.choice(ids, size, replace=False).tolist()))

    sets = {
        "forget": snapshot.get(sorted(forget_ids)),
        "retain": sample(retained_ids, protocol.max_retain_examples),
        "held_out": sample([e.id for e in snapshot.examples("held_out")], protocol.max_held_out_examples),
    }
    for name in snapshot.info.counts:
        if name not in ("train", "held_out"):
            sets[name] = list(snapshot.examples(name))
    return {name: examples for name, examples in sets.items() if examples}
