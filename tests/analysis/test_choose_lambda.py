from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashprune.analysis import choose_lambda
from dashprune.analysis.choose_lambda import Candidate, Choice, Sweep, changes, choose, markdown, sweeps
from dashprune.config import compose
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check
from tests.conftest import SMALL


def candidate(name: float, errors: tuple[float, ...], sparsity: float = 0.95, weight: float = 0.0) -> Candidate:
    return Candidate({"pruner.lambda_1": name}, errors, sparsity, weight, None, {})


def result(seed: int, error: float | None, weight: float, **changes: Any) -> dict[str, Any]:
    pruner = {"name": "dash", "seed": seed, "lambda_1": weight, "lambda_2": 0.5, "normalize": True}
    settings = changes.pop("settings", {})
    config = {"seed": seed, "outputs": f"o{seed}", "device": "cpu", "threads": 1, "pruner": pruner, **settings}
    row = {
        "dataset": "sim350", "model": "phoenix", "pruner": "dash", "seed": seed, "uses_prior": True, "data": "d",
        "sparsity": 0.95, "validation_mse": error, "balanced_accuracy": weight, "mse": 1.0, "config": config,
    }  # fmt: skip
    return {**row, **changes}


ERRORS = {0.0: (3.0, 4.0, 5.0), 0.5: (1.0, 2.0, 3.0), 0.75: (1.4, 1.9, 3.0), 1.0: (1.2, 2.0, 3.1)}
ROWS = [result(seed, error, weight) for weight, errors in ERRORS.items() for seed, error in enumerate(errors)]


def test_one_standard_error_worked_by_hand() -> None:
    """Differences 0.4, -0.1, 0: mean 0.1, standard error 0.2646 / √3 = 0.153. Of 0.2, 0, 0.1: 0.1 and 0.1 / √3 = 0.058.

    The errors of different seeds are much further apart, which does not matter, as they are paired.
    """
    best, near, far = (candidate(k, ERRORS[key]) for k, key in enumerate((0.5, 0.75, 1.0)))
    assert near.above(best) == pytest.approx((0.1, 0.07**0.5 / 3**0.5))
    assert far.above(best) == pytest.approx((0.1, 0.1 / 3**0.5))
    assert near.equals(best)
    assert not far.equals(best)
    assert best.equals(best)


def test_of_equal_candidates_the_prior_decides() -> None:
    candidates = [candidate(key, ERRORS[key], weight=key) for key in ERRORS]
    choice = choose(candidates)
    assert choice.marks == ["worse", "equal", "chosen", "worse"]
    assert choice.best is candidates[1]
    assert choice.chosen is candidates[2]
    assert choice.why == (
        "lambda_1=0.75 is chosen: sparse enough (at least 0.9450) are 4 of 4 candidates, and 2 of these have a "
        "validation error within one standard error of the lowest; of them it gives the prior the largest weight: "
        "where validation cannot tell candidates apart, the prior decides."
    )


def test_the_prior_alone_loses_when_it_predicts_worse() -> None:
    """Without any doubt: every seed is worse by about as much."""
    mixed, prior = candidate(0.75, (1.5, 1.6, 1.4), weight=1.5), candidate(1, (3.9, 4.1, 3.8), weight=2)
    choice = choose([mixed, prior])
    assert choice.marks == ["chosen", "worse"]
    assert choice.why.endswith("of these no other has a validation error within one standard error of its own.")


def test_of_equal_candidates_a_clearly_sparser_one_comes_before_the_prior() -> None:
    errors = (1.0, 2.0, 3.0)
    weighty, sparser = candidate(1, errors, 0.953, weight=2), candidate(2, errors, 0.96)
    assert choose([weighty, sparser], 0.95).chosen is sparser
    assert "it is the sparsest of them" in choose([weighty, sparser], 0.95).why
    assert choose([weighty, candidate(2, errors, 0.9575)], 0.95).chosen is weighty  # not by more than 0.005


def test_last_comes_the_validation_error() -> None:
    other, best = candidate(1, (1.1, 2.0, 2.9001)), candidate(2, (1.0, 2.0, 3.0))
    assert choose([other, best]).marks == ["equal", "chosen"]
    assert choose([other, best]).why.endswith("give the prior no less weight, it has the lowest error.")


def test_the_sparsest_candidate_sets_the_sparsity_unless_it_is_asked_for() -> None:
    dense, sparse = candidate(1, (0.1, 0.1), 0.5), candidate(2, (1.0, 1.1), 0.9595)
    assert choose([dense, sparse]).marks == ["too dense", "chosen"]
    assert choose([dense, sparse], 0.5).marks == ["chosen", "worse"]
    assert choose([dense, sparse], 0.96).marks == ["too dense", "chosen"]  # missed by rounding
    with pytest.raises(DashpruneError, match=r"--sparsity 0\.97: the sparsest candidate has 0\.9595; ask for less"):
        choose([dense, sparse], 0.97)


