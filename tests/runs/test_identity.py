"""What decides a run, and what does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashprune import compose
from dashprune.errors import DashpruneError
from dashprune.runs import identity
from dashprune.runs.checked import check
from tests.conftest import SMALL


def name(*overrides: str, data: str = "data") -> str:
    """The id of a run with these overrides."""
    return identity.run_id(check(compose([*SMALL, *overrides])).values, data)


def test_an_id_is_twelve_digits_and_the_same_each_time() -> None:
    assert re.fullmatch("[0-9a-f]{12}", name())
    assert name() == name()


@pytest.mark.parametrize(
    "override",
    [
        "outputs=elsewhere",
        "force=true",
        "threads=2",
        "train.checkpoint_every=7",
        "vectorize=true",
        "ranking=true",
        "bootstrap=null",
    ],
)
def test_what_changes_no_result_changes_no_id(override: str) -> None:
    assert name(override) == name()


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1"], ["bootstrap=1"], ["train.epochs=7"], ["train.plateau.patience=9"], ["solver.step=0.25"],
        ["solver=dopri5"], ["pruner.lambda_1=0.6"], ["pruner=imp"], ["schedule.first=0.5"], ["model=mlp"], ["hidden=6"],
        ["dataset.noise=0"], ["control=lasso"],
    ],
)  # fmt: skip
def test_what_can_change_a_result_changes_the_id(overrides: list[str]) -> None:
    assert name(*overrides) != name()


def test_how_edges_are_held_out_decides_only_if_some_are() -> None:
    config = check(compose(SMALL)).values
    del config["dataset"]["prior_holdout"], config["dataset"]["prior_holdout_by"]
    assert identity.run_id(config, "data") == name() == name("dataset.prior_holdout_by=genes")
    held_out = {name("dataset.prior_holdout=0.5"), name("dataset.prior_holdout=0.5", "dataset.prior_holdout_by=genes")}
    assert len({name(), *held_out}) == 3


def test_other_data_are_another_run() -> None:
    assert name(data="other") != name()


@pytest.mark.slow
@pytest.mark.parametrize("override", ["train.epochs=9", "pruner=imp", "model=mlp", "solver=dopri5", "hidden=9"])
def test_a_control_is_decided_by_itself_and_its_data(override: str) -> None:
    assert name("control=lasso", override) == name("control=lasso")
    assert name("control=lasso", "control.prior_weight=0.5") != name("control=lasso")


def test_a_class_that_moves_makes_no_other_run_but_another_class_does() -> None:
    config = check(compose(SMALL)).values
    config["pruner"]["_target_"] = "dashprune.elsewhere.Dash"
    assert identity.run_id(config, "data") == name()
    for other in ("dashprune.elsewhere.Other", "mine.Dash"):
        config["pruner"]["_target_"] = other
        assert identity.run_id(config, "data") != name()


def test_a_new_key_that_is_null_leaves_runs_as_they_were() -> None:
    config = check(compose(SMALL)).values
    assert identity.run_id({**config, "new": None}, "data") == name() != identity.run_id({**config, "new": 1}, "data")


def test_settings_tell_all_but_repeats_apart() -> None:
    """Seeds are those of the dataset and of strategies, too; what decides no result tells nothing apart."""
    one, other = (check(compose([*SMALL, *words])).values for words in ([], ["seed=7", "threads=2", "outputs=x"]))
    assert identity.settings(one) == identity.settings(other)
    noisy = identity.settings(check(compose([*SMALL, "dataset.noise=0.5"])).values)
    assert {key for key, value in noisy.items() if identity.settings(one)[key] != value} == {"dataset.noise"}


def test_a_run_is_found_by_its_folder_or_the_first_digits_of_its_id(tmp_path: Path) -> None:
    for name in ("sim350/phoenix/dash/12ab", "sim350/phoenix/imp/12cd", "brca/mlp/dash/34ef"):
        (tmp_path / name).mkdir(parents=True)
    folder = tmp_path / "brca/mlp/dash/34ef"
    assert identity.find_run(str(folder), tmp_path / "nowhere") == folder
    assert identity.find_run("34", tmp_path) == folder
    assert identity.find_run("12ab", tmp_path).parent.name == "dash"
    with pytest.raises(
        DashpruneError, match=r"of 2 runs begin with '12': sim350/.*12ab, sim350/.*12cd; give more digits"
    ):
        identity.find_run("12", tmp_path)
    with pytest.raises(DashpruneError, match=r"there is no run '34fe', .* did you mean '34ef'\?; give the folder"):
        identity.find_run("34fe", tmp_path)


def test_a_key_that_earlier_runs_did_not_have_leaves_their_ids_as_they_were() -> None:
    config = check(compose(SMALL)).values
    assert config["dataset"].pop("prior") == "network"
    assert identity.run_id(config, "data") == name()
    assert name("dataset.prior=null") != name()
