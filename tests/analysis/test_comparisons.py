from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashprune.analysis import comparisons
from dashprune.analysis.comparisons import compare, holm, markdown, paired


def result(pruner: str, seed: int, accuracy: float | None, mse: float, **settings: Any) -> dict[str, Any]:
    config = {"seed": seed, "pruner": {"name": pruner, "seed": seed}, "train": {"epochs": 5}, **settings}
    names = {"dataset": "sim350", "model": "phoenix", "pruner": pruner, "seed": seed}
    return {**names, "balanced_accuracy": accuracy, "mse": mse, "config": config}


DASH, IMP = [0.90, 0.92, 0.94], [0.80, 0.80, 0.86]
ROWS = [
    *(result("imp", seed, accuracy, 2e-3 + 1e-4 * seed) for seed, accuracy in enumerate(IMP)),
    *(result("dash", seed, accuracy, 1e-3 + 1e-4 * seed) for seed, accuracy in enumerate(DASH)),
]


def test_the_paired_test_worked_by_hand() -> None:
    """Differences 0.10, 0.12, 0.08: mean 0.1, standard deviation 0.02, t = 0.1 / (0.02 / √3) = √75.

    With two degrees of freedom P(|T| > t) = 1 - t / √(2 + t²), and 95 % lie within t² = 1.805 / 0.0975.
    """
    test = paired(DASH, IMP)
    half = math.sqrt(1.805 / 0.0975) * 0.02 / math.sqrt(3)
    assert test == pytest.approx((0.1, 0.1 - half, 0.1 + half, 1 - math.sqrt(75 / 77)))
    assert paired(IMP, DASH) == pytest.approx((-0.1, -0.1 - half, -0.1 + half, 1 - math.sqrt(75 / 77)))


def test_the_paired_test_is_that_of_scipy() -> None:
    from scipy.stats import ttest_rel

    own, reference = np.random.default_rng(0).random((2, 7))
    expected = ttest_rel(own, reference)
    interval = expected.confidence_interval(0.95)
    found = paired(own.tolist(), reference.tolist())
    assert found == pytest.approx(((own - reference).mean(), interval.low, interval.high, expected.pvalue))


def test_differences_without_variance_are_exact_and_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paired([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]) == (0.0, 0.0, 0.0, 1.0)
        assert paired([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]) == (0.0, 0.0, 0.0, 1.0)
        constant = paired([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])  # equal but for rounding
    assert constant == pytest.approx((0.1, 0.1, 0.1, 0.0))
    assert constant.p == 0
    assert constant.low == constant.high


def test_holm_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 x 0.01; 2 x 0.03; 0.04 is not below 0.06
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_each_strategy_is_compared_with_the_best_of_each_score() -> None:
    compared = compare([*ROWS, *(result("none", seed, 0.5, 5e-4 + 1e-4 * seed**2) for seed in range(3))])
    assert compared.missing == []
    lines = {(row.score, row.strategy): row for row in compared.table.itertuples()}
    assert {(score, name, row.reference) for (score, name), row in lines.items()} == {
        ("balanced_accuracy", "imp", "dash"), ("balanced_accuracy", "none", "dash"),
        ("mse", "imp", "none"), ("mse", "dash", "none"),
    }  # fmt: skip
    imp = lines["balanced_accuracy", "imp"]
    assert (imp.seeds, imp.verdict) == (3, "worse")
    assert imp.difference == pytest.approx(-0.1)
    assert imp.p == pytest.approx(1 - math.sqrt(75 / 77))  # 0.0131; of none 0.0008, so only 1 x this
    assert imp.p_corrected == imp.p
    none = lines["balanced_accuracy", "none"]
    assert none.p_corrected == pytest.approx(2 * none.p)


def test_a_difference_within_noise_is_called_so() -> None:
    rows = [result("imp", seed, accuracy, 1e-3) for seed, accuracy in enumerate([0.9, 0.93, 0.92])]
    compared = compare([*ROWS[3:], *rows])
    line = compared.table.iloc[0]
    assert line["verdict"] == "within noise"
    assert line["p"] > 0.05
    assert "| within noise |" in markdown(compared)
    assert "-0.0033" in markdown(compared)


def test_fewer_than_three_shared_seeds_are_one_line_and_no_test() -> None:
    compared = compare([*ROWS, result("l0", 0, 0.5, 1e-3), result("l0", 7, 0.5, 1e-3), result("l0", 8, 0.5, 1e-3)])
    assert set(compared.table["strategy"]) == {"imp"}
    assert compared.missing == ["Not compared on sim350 phoenix, for want of 3 shared seeds: l0."]
    two = compare(row for row in ROWS if row["seed"] < 2)
    assert len(two.table) == 0
    assert markdown(two) == "Not compared on sim350 phoenix, for want of 3 shared seeds: imp, dash."


def test_many_that_are_not_compared_are_cut_short() -> None:
    rows = [result(f"p{k}", 0, 0.5, 1e-3) for k in range(7)]
    assert compare(rows).missing[0].endswith("shared seeds: p0, p1, p2, p3, p4 and 2 more.")


def test_only_what_differs_in_the_pruner_alone_is_compared() -> None:
    longer = [{**row, "config": {**row["config"], "train": {"epochs": 9}}} for row in ROWS[:3]]
    controls = [{**result("lasso", seed, 0.99, 1e-5), "model": "control"} for seed in range(3)]
    compared = compare([*ROWS[3:], *longer, *controls])
    assert len(compared.table) == 0
    assert compared.missing == []
    assert markdown(compared) == ""


def test_options_of_the_pruner_make_a_strategy() -> None:
    weaker = [{**row, "balanced_accuracy": 0.6, "config": {"pruner": {"lambda_1": 0.1}}} for row in ROWS[3:]]
    stronger = [{**row, "config": {"pruner": {"lambda_1": 0.9}}} for row in ROWS[3:]]
    table = compare([*weaker, *stronger]).table
    assert table["strategy"].tolist()[0] == "dash lambda_1=0.1"
    assert table["reference"].tolist()[0] == "dash lambda_1=0.9"


def test_a_score_that_nobody_has_is_left_out() -> None:
    rows = [{**row, "balanced_accuracy": None} for row in ROWS]
    compared = compare(rows)
    assert compared.table["score"].tolist() == ["mse"]
    assert compared.missing == []
    assert compared.table["verdict"].tolist() == ["worse"]  # 1e-3 more in every seed


def test_a_strategy_may_beat_the_reference_on_the_seeds_they_share() -> None:
    """dash has the best mean thanks to seeds 3 and 4, which imp does not have."""
    extra = [result("dash", seed, 0.99, 1e-3) for seed in (3, 4)]
    better = [result("imp", seed, accuracy + 0.001, 1e-3) for seed, accuracy in enumerate(DASH)]
    table = compare([*ROWS[3:], *extra, *better]).table
    assert table["verdict"][0] == "better"
    assert table["seeds"][0] == 3


def test_comparisons_are_written_beside_the_tables(tmp_path: Path) -> None:
    for k, row in enumerate(ROWS):
        (tmp_path / str(k)).mkdir()
        (tmp_path / str(k) / "result.json").write_text(json.dumps(row))
    comparisons.write(tmp_path)
    frame = pd.read_csv(tmp_path / "tables" / "comparisons.csv")
    assert frame.columns.tolist() == comparisons.COLUMNS
    assert frame["strategy"].tolist() == ["imp", "imp"]
    text = (tmp_path / "tables" / "comparisons.md").read_text()
    assert text.startswith("Each strategy against the best")
    assert text.count("| sim350") == 2
