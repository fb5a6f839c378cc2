"""Contradictions of the pairs that are about an evaluation: what the models were judged by, and what follows from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compliance.evidence.agreements.canaries import CANARIES
from compliance.evidence.agreements.measured import DRAWN_SIZES
from compliance.evidence.agreements.positions import POSSIBLE_POSITIONS
from compliance.formats.canonical import digest_of

from .retold import Retold

Change = tuple[str, Callable[[Retold], Any]]
"""The stage at which something is changed, and what."""
ATTEMPT = 1
"""Changes of statements and files are made to this attempt."""
CERTIFICATE = {
    "definition": "Close to a model without them.",
    "epsilon": 0.0,
    "delta": 0.0,
    "records": 999,
    "budget_spent": 0.5,
    "assumptions": [],
    "not_covered": [],
}


def report(**values: Any) -> Change:
    return "report", lambda retold: retold.reports[ATTEMPT].update(values)


def result(change: Callable[[Any], Any]) -> Change:
    return "result", lambda retold: change(retold.results[ATTEMPT])


def evaluation(change: Callable[[Any], Any]) -> Change:
    return result(lambda value: change(value["evaluation"]))


def trained_again(**values: Any) -> Change:
    """An empirical result states a second training."""
    training = {"examples": 1, "manifest": "7" * 64, "forget_examples": 1, "given": 0}
    training |= {"weights": "8" * 64, "method_weights": "9" * 64, "difference": 0.5}
    return result(lambda value: value.update(second_training=training | values))


def entries(change: Callable[[Retold], Any]) -> Change:
    return "entries", change


def outputs(name: str, other: Callable[[Retold], str]) -> Change:
    """Measure the first example of a set under the name of another."""

    def apply(retold: Retold) -> None:
        rows = [row for row in retold.outputs[ATTEMPT] if row["set"] == name]
        first = rows[0]["example_id"]
        for row in rows:
            if row["example_id"] == first:
                row["example_id"] = other(retold)

    return "outputs", apply


def rows_left(keep: Callable[[dict[str, Any]], bool]) -> Change:
    def apply(retold: Retold) -> None:
        retold.outputs[ATTEMPT] = [row for row in retold.outputs[ATTEMPT] if keep(row)]

    return "outputs", apply


def margins(value: float, *, group: str, name: str, models: int) -> Change:
    """Let some models of a group answer otherwise on a set than the result has it."""

    def apply(retold: Retold) -> None:
        rows = [row for row in retold.outputs[ATTEMPT] if (row["group"], row["set"]) == (group, name)]
        seeds = sorted({row["seed"] for row in rows})[:models]
        for row in rows:
            row["margin"] = value if row["seed"] in seeds else row["margin"]

    return "outputs", apply


def a_little_higher(value: Any) -> None:
    finding = next(one for one in value["estimands"] if one["position"] == "within" and one["high"] > one["estimate"])
    finding["estimate"] = (finding["estimate"] + finding["high"]) / 2


def another_seed(retold: Retold) -> None:
    for row in retold.outputs[ATTEMPT]:
        row["seed"] = 77 if row["seed"] == 11 else row["seed"]


def wide_margins(retold: Retold) -> None:
    protocol = retold.reports[ATTEMPT]["protocol"]
    protocol["estimands"][0]["margin"] = 1000.0
    retold.specs[ATTEMPT]["protocol"] = protocol
    retold.reports[ATTEMPT]["protocol_sha256"] = digest_of(protocol)


def another_file(retold: Retold) -> None:
    retold.files[retold.path(ATTEMPT, "verdict.json")] = b'{"outcome":"passed"}'


JUDGED: Mapping[str, Change] = {
    "result.json kind / an unlearning report": result(lambda value: value.update(kind="train")),
    "spec.json kind / an unlearning report": ("spec", lambda retold: retold.specs[ATTEMPT].update(kind="train")),
    "spec.json protocol / report protocol": ("spec", lambda retold: retold.specs[ATTEMPT]["protocol"].update(alpha=0.01)),
    "result.json environment / report environment": result(lambda value: value["environment"].update(torch="9")),
    "method of a proposal / the methods that have a guarantee": entries(
        lambda retold: retold.first("proposal.submitted")["data"].update(method="magic")
    ),
    "spec.json earlier.method.name / the methods that erase": (
        "spec",
        lambda retold: retold.specs[ATTEMPT].update(
            earlier=[{"method": {"name": "nothing", "config": {}}, "forget_ids": ["e00000019"]}]
        ),
    ),
    "report method.guarantee / the guarantee of report method.name": (
        "report",
        lambda retold: retold.reports[ATTEMPT]["method"].update(guarantee="exact"),
    ),
    "what is wrong with report protocol / no problem": ("spec", wide_margins),
    "result.json version / job.started result_version": entries(
        lambda retold: retold.first("job.started")["data"].pop("result_version")
    ),
    "result.json evaluation.estimands / report protocol.estimands": evaluation(
        lambda value: value["estimands"][0]["estimand"].update(margin=9.5)
    ),
    "what result.json evaluation.estimands is about / what must be judged by the report's protocol": evaluation(
        lambda value: value.update(estimands=[one for one in value["estimands"] if "scope" not in one])
    ),
    f"result.json evaluation.estimands.position / {POSSIBLE_POSITIONS.name}": evaluation(
        lambda value: value["estimands"][0].update(position="within")
    ),
    "result.json evaluation.controls / the controls of the protocol's design": evaluation(
        lambda value: value.update(controls=[])
    ),
    "result.json evaluation.process / the process of report method.guarantee": evaluation(
        lambda value: value.update(process=[{"name": "forget_set_absent", "held": True, "sentence": "It never saw them."}])
    ),
    "result.json evaluation.process but for a certificate / what result.json second_training says": trained_again(),
    "what the second training was given / result.json train_examples and retain_digest, spec.json forget_ids counted": (
        trained_again(manifest="5" * 64)
    ),
    "result.json second_training.weights / result.json files, the model's weights": trained_again(weights="5" * 64),
    "sets of the matches / corpus.registered counts, by set": entries(
        lambda retold: [one.update(set="real_authors") for one in retold.first("match.rejected")["data"]["examples"]]
    ),
    "result.json base_files, the files that report method.name keeps / result.json files, the model's": (
        "report",
        lambda retold: retold.reports[ATTEMPT]["method"].update(name="dp_sgd", guarantee="certified"),
    ),
    "result.json evaluation.process certificate / result.json certificate": result(
        lambda value: value.update(certificate=CERTIFICATE)
    ),
    "result.json certificate.definition / the bound of report method.name": result(
        lambda value: value.update(certificate=CERTIFICATE)
    ),
    "result.json certificate, its numbers / what spec.json recipe and method promise": result(
        lambda value: value.update(certificate=CERTIFICATE)
    ),
    "result.json certificate.epsilon, for each example / what training by spec.json recipe costs an example": result(
        lambda value: value.update(certificate=CERTIFICATE)
    ),
    "the methods in spec.json earlier that end the promise of method.name / no method": (
        "spec",
        lambda retold: retold.specs[ATTEMPT].update(
            method={"name": "dp_sgd", "config": {}},
            earlier=[{"method": {"name": "npo", "config": {}}, "forget_ids": ["e00000019"]}],
        ),
    ),
    "result.json certificate.records / spec.json forget_ids and earlier, counted": result(
        lambda value: value.update(certificate=CERTIFICATE)
    ),
    "result.json evaluation.influence / what the protocol and result.json evaluation.influence give": evaluation(
        lambda value: value["influence"].update(measurable=False)
    ),
    "result.json evaluation.verdict / report verdict": evaluation(lambda value: value["verdict"].update(direction=None)),
    "result.json evaluation, the parts that are there / the parts that fit result.json evaluation.gap": (
        evaluation(lambda value: value.update(permutation=None))
    ),
    "report verdict / examples.parquet, by the groups without numbers": (
        "outputs",
        lambda retold: [row.update(margin=None) for row in retold.outputs[ATTEMPT] if row["group"] == "oracle"],
    ),
    "report verdict / result.json evaluation, by its findings": evaluation(
        lambda value: value["controls"][0].update(behaved=False)
    ),
    "result.json evaluation.look / spec.json protocol.looks": evaluation(lambda value: value.update(look=2)),
    "report subjects, by name / the files of a report": ("result", another_file),
    "result.json training_metrics / no training": result(lambda value: value.update(training_metrics={"margin": 1.0})),
    "result.json seconds, in all / time between report started_at and finished_at": result(
        lambda value: value["seconds"].update(unlearn=1e6)
    ),
    "result.json evaluation.duplicates forget_id / spec.json forget_ids": evaluation(
        lambda value: value.update(duplicates=[{"forget_id": "e00000019", "retain_id": "e00000018", "likeness": 1.0}])
    ),
    "result.json evaluation, labellings of its tests / labellings of the models that the protocol names": evaluation(
        lambda value: value["permutation"].update(p_value=1e-9)
    ),
    "result.json evaluation.permutation / result.json evaluation.sets forget": evaluation(
        lambda value: value["permutation"].update(p_value=1.0)
    ),
    "result.json evaluation.sets p_adjusted / result.json evaluation.sets p_value, adjusted": evaluation(
        lambda value: value["sets"][0].update(p_adjusted=0.5)
    ),
    "result.json evaluation.examples, its lists / result.json evaluation.examples example_ids, counted": evaluation(
        lambda value: value["examples"]["auc"].pop()
    ),
    "result.json evaluation.examples, adjusted and counted / result.json evaluation.examples p_value and auc": evaluation(
        lambda value: value["examples"].update(too_high_fdr=0, too_low_fdr=3)
    ),
    "result.json evaluation.examples / spec.json forget_ids": evaluation(
        lambda value: value["examples"]["example_ids"].pop()
    ),
    "result.json trajectory.examples / spec.json forget_ids": result(
        lambda value: value["trajectory"]["examples"][0].update(example_id="e00000019")
    ),
    "what result.json trajectory states / what follows from its margins": result(
        lambda value: value["trajectory"]["examples"][0].update(end="overshot")
    ),
    "job.started time / report finished_at": report(
        started_at="2000-01-01T00:00:00.000000Z", finished_at="2000-01-01T00:00:00.000000Z"
    ),
    "examples.parquet example_id of the set forget / spec.json forget_ids": outputs("forget", lambda _retold: "e00000019"),
    "examples.parquet example_id of the other sets / spec.json forget_ids, earlier, exclude_ids and erased_ids": outputs(
        "held_out", lambda retold: retold.specs[ATTEMPT]["forget_ids"][0]
    ),
    f"examples.parquet examples by set, counted / {DRAWN_SIZES.name}": rows_left(
        lambda row: row["example_id"] != "e00000019"
    ),
    "examples.parquet seed by set and group / the protocol's seeds at the look that decided": ("outputs", another_seed),
    "examples.parquet, all numbers there and finite / result.json evaluation.gap is stated": (
        "outputs",
        lambda retold: retold.outputs[ATTEMPT][0].update(probability=None),
    ),
    "examples.parquet, estimands / result.json evaluation.estimands, numbers": evaluation(a_little_higher),
    "examples.parquet, controls / result.json evaluation.controls behaved": margins(
        0.3, group="original", name="forget", models=4
    ),
    "examples.parquet, influence / result.json evaluation.influence, numbers": evaluation(
        lambda value: value["influence"].update(memorised=0)
    ),
    "examples.parquet, vetoes / result.json evaluation.vetoes": evaluation(
        lambda value: value.update(vetoes=[{"estimand": "held_out_damaged", "side": "above"}])
    ),
    "result.json efficiency, shares / result.json efficiency, unlearning and retraining": result(
        lambda value: value["efficiency"].update(wall_share=0.001)
    ),
    "examples.parquet, precision / result.json evaluation.precision": evaluation(
        lambda value: value["precision"].update(spread=0.5)
    ),
    "examples.parquet, groups told apart / result.json evaluation, groups told apart": margins(
        99.0, group="oracle", name="held_out", models=1
    ),
    "result.json trajectory, margins by step / trajectory.parquet margin": result(
        lambda value: value["trajectory"]["examples"][1]["margins"].__setitem__(0, 5.5)
    ),
    "result.json trajectory.examples, oracles / examples.parquet, oracles by example": margins(
        1.0, group="oracle", name="forget", models=1
    ),
}
"""By the pair's name."""
SHOWN_ELSEWHERE = (
    "examples.parquet, estimands of the first version / result.json evaluation.estimands, intervals",
    "examples.parquet, verdicts of the looks before / that none of these looks decided",
    "examples.parquet, held-out twins / result.json evaluation.twins",
    "result.json evaluation.twins.outcome / what the numbers of result.json evaluation.twins say",
    *(pair.name for pair in CANARIES),  # tests/requests_app/test_canaries_in_cases.py
)
"""Pairs about what the real bundle does not have, with a test of their own."""
