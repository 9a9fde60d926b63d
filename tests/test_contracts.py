"""What holds for every yaml under conf/: a new dataset, model or pruner is tested by being there."""

from __future__ import annotations

import copy
import functools
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hydra.utils import get_class
from omegaconf import DictConfig
from torch.nn.utils import parametrize

from dashprune import compose, train_prune_eval
from dashprune.config import choices
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField
from dashprune.pruners.base import Pruner
from dashprune.runs.checked import Settings, check
from dashprune.runs.finished import reported
from dashprune.training.loop import fit
from dashprune.training.state import Training
from tests.conftest import SMALL as SHORT

SMALL = [*SHORT, "train.epochs=12"]
"""Long enough for every default, such as the cycles of SparseFlow."""

DEEPER = "model.hidden=[6,5]"


@functools.lru_cache
def target(group: str, name: str) -> type:
    """The class that a yaml of a model or pruner builds."""
    return get_class(compose([f"{group}={name}"])[group]["_target_"])


def fits(pruner: str, model: str) -> bool:
    """Whether the strategy works on the model: some need a model with a weight for every pair of genes."""
    strategy = target("pruner", pruner)
    assert issubclass(strategy, Pruner)
    return not strategy.needs_edges or issubclass(target("model", model), EdgeField)


ALL_PAIRS = list(itertools.product(choices("pruner"), choices("model")))
PAIRS = [pair for pair in ALL_PAIRS if fits(*pair)]
MISFITS = [pair for pair in ALL_PAIRS if not fits(*pair)]


def composed(pruner: str, model: str, *words: str) -> DictConfig:
    return compose([*SMALL, f"pruner={pruner}", f"model={model}", *words])


def settings(pruner: str, model: str) -> tuple[Settings, Problem]:
    made = check(composed(pruner, model))
    return made, made.dataset.load()


def training(made: Settings, problem: Problem) -> Training:
    model = made.initial_model(problem)
    made.pruner.attach(model, problem)
    return Training(model, made.pruner, made.train)


@pytest.mark.parametrize("name", choices("model"))
def test_models_keep_their_contract(name: str) -> None:
    made, _problem = settings("none", name)
    model: VectorField = made.model(genes=24)
    model.reset_parameters(torch.Generator().manual_seed(0))
    x = torch.rand(3, 24)
    assert model(torch.zeros(()), x).shape == model.drift(x).shape == (3, 24)
    torch.testing.assert_close(model(torch.zeros(()), x)[1], model(torch.ones(()), x[1]))
    for chain in model.chains():
        assert (chain[0].in_features, chain[-1].out_features) == (24, 24)
        for layer, following in itertools.pairwise(chain):
            assert layer.out_features == following.in_features
        for layer in chain:
            assert model.importance(layer).shape == layer.weight.shape
            assert (model.importance(layer) >= 0).all()
    grouped = [p for group in model.parameter_groups(1.0) for p in group["params"]]  # type: ignore[attr-defined]
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}
    assert len(grouped) == len(list(model.parameters()))


@pytest.mark.parametrize("name", [name for name in choices("model") if issubclass(target("model", name), EdgeField)])
def test_edge_fields_have_a_weight_for_every_pair_and_a_signal_of_every_gene(name: str) -> None:
    made, _problem = settings("none", name)
    model = made.model(genes=24)
    assert isinstance(model, EdgeField)
    assert [len(chain) for chain in model.chains()] == [1] * len(model.chains())
    assert model.signal(torch.rand(3, 4, 24)).shape == (3, 4, 24)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["dash", "dash_edge", "dash_edge_fixed", "pinn", "pathreg"])
def test_strategies_work_with_candidate_regulators(pruner: str, tmp_path: Path) -> None:
    """In the end only regulators of the prior have edges."""
    options = ["model=phoenix_edge", "model.candidates=prior", f"pruner={pruner}", f"outputs={tmp_path}"]
    row = train_prune_eval(compose([*SMALL, *options]))
    problem, model, _solver = reported(next(tmp_path.rglob("result.json")).parent)
    others = np.diff(problem.prior.indptr) == 0
    assert others.any()
    effect = model.effect_matrix().detach()
    assert effect.shape == (24, 24)
    assert row["edges"] == np.count_nonzero(effect) > 0
    assert (effect[torch.as_tensor(others)] == 0).all()


@pytest.mark.parametrize("name", choices("model"))
def test_the_effect_matrix_has_the_orientation_of_the_prior(name: str) -> None:
    """A gene without effect on another does not change its derivative."""
    made, _problem = settings("none", name)
    model: VectorField = made.model(genes=24)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for chain in model.chains():
            chain[0].weight[:, 3:] = 0  # only genes 0, 1, 2 regulate
            chain[-1].weight[:-2] = 0  # and only the last two are regulated
    effect = model.effect_matrix()
    assert (effect[3:] == 0).all()
    assert (effect[:, :-2] == 0).all()
    assert effect.abs().sum() > 0
    x = torch.rand(24)
    moved = x.clone()
    moved[10] += 0.3
    unmoved = torch.arange(24) != 10  # its own decay may change
    zero = torch.zeros(())
    torch.testing.assert_close(model(zero, x)[unmoved], model(zero, moved)[unmoved])