def test_a_single_seed_has_a_tolerance_of_five_percent() -> None:
    candidates = [candidate(0, (1.0,)), candidate(1, (1.04,), weight=1), candidate(2, (1.06,), weight=2)]
    choice = choose(candidates)
    assert choice.marks == ["equal", "chosen", "worse"]
    assert "within 5% of the lowest" in choice.why
    assert candidates[1].above(candidates[0]) == (pytest.approx(0.04), None)


def test_a_sweep_is_made_of_runs_that_differ_in_numbers_of_the_pruner() -> None:
    (sweep,), without = sweeps([*ROWS, result(0, 1.0, 0.5, pruner="imp", config={"pruner": {"name": "imp"}})])
    assert without == ["sim350 phoenix imp"]
    assert (sweep.names, sweep.name, sweep.settings) == (("sim350", "phoenix", "dash"), "sim350_phoenix_dash", "")
    assert [str(own) for own in sweep.candidates] == ["lambda_1=0", "lambda_1=0.5", "lambda_1=0.75", "lambda_1=1"]
    assert [own.errors for own in sweep.candidates] == list(ERRORS.values())
    assert [own.prior_weight for own in sweep.candidates] == [0.5, 1.0, 1.25, 1.5]  # with lambda_2, which is not swept
    assert sweep.seeds == [0, 1, 2]
    assert choose(sweep.candidates).chosen is sweep.candidates[2]


def test_a_strategy_that_never_sees_the_prior_gives_it_no_weight() -> None:
    (sweep,), _ = sweeps([{**row, "uses_prior": False} for row in ROWS])
    assert {own.prior_weight for own in sweep.candidates} == {0.0}


def test_other_settings_make_sweeps_of_their_own() -> None:
    noisy = [
        {**row, "config": {**row["config"], "dataset": {"noise": noise}, "device": device}}
        for noise, device in ((0, "cpu"), (0.0, "cuda"), (0.05, "cpu"))
        for row in ROWS
    ]
    found, _ = sweeps(noisy)
    assert [sweep.settings for sweep in found] == ["dataset.noise=0", "dataset.noise=0.05"]  # 0 is 0.0, on any device
    assert len({sweep.name for sweep in found}) == 2
    assert all(sweep.name.startswith("sim350_phoenix_dash_") for sweep in found)
    assert "## sim350, phoenix, dash, dataset.noise=0.05" in markdown(found[1], choose(found[1].candidates))


def test_candidates_are_compared_on_seeds_that_all_have() -> None:
    """Weight 1 was run with seed 2 only, weight 0 without seed 1; the default 0.75 with a further seed."""
    rows = [
        row for row in ROWS if (row["config"]["pruner"]["lambda_1"], row["seed"]) not in {(1.0, 0), (1.0, 1), (0.0, 1)}
    ]
    (sweep,), _ = sweeps([*rows, result(9, 1.0, 0.75)])
    assert sweep.seeds == [2]
    assert sweep.left_out == 0
    without = [row for row in rows if row["config"]["pruner"]["lambda_1"] != 1.0]
    (sweep,), _ = sweeps([*without, result(5, 1.0, 1.0)])
    assert sweep.seeds == [0, 2]
    assert sweep.left_out == 1
    assert [own.errors for own in sweep.candidates] == [(3.0, 5.0), (1.0, 3.0), (1.4, 3.0)]
    assert "Left out, for want of these: 1 other candidates." in markdown(sweep, choose(sweep.candidates))


def test_controls_and_runs_without_validation_error_are_ignored() -> None:
    others = [
        *({**row, "model": "control"} for row in ROWS),
        *({**row, "pruner": "bad", "validation_mse": None} for row in ROWS),
        *({**row, "pruner": "worse", "validation_mse": float("nan")} for row in ROWS),
        {key: value for key, value in ROWS[0].items() if key != "validation_mse"},
    ]
    assert sweeps(others) == ([], [])
    assert len(sweeps([*others, *ROWS])[0]) == 1


def test_the_truth_and_the_test_set_change_nothing() -> None:
    (sweep,), _ = sweeps(ROWS)
    generator = random.Random(0)
    for _ in range(5):
        columns = (
            "balanced_accuracy",
            "balanced_accuracy_all",
            "auroc",
            "auprc",
            "auroc_relative",
            "mse",
            "mse_relative",
        )
        other = [{**row, **{name: generator.random() for name in columns}} for row in ROWS]
        (changed,), _ = sweeps(other)
        before, after = choose(sweep.candidates), choose(changed.candidates)
        assert (after.marks, after.why) == (before.marks, before.why)
        assert (
            markdown(changed, after).split("For information")[0] == markdown(sweep, before).split("For information")[0]
        )


