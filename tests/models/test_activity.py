"""Activities as signals, against fits without a gene, and on regulators whose expression says nothing or everything."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from dashprune import compose, train_prune_eval
from dashprune.config import component
from dashprune.data.problem import Problem
from dashprune.figures.run_pictures import draw
from dashprune.models.activity import LEAST, estimated, speaks_for_activity
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.training.ensemble import shape_of
from tests.controls.problems import of_series

REGULATORS, GENES = 6, 66


def series(by_expression: bool) -> Problem:
    """Six regulators with ten targets each that follow what the regulator does, or its expression; half are known."""
    rng = np.random.default_rng(0)
    of = np.arange(GENES - REGULATORS) % REGULATORS
    acting = rng.standard_normal((40, REGULATORS))
    expression = rng.standard_normal((40, GENES))
    if by_expression:
        expression[:, :REGULATORS] = acting
    after = np.vstack([acting[:1], acting[:-1]])  # what was active at the start of a transition shows at its end
    expression[:, REGULATORS:] = (acting + after)[:, of] / 2 + 0.3 * rng.standard_normal((40, len(of)))
    prior = np.zeros((GENES, GENES))
    prior[of, REGULATORS + np.arange(len(of))] = 1
    prior[:, GENES // 2 :] = 0
    return of_series(expression.reshape(4, 10, GENES), prior)


def hillnet(activity: str) -> Problem:
    overrides = ["dataset=hillnet", f"dataset.activity={activity}", "dataset.prior_noise=0"]
    loaded: Problem = component(compose(overrides).dataset, "dataset")().load()
    return loaded


def test_a_place_runs_from_nought_to_one_over_the_measurements() -> None:
    problem = series(by_expression=False)
    found = estimated(problem, np.arange(REGULATORS))
    places = found.places(problem.train.expression.reshape(-1, GENES).astype(np.float64))
    np.testing.assert_allclose(np.quantile(places, (0.01, 0.99), axis=0), [[0] * 6, [1] * 6], atol=1e-9)


def test_a_surprise_is_what_is_left_of_a_gene_by_activities_that_were_estimated_without_it() -> None:
    problem = series(by_expression=False)
    found = estimated(problem, np.arange(REGULATORS))
    z = (problem.train.expression.reshape(-1, GENES) - found.centre) / found.spread
    gram = found.network @ found.network.T
    ridge = np.linalg.lstsq(found.effect, found.network - gram @ found.effect, rcond=None)[0].mean()
    kappa = np.linalg.solve(found.effect @ found.effect.T, found.effect @ (found.network - gram @ found.effect).T)
    np.testing.assert_allclose(kappa, np.eye(REGULATORS) * kappa[0, 0], atol=1e-6)
    assert np.isfinite(ridge)
    for gene in (REGULATORS, REGULATORS + 7, GENES - 1):
        rest = np.delete(found.network, gene, axis=1)
        activity = np.delete(z, gene, axis=1) @ rest.T @ np.linalg.inv(rest @ rest.T + kappa[0, 0] * np.eye(REGULATORS))
        surprise = found.surprise(problem.train.expression.reshape(-1, GENES))[:, gene]
        np.testing.assert_allclose(surprise, z[:, gene] - activity @ found.network[:, gene], atol=1e-4)
        np.testing.assert_allclose(z @ found.effect.T - np.outer(surprise, found.effect[:, gene]), activity, atol=1e-4)


def test_a_regulator_with_few_targets_keeps_its_expression() -> None:
    problem = series(by_expression=False)
    prior = problem.prior.toarray()
    prior[0, np.flatnonzero(prior[0])[LEAST - 1 :]] = 0
    found = estimated(of_series(problem.train.expression, prior), np.arange(REGULATORS))
    assert found.genes.tolist() == list(range(1, REGULATORS))


@pytest.mark.parametrize("by_expression", [True, False])
def test_what_explains_known_targets_better_is_chosen(by_expression: bool) -> None:
    problem = series(by_expression)
    gain = speaks_for_activity(problem, estimated(problem, np.arange(REGULATORS)))
    assert (gain < 0).all() if by_expression else (gain > 0).all()


@pytest.mark.parametrize(("activity", "least", "most"), [("mrna", 0, 0), ("hidden", 10, 16)])
def test_a_simulation_whose_regulators_act_by_what_nobody_measured_is_told_from_one_by_mrna(
    activity: str, least: int, most: int
) -> None:
    problem = hillnet(activity)
    model = PhoenixEdge(len(problem.genes), multiplier_rate=2.0, recovery=True, signals="auto")
    model.bind(problem)
    assert least <= (0 if model.activities is None else len(model.activities.genes)) <= most


def test_a_model_reads_activities_where_it_is_told_to_and_expression_elsewhere() -> None:
    problem = series(by_expression=False)
    model = PhoenixEdge(GENES, multiplier_rate=2.0, recovery=True, candidates="prior", signals="activity")
    model.bind(problem)
    model.reset_parameters(torch.Generator().manual_seed(0))
    y = torch.as_tensor(problem.train.expression[0])
    assert model.activities is not None
    np.testing.assert_allclose(model.inputs(y), model.activities.places(y.double().numpy()), atol=1e-4)
    plain = PhoenixEdge(GENES, multiplier_rate=2.0, recovery=True, candidates="prior", signals="expression")
    plain.bind(problem)
    np.testing.assert_array_equal(plain.inputs(y), y[:, :REGULATORS])
    assert shape_of(model) != shape_of(plain)


def test_without_a_prior_regulators_act_by_their_expression() -> None:
    problem = of_series(series(by_expression=False).train.expression, np.zeros((GENES, GENES)))
    model = PhoenixEdge(GENES, multiplier_rate=2.0, recovery=True, signals="activity")
    model.bind(problem)
    assert model.activities is None


def test_only_listed_regulators_may_regulate() -> None:
    problem = series(by_expression=True)
    listed = Problem(
        problem.genes, problem.train, problem.validation, problem.test, problem.prior, problem.coregulation,
        regulators=np.array([1, 4]),
    )  # fmt: skip
    model = PhoenixEdge(GENES, multiplier_rate=2.0, recovery=True, signals="expression")
    model.bind(listed)
    assert model.regulators is not None
    assert model.regulators.tolist() == [1, 4]
    assert model.sums.weight.shape == (GENES, 2)


@pytest.mark.slow
def test_a_run_writes_activities_and_draws_them(tmp_path: Path) -> None:
    overrides = ["dataset=hillnet", "dataset.activity=hidden", "dataset.prior_noise=0", "model=phoenix_edge"]
    overrides += ["dataset.train=10", "dataset.validation=2", "dataset.test=3"]
    overrides += ["pruner=dash_edge", "train.epochs=12", "++train.steps=24", f"outputs={tmp_path}"]
    result = train_prune_eval(compose(overrides))
    folder = next((tmp_path / "runs").rglob("result.json")).parent
    with (folder / "activity.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    regulators = {row["regulator"] for row in rows}
    assert len(rows) == len(regulators) * (10 + 2 + 3) * 11
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert result["prior_completeness"] > 0
    assert "activities.png" in {path.name for path in draw(folder, tmp_path / "pictures")}
