"""Logs of OpenUnlearning give its metrics again, and a log that states other numbers is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import hmean, ks_2samp

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.judging import judge, outputs_of_logs

EXAMPLES = 40
UTILITY = {"retain": "retain_Q_A_Prob", "ra": "ra_Q_A_Prob_normalised", "wf": "wf_Q_A_Prob_normalised"}


def log_of(seed: int, ratio: float = 0.6) -> dict[str, Any]:
    """A log with made-up values of every metric of the model's utility, and of the forget set."""
    rng = np.random.default_rng(seed)

    def values(key: str, middle: float) -> dict[str, Any]:
        numbers = np.abs(middle + 0.1 * rng.standard_normal(EXAMPLES))
        return {
            "agg_value": float(numbers.mean()),
            "value_by_index": {str(i): {key: float(x)} for i, x in enumerate(numbers)},
        }

    return {
        "forget_Q_A_Prob": values("prob", 0.4),
        "forget_truth_ratio": values("score", ratio),
        "exact_memorization": values("score", 0.5),
        **{name: values("prob", 0.7) for name in UTILITY.values()},
        **{f"{name}_Q_A_ROUGE": values("rougeL_recall", 0.6) for name in UTILITY},
        **{f"{name}_Truth_Ratio": values("score", 0.5) for name in UTILITY},
    }


def numbers(log: dict[str, Any], name: str, key: str) -> Any:
    return np.array([row[key] for row in log[name]["value_by_index"].values()])


def utility(log: dict[str, Any]) -> float:
    terms = [numbers(log, name, "prob").mean() for name in UTILITY.values()]
    terms += [numbers(log, f"{name}_Q_A_ROUGE", "rougeL_recall").mean() for name in UTILITY]
    terms += [np.maximum(0, 1 - numbers(log, f"{name}_Truth_Ratio", "score")).mean() for name in UTILITY]
    return float(hmean(terms))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The logs of an original, an unlearned model and an oracle."""
    made = []
    for number, ratio in enumerate((0.6, 0.8, 0.8)):
        made.append(tmp_path / f"{number}" / "TOFU_EVAL.json")
        made[-1].parent.mkdir()
        made[-1].write_text(json.dumps(log_of(number, ratio)))
    return made


def test_forget_quality_and_utility_are_those_of_independent_computations(files: list[Path]) -> None:
    original, unlearned, oracle = (json.loads(file.read_text()) for file in files)
    found = judge(outputs_of_logs(files[:1], files[1:2], files[2:]), "causal_lm")
    metrics = {(one.name, one.examples): one for one in found.metrics}
    quality = ks_2samp(*(numbers(log, "forget_truth_ratio", "score") for log in (unlearned, oracle))).pvalue
    assert metrics["forget_quality", "forget"].unlearned == pytest.approx(quality)
    before = ks_2samp(*(numbers(log, "forget_truth_ratio", "score") for log in (original, oracle))).pvalue
    assert metrics["forget_quality", "forget"].original == pytest.approx(before)
    assert metrics["model_utility", "retain"].unlearned == pytest.approx(utility(unlearned))
    assert "9 of TOFU's 9" in metrics["model_utility", "retain"].note
    assert metrics["probability", "forget"].oracles == pytest.approx([numbers(oracle, "forget_Q_A_Prob", "prob").mean()])


def test_logs_decide_nothing_because_they_hold_no_margins(files: list[Path], tmp_path: Path) -> None:
    oracles = [tmp_path / f"oracle-{seed}.json" for seed in range(11, 16)]
    for seed, oracle in enumerate(oracles):
        oracle.write_text(json.dumps(log_of(20 + seed)))
    found = judge(outputs_of_logs(files[:1], files[1:2], oracles), "causal_lm")
    assert found.outcome == "undecided"
    assert "no margins" in found.reasons[0]


def test_what_a_log_lacks_is_left_out_for_all(files: list[Path]) -> None:
    log = json.loads(files[2].read_text())
    del log["exact_memorization"]
    files[2].write_text(json.dumps(log))
    found = judge(outputs_of_logs(files[:1], files[1:2], files[2:]), "causal_lm")
    assert "exact_memorization" not in {metric.name for metric in found.metrics}


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_logs_about_different_examples_are_refused(files: list[Path]) -> None:
    change(files[2], forget_truth_ratio={"value_by_index": {"7": {"score": 0.5}}})
    with pytest.raises(SpecError, match="different examples"):
        outputs_of_logs(files[:1], files[1:2], files[2:])


@pytest.mark.parametrize(
    "wrong", [{"value_by_index": {"0": {}}}, {"agg_value": 1}, 3, {"value_by_index": {"0": {"prob": "x"}}}]
)
def test_a_log_without_values_by_example_is_refused(files: list[Path], wrong: Any) -> None:
    change(files[0], forget_Q_A_Prob=wrong)
    with pytest.raises(SpecError, match="forget_Q_A_Prob in a log has no value_by_index"):
        outputs_of_logs(files[:1], files[1:2], files[2:])


@pytest.mark.parametrize(
    ("text", "message"), [("[]", "is no log"), ("{", "is not JSON"), ("{}", "no values of the forget set")]
)
def test_what_is_no_log_is_refused(files: list[Path], text: str, message: str) -> None:
    files[0].write_text(text)
    with pytest.raises(SpecError, match=message):
        outputs_of_logs(files[:1], files[1:2], files[2:])


def test_the_command_tells_of_a_log_that_states_another_number_than_its_values_give(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    change(files[1], model_utility={"agg_value": 0.99})
    arguments = ["judge", "--original", str(files[0]), "--unlearned", str(files[1]), "--oracles", str(files[2])]
    assert main(arguments) == 0
    assert "states model_utility 0.99, and its values by example give 0." in capsys.readouterr().out
    change(files[1], model_utility={"agg_value": utility(json.loads(files[1].read_text()))})
    assert main(arguments) == 0
    assert "states model_utility" not in capsys.readouterr().out


def tofu_log(seed: int, shift: float) -> dict[str, Any]:
    """A log as TOFU's own code writes it, with made-up losses; the paraphrases of the forget set are `shift` less likely."""
    rng = np.random.default_rng(seed)

    def part(shifted: float = 0.0) -> dict[str, Any]:
        return {
            "avg_gt_loss": {str(i): float(x) for i, x in enumerate(rng.uniform(0.1, 2, EXAMPLES))},
            "avg_paraphrased_loss": {str(i): float(x) + shifted for i, x in enumerate(rng.uniform(1, 2, EXAMPLES))},
            "average_perturb_loss": {str(i): rng.uniform(1, 3, 5).tolist() for i in range(EXAMPLES)},
            "rougeL_recall": {str(i): float(x) for i, x in enumerate(rng.uniform(0.3, 1, EXAMPLES))},
        }

    others = ("eval_log.json", "eval_real_author_wo_options.json", "eval_real_world_wo_options.json")
    return {"eval_log_forget.json": part(shift), **{name: part() for name in others}}