@pytest.mark.parametrize("options", [*([f"model={name}"] for name in choices("model")), ["model=mlp", DEEPER]])
def test_effects_on_some_targets_are_columns_of_the_effect_matrix(options: list[str]) -> None:
    model: VectorField = check(compose([*SMALL, *options])).model(genes=24)
    model.reset_parameters(torch.Generator().manual_seed(0))
    for targets in (slice(0, 1), slice(5, 12), slice(20, 24)):
        assert model.effect_matrix(targets).shape == (24, targets.stop - targets.start)
        torch.testing.assert_close(model.effect_matrix(targets), model.effect_matrix()[:, targets])


class Course(NamedTuple):
    """A whole training: its end; after each epoch, the support and what was announced; its state after the third."""

    training: Training
    supports: list[list[np.ndarray]]
    changes: list[int]
    third: dict[str, Any]


@functools.lru_cache
def course(pruner: str, model: str) -> Course:
    """Trained once for all tests of a pair, of which only one looks at the trained model itself."""
    made, problem = settings(pruner, model)
    state = training(made, problem)
    supports: list[list[np.ndarray]] = []
    changes: list[int] = []
    saved: list[dict[str, Any]] = []

    def observe() -> None:
        with torch.no_grad():
            supports.append([(layer.weight != 0).numpy().copy() for layer in state.model.layers()])
        changes.append(state.history[-1].pruned)
        if len(changes) == 3:
            saved.append(copy.deepcopy(state.state_dict()))

    fit(state, problem.train, problem.validation, made.solver, 0, observe)
    return Course(state, supports, changes, *saved)


@pytest.mark.slow
@pytest.mark.parametrize(("pruner", "model"), PAIRS)
def test_every_pruner_trains_every_model(pruner: str, model: str) -> None:
    state, supports, changes, _ = course(pruner, model)
    assert all(np.isfinite([row.loss, row.validation]).all() for row in state.history)
    assert state.pruner.last_event == max((e for e, changed in enumerate(changes, 1) if changed), default=0)
    for epoch in range(1, len(supports)):
        if changes[epoch] == 0 and any(changes[: epoch + 1]):
            grown = [(new & ~old).any() for old, new in zip(supports[epoch - 1], supports[epoch], strict=True)]
            assert not any(grown), "a weight returned without an announced change of the support"
    with torch.no_grad():
        before = state.model.effect_matrix().clone()
        state.pruner.finalize(state.model)
        torch.testing.assert_close(state.model.effect_matrix(), before)
    for layer in state.model.layers():
        assert type(layer) is torch.nn.Linear
        assert not parametrize.is_parametrized(layer)


@pytest.mark.slow
@pytest.mark.parametrize(("pruner", "model"), PAIRS)
def test_every_pruner_resumes_in_mid_schedule(pruner: str, model: str) -> None:
    whole = course(pruner, model)
    made, problem = settings(pruner, model)
    resumed = training(made, problem)
    resumed.load_state_dict(whole.third)
    fit(resumed, problem.train, problem.validation, made.solver, 0, lambda: None)
    assert resumed.history == whole.training.history


@pytest.mark.slow
@pytest.mark.parametrize(("pruner", "model"), PAIRS)
def test_every_pair_runs_end_to_end_twice_alike(pruner: str, model: str, tmp_path: Path) -> None:
    rows = []
    for name in "ab":
        row = train_prune_eval(composed(pruner, model, f"outputs={tmp_path / name}"))
        row.pop("wall_seconds")
        row["config"].pop("outputs")
        rows.append(row)
    assert rows[0] == rows[1]
    assert (rows[0]["model"], rows[0]["pruner"]) == (model, pruner)


@pytest.mark.parametrize(("pruner", "model"), MISFITS)
def test_a_pruner_of_edges_refuses_a_model_without_them(pruner: str, model: str, tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match=r"a weight for each; set model=phoenix_edge$") as error:
        train_prune_eval(composed(pruner, model, f"outputs={tmp_path}"))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.slow
@pytest.mark.parametrize("pruner", [pruner for pruner in choices("pruner") if fits(pruner, "mlp")])
def test_every_pruner_trains_a_deeper_mlp(pruner: str, tmp_path: Path) -> None:
    options = [*SMALL, f"pruner={pruner}", "model=mlp", DEEPER, f"outputs={tmp_path}"]
    row = train_prune_eval(compose(options))
    assert np.isfinite(row["mse"])
    assert 0 <= row["sparsity"] < 1
