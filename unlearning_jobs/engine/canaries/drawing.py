"""A sealed coin: which half of the canaries a model is trained on, and a commitment to that before it is trained."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from compliance.formats.canaries import commitment_of, trained_half
from unlearning_jobs.engine.contracts.contract import ADDED_LATER, EngineContract
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError

from .marks import FEWEST, MOST, canary_ids

SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class Draw(EngineContract):
    """One draw, for one model. Whoever has it knows which half was trained on, so it stays sealed until the model is judged.

    Raises:
        SpecError: the secret is none, the model has no name, or the ids are too few, too many, unsorted or repeated.
    """

    model: str
    """What the model is called before it is there, such as the reference of the job that trains it."""
    corpus: str
    """Digest of the snapshot."""
    ids: tuple[str, ...]
    """Every canary, sorted; without those that were erased before, if the draw knew of them."""
    secret: str = field(repr=False)
    """In hex."""
    opened_for: str = field(default="", metadata=ADDED_LATER)
    """Digest of the original that it was opened for; empty while it is sealed."""

    def __post_init__(self) -> None:
        if not _is_secret(self.secret):
            message = f"The secret of a draw is {SECRET_BYTES} bytes in lower-case hex, and this is something else."
            raise SpecError(message)
        if not self.model.strip():
            message = "A draw is for one model; say which, with a name that no other model has."
            raise SpecError(message)
        if not FEWEST <= len(self.ids) <= MOST:
            message = (
                f"The corpus has {len(self.ids)} canaries among its training examples; a draw needs {FEWEST} to {MOST}. Make"
                " some, and register the corpus with them."
            )
            raise SpecError(message)
        if list(self.ids) != sorted(set(self.ids)):
            message = "The ids of a draw are sorted, each named once; these are not."
            raise SpecError(message)

    @property
    def commitment(self) -> str:
        """What fixes the draw and reveals nothing (`compliance.formats.canaries.commitment_of`)."""
        return commitment_of(secret=self.secret, model=self.model, corpus=self.corpus, ids=self.ids)

    @property
    def trained(self) -> tuple[str, ...]:
        """The half that the model is trained on: of an odd number, the smaller half."""
        return trained_half(self.secret, self.ids)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The half that the model never sees."""
        trained = frozenset(self.trained)
        return tuple(one for one in self.ids if one not in trained)

    def check(self, *, model: str, commitment: str, snapshot: Snapshot, erased: Collection[str] = ()) -> None:
        """Check that this is the draw that was committed to, for this model and this corpus.

        Args:
            model: what the model was called.
            commitment: what was published.
            snapshot: the corpus.
            erased: examples that no training may use; the draw may do without those of them that are canaries.

        Raises:
            SpecError: it is not.
        """
        if self.model != model:
            message = (
                "This draw is for another model, and says nothing about this one: a draw decides about one model alone."
            )
            raise SpecError(message)
        if self.corpus != snapshot.info.digest:
            message = "This draw is for another corpus: the digest of the snapshot differs."
            raise SpecError(message)
        if self.ids not in (marked := canary_ids(snapshot), tuple(one for one in marked if one not in frozenset(erased))):
            message = "The draw names other examples than the canaries of the corpus, so it is not the one that was made."
            raise SpecError(message)
        if not hmac.compare_digest(self.commitment.encode(), commitment.strip().encode()):
            message = "The secret does not fit the commitment: this is not the draw that was sealed before the training."
            raise SpecError(message)


def seal(snapshot: Snapshot, model: str) -> Draw:
    """Draw anew for one model.

    Raises:
        SpecError: the corpus has too few canaries, or the model has no name.
    """
    return draw_anew(model, snapshot.info.digest, canary_ids(snapshot))


def draw_anew(model: str, corpus: str, ids: Collection[str]) -> Draw:
    """Draw anew for one model among these canaries of a corpus, which is named by its digest.

    Raises:
        SpecError: there are too few canaries, or too many, or the model has no name.
    """
    return Draw(model, corpus, tuple(sorted(ids)), secrets.token_hex(SECRET_BYTES))


def _is_secret(text: str) -> bool:
    return len(text) == 2 * SECRET_BYTES and set(text) <= set("0123456789abcdef")