def tofu_ratios(log: dict[str, Any], name: str) -> Any:
    part = log[name]
    return np.array(
        [np.exp(part["avg_paraphrased_loss"][i] - np.mean(part["average_perturb_loss"][i])) for i in part["avg_gt_loss"]]
    )


def test_logs_of_tofus_own_code_give_the_same_metrics(files: list[Path]) -> None:
    logs = [tofu_log(seed, shift) for seed, shift in ((1, 0.0), (2, 0.5), (3, 0.5))]
    for file, log in zip(files, logs, strict=True):
        file.write_text(json.dumps(log))
    metrics = {
        (m.name, m.examples): m for m in judge(outputs_of_logs(files[:1], files[1:2], files[2:]), "causal_lm").metrics
    }
    quality = ks_2samp(*(tofu_ratios(log, "eval_log_forget.json") for log in logs[1:])).pvalue
    assert metrics["forget_quality", "forget"].unlearned == pytest.approx(quality)
    # The nine terms of the utility.
    terms = [np.mean(np.exp(-np.array(list(logs[1]["eval_log.json"]["avg_gt_loss"].values()))))]
    for name in ("eval_real_author_wo_options.json", "eval_real_world_wo_options.json"):
        part = logs[1][name]
        right = np.exp(-np.array(list(part["avg_gt_loss"].values())))
        wrong = np.exp(-np.array(list(part["average_perturb_loss"].values()))).sum(axis=1)
        terms.append(np.mean(right / (right + wrong)))
    for name in list(logs[1])[1:]:
        terms += [
            np.mean(list(logs[1][name]["rougeL_recall"].values())),
            np.maximum(0, 1 - tofu_ratios(logs[1], name)).mean(),
        ]
    assert metrics["model_utility", "retain"].unlearned == pytest.approx(hmean(terms))


@pytest.mark.parametrize("lost", ["avg_paraphrased_loss", "average_perturb_loss", "rougeL_recall"])
def test_a_log_of_tofus_own_code_that_lacks_losses_is_refused(files: list[Path], lost: str) -> None:
    log = tofu_log(1, 0.0)
    del log["eval_log_forget.json"][lost]["3"]
    files[0].write_text(json.dumps(log))
    with pytest.raises(SpecError, match=r"eval_log_forget.json in a log lacks"):
        outputs_of_logs(files[:1], files[:1], files[:1])


def test_logs_of_different_tools_have_too_little_in_common(files: list[Path]) -> None:
    files[0].write_text(json.dumps({"eval_log.json": tofu_log(1, 0.0)["eval_log.json"]}))
    with pytest.raises(SpecError, match="no values of the forget set in common"):
        outputs_of_logs(files[:1], files[1:2], files[2:])


def test_a_log_without_an_example_is_refused(tmp_path: Path) -> None:
    log = log_of(1) | {"forget_truth_ratio": {"agg_value": 0.5, "value_by_index": {}}}
    (tmp_path / "TOFU_EVAL.json").write_text(json.dumps(log))
    paths = [tmp_path / "TOFU_EVAL.json"]
    with pytest.raises(SpecError, match="forget_truth_ratio in a log has no value_by_index"):
        outputs_of_logs(paths, paths, paths)