def test_the_distance_from_the_best_by_truth_is_information() -> None:
    (sweep,), _ = sweeps(ROWS)  # the balanced accuracy of these rows is lambda_1
    text = markdown(sweep, choose(sweep.candidates))
    assert "| 0.75 " in next(line for line in text.splitlines() if "**chosen**" in line)
    assert text.endswith(
        "For information only, not used for the choice: its balanced accuracy is 0.7500; "
        "the best of those sparse enough has 1.0000 (lambda_1=1), which is 0.2500 more."
    )
    (unknown,), _ = sweeps([{**row, "balanced_accuracy": None} for row in ROWS])
    assert "For information" not in markdown(unknown, choose(unknown.candidates))


def test_a_value_is_set_where_the_configuration_takes_it_from() -> None:
    words = [*SMALL, "pruner=dash", "pruner.lambda_1=0.5", "seed=7", "threads=2", "outputs=x", "dataset.noise=0"]
    expected: dict[str, Any] = {
        "dataset.genes": 24, "dataset.inputs": 6, "dataset.edges": 40, "dataset.noise": 0,
        "dataset.train": 6, "dataset.validation": 2, "dataset.test": 2,
        "hidden": 5, "train.epochs": 6, "schedule.start": 2, "schedule.every": 2,
        "train.steps": 1, "pruner.lambda_1": 0.5,
    }  # fmt: skip
    values = check(compose(words)).values
    assert changes(values) == expected
    assert changes(values, ["pruner.lambda_2"]) == {**expected, "pruner.lambda_2": 0.75}


@pytest.mark.parametrize(
    "words",
    [
        ["pruner=pinn_mp", "pruner.target_sparsity=0.8"],
        ["pruner=pinn_mp", "pruner.target_sparsity=0.8", "pruner.parts.cut.target_sparsity=0.9"],
        ["pruner=imp", "train.epochs=50", "schedule.epochs=200"],
        ["pruner=dash", "model=mlp", "model.hidden=[8,4]", "+solver.options.safety=0.8", "solver=dopri5"],
        ["dataset=brca", "pruner=dash", "pruner.target_sparsity=0.9", "schedule.start=5"],
    ],
)
def test_changes_give_the_same_configuration(words: list[str], tmp_path: Path) -> None:
    settings = check(compose(words))
    own = Candidate({}, (1.0,), 0.9, 0.0, None, settings.values)
    sweep = Sweep(settings.names, "", "own", [own], [0], 0)
    command = choose_lambda.write(tmp_path, sweep, Choice(own, own, ["chosen"], "It was wanted."))
    assert command == f"dashprune run --config-dir {tmp_path} +selected=own"
    assert "# It was wanted." in (tmp_path / "selected" / "own.yaml").read_text().splitlines()
    again = compose([f"hydra.searchpath=[{tmp_path}]", "+selected=own"])
    assert check(again).values == settings.values


def test_the_file_follows_what_is_set_beside_it(tmp_path: Path) -> None:
    """Nothing in it is fixed that the configuration takes from elsewhere."""
    own = Candidate({"pruner.lambda_1": 0.5}, (1.0,), 0.9, 0.0, None, check(compose(["train.epochs=50"])).values)
    choose_lambda.write(tmp_path, Sweep(("sim350", "phoenix", "dash"), "", "own", [own], [0], 0), choose([own]))
    content = yaml.safe_load((tmp_path / "selected" / "own.yaml").read_text())
    assert content.pop("defaults") == [
        {"override /solver": "etdrk4"},
        {"override /dataset": "sim350"},
        {"override /model": "phoenix"},
        {"override /pruner": "dash"},
    ]
    assert content == {"train": {"epochs": 50}, "pruner": {"lambda_1": 0.75}}
    again = check(compose([f"hydra.searchpath=[{tmp_path}]", "+selected=own", "train.epochs=60", "seed=3"])).values
    assert again["pruner"]["schedule"]["epochs"] == 60
    assert again["pruner"]["seed"] == 3


def test_a_choice_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    values = check(compose()).values
    own = Candidate({"pruner.lambda_1": 0.5}, (1.0,), 0.9, 0.0, None, values)
    sweep = Sweep(("sim350", "phoenix", "dash"), "", "own", [own], [0], 0)
    (tmp_path / "selected").write_text("")
    with pytest.raises(DashpruneError, match=r"the choice cannot be written to '.*own\.yaml' \("):
        choose_lambda.write(tmp_path, sweep, choose([own]))
    mine = replace(own, config={**values, "pruner": {**values["pruner"], "name": "mine"}})
    with pytest.raises(
        DashpruneError, match=r"as a file: pruner=mine: there is no such choice.*by hand: pruner\.lambda_1=0\.5"
    ):
        choose_lambda.write(tmp_path, sweep, choose([mine]))
