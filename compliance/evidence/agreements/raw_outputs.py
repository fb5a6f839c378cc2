"""Reads the raw outputs of an evaluation. Needs pyarrow, no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isfinite, nan
from pathlib import Path
from typing import Any

from compliance.evidence.recomputed.models import Models
from compliance.formats.errors import VerificationError
from compliance.formats.protocol import MOST_ROWS
from compliance.formats.results import RESULT_VERSION

OUTPUTS = "outputs/examples.parquet"
IDENTITY = ("group", "seed", "set")
EXAMPLE_ID = ("example_id", "record_id")
"""Today's name of the column with the example's id, and the one in older files."""
STATISTICS = ("margin", "log_likelihood", "probability", "accuracy")
"""The columns that estimands are about. Only the first is in every file."""
OF_METRICS = (
    *("exact_memorization", "extraction_strength", "min_k", "rouge_l", "truth_ratio"),
    "normalised_probability",
)
"""The columns of metrics. There are no others but those that came later."""
ADDED_COLUMNS: Mapping[int, tuple[str, ...]] = {
    4: (
        *("min_k_plus_plus", "zlib_ratio", "suffix_log_probability", "verbatim", "relearned"),
        *("quantized_8", "quantized_4", "hinted", "hints", "prefix", "prefix_log_probability"),
        *("paraphrased", "lens", "lens_layer", "probe"),
        *("passage_log_probability", "passages_0_001", "passages_0_01", "passages_0_5", "longest_block"),
        *("gradient_norm", "reference_log_likelihood", "multiple_choice", "conversation"),
    ),
}
"""The columns of metrics that came later, by the version of results of that time."""
TRAJECTORY = "outputs/trajectory.parquet"
NEEDED, JUDGED_SETS = ("margin", "probability"), ("forget", "retain", "held_out")
"""Without finite numbers in these columns on these sets, nothing is judged; nor in what the estimands name."""
Place = tuple[str, str]
"""A set and a statistic."""
MAX_ROWS = MOST_ROWS

Margins = Mapping[str, Mapping[int, float | None]]
"""By example and step."""
Values = tuple[float | None, ...]


class NotRecomputableError(Exception):
    """The raw outputs cannot be read here, which says nothing about them; the message says what is missing."""


@dataclass(frozen=True)
class Measured:
    """One model on one set of examples."""

    group: str
    seed: int
    ids: tuple[str, ...]
    values: Mapping[str, Values]
    """By statistic, in the order of `ids`; None where it could not be measured."""


@dataclass(frozen=True)
class RawOutputs:
    """All models of an evaluation, by the set that they were measured on."""

    sets: Mapping[str, tuple[Measured, ...]]

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> RawOutputs:
        """Group rows by set and model (VerificationError if the models of a set were measured on different examples)."""
        grouped: dict[str, dict[tuple[str, int], list[Mapping[str, Any]]]] = {}
        for row in rows:
            grouped.setdefault(row["set"], {}).setdefault((row["group"], row["seed"]), []).append(row)
        sets = {name: tuple(_measured(*key, own) for key, own in models.items()) for name, models in grouped.items()}
        for name, models in sets.items():
            if len({model.ids for model in models}) != 1:
                message = f"the models were measured on different examples of the set {name!a}."
                raise VerificationError(message)
        return cls(sets)

    def only(self, seeds: Mapping[str, Collection[int]]) -> RawOutputs:
        """Return the outputs of the models of these seeds, by group."""
        return RawOutputs(
            {
                name: tuple(one for one in models if one.seed in seeds.get(one.group, ()))
                for name, models in self.sets.items()
            }
        )

    def ids(self, name: str) -> list[str]:
        """Return the ids of the examples of a set, sorted; none if nothing was measured on it."""
        models = self.sets.get(name, ())
        return sorted(models[0].ids) if models else []

    def seeds(self) -> dict[str, dict[str, list[int]]]:
        """Return the seeds of the models of each group, sorted, by the set that they were measured on."""
        found: dict[str, dict[str, list[int]]] = {}
        for name, models in self.sets.items():
            for model in sorted(models, key=lambda one: one.seed):
                found.setdefault(name, {}).setdefault(model.group, []).append(model.seed)
        return found

    def are_finite(self, places: Iterable[Place] = ()) -> bool:
        """Return whether all models answer with finite numbers wherever something is judged.

        Args:
            places: what the estimands are about.
        """
        needed = self._needed(places)
        return all(self.sets.get(name) for name, _ in needed) and not self.groups_without_numbers(places)

    def groups_without_numbers(self, places: Iterable[Place] = ()) -> list[str]:
        """Return the groups of which a model answers with no finite number somewhere where something is judged."""
        needed = self._needed(places)
        return sorted(
            {
                model.group
                for name, statistic in needed
                for model in self.sets.get(name, ())
                if not all(value is not None and isfinite(value) for value in model.values.get(statistic, (None,)))
            }
        )

    def _needed(self, places: Iterable[Place]) -> set[Place]:
        return {(name, statistic) for name in JUDGED_SETS for statistic in NEEDED if name in self.sets} | set(places)

    def mean(self, group: str, name: str, statistic: str = "margin") -> float:
        """Return the mean over a group's models and the examples of a set; NaN if there are none, or one is missing."""
        models = [one for one in self.sets.get(name, ()) if one.group == group]
        values = [nan if value is None else value for model in models for value in model.values[statistic]]
        return fsum(values) / len(values) if values else nan

    def gap(self) -> float:
        """Return the do-nothing gap: how much better the originals know the forget set than the oracles do."""
        return self.mean("original", "forget") - self.mean("oracle", "forget")

    def models(self, seed: int) -> Models:
        """Return the models' numbers.

        Args:
            seed: of the production model.
        """
        values = {
            ((one.group, one.seed), name, statistic): [nan if value is None else value for value in numbers]
            for name, models in self.sets.items()
            for one in models
            for statistic, numbers in one.values.items()
        }
        return Models(values, tuple((one.group, one.seed) for one in self.sets.get("forget", ())), seed)


def read_outputs(path: Path, version: int = RESULT_VERSION) -> RawOutputs:
    """Read the raw outputs in a Parquet file.

    Args:
        path: of the file.
        version: of the result that it belongs to; what came later is in no file of that time.

    Raises:
        NotRecomputableError: pyarrow is missing, or there are too many rows.
        VerificationError: this is no Parquet file of raw outputs.
    """
    file = open_parquet(path)
    columns = set(file.schema_arrow.names)
    identifier = next((name for name in EXAMPLE_ID if name in columns), None)
    if identifier is None or not {*IDENTITY, STATISTICS[0]} <= columns:
        message = f"{path.name} lacks columns of raw outputs; it has {', '.join(sorted(columns))[:200]!a}."
        raise VerificationError(message)
    added = {name for since, names in ADDED_COLUMNS.items() if since <= version for name in names}
    _check_columns(path, file, {*IDENTITY, identifier, *STATISTICS, *OF_METRICS} | added)
    wanted = [*IDENTITY, identifier, *(name for name in STATISTICS if name in columns)]
    return RawOutputs.of_rows(_rows(path, file, wanted, [*IDENTITY, "example_id", *wanted[4:]]))


def read_margins(path: Path) -> Margins:
    """Read the margins of a trajectory (the same errors)."""
    file = open_parquet(path)
    identifier = next((name for name in EXAMPLE_ID if name in file.schema_arrow.names), EXAMPLE_ID[0])
    _check_columns(path, file, {"step", identifier, "margin"})
    margins: dict[str, dict[int, float | None]] = {}
    for row in _rows(path, file, ["step", identifier, "margin"], ["step", "example_id", "margin"]):
        if row["step"] in margins.setdefault(row["example_id"], {}):
            message = f"{path.name} gives two margins of an example at one step."
            raise VerificationError(message)
        margins[row["example_id"]][row["step"]] = row["margin"]
    return margins


def _check_columns(path: Path, file: Any, known: set[str]) -> None:
    if unknown := sorted(set(file.schema_arrow.names) - known):
        message = f"{path.name} has columns that the engine does not write: {', '.join(unknown)[:200]!a}."
        raise VerificationError(message)
    if len(set(file.schema_arrow.names)) != len(file.schema_arrow.names):
        message = f"{path.name} has a column twice."
        raise VerificationError(message)
    if file.metadata.num_rows > MAX_ROWS:
        message = f"{path.name} has more than {MAX_ROWS} rows"
        raise NotRecomputableError(message)


def _rows(path: Path, file: Any, wanted: list[str], names: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = file.read(columns=wanted).select(wanted).rename_columns(names).to_pylist()
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:
        message = f"{path.name} cannot be read ({type(error).__name__})."
        raise VerificationError(message) from error
    return rows


def open_parquet(path: Path) -> Any:
    """Open a Parquet file (NotRecomputableError without pyarrow, VerificationError if it is none)."""
    try:
        from pyarrow import parquet
    except ImportError:
        message = "pyarrow is missing; install it to have the raw outputs checked"
        raise NotRecomputableError(message) from None
    try:
        return parquet.ParquetFile(path)
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # pyarrow raises errors of many kinds about a file that is none
        message = f"{path.name} is not a Parquet file."
        raise VerificationError(message) from error


def _measured(group: str, seed: int, rows: Sequence[Mapping[str, Any]]) -> Measured:
    present = [name for name in STATISTICS if name in rows[0]]
    values = {name: tuple(row[name] for row in rows) for name in present}
    return Measured(group, seed, tuple(row["example_id"] for row in rows), values)
