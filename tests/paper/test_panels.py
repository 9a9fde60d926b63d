from __future__ import annotations

import typing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from dashprune import compose, metrics, train_prune_eval
from dashprune.data import gene_sets
from dashprune.data.gene_sets import GeneSet
from dashprune.errors import DashpruneError
from dashprune.paper import pages, panels
from dashprune.paper.items import Item, Kind, Run, load, plan
from dashprune.runs.finished import reported
from tests.conftest import SMALL


def item(folder: Path, sweeps: Sequence[str], **figure: object) -> Item:
    words = [" ".join([*SMALL, "train.epochs=3", sweep]) for sweep in sweeps]
    values = {"title": "Figure 0", "caption": "What.", "sweeps": words, "quick": "seed=0", "figure": figure}
    path = folder / "ours.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return load(str(path))


def finish(runs: Sequence[Run], outputs: Path) -> None:
    for run in runs:
        train_prune_eval(compose([*run.overrides, f"outputs={outputs}"]))


def test_effects_are_compared_with_the_true_network_at_every_noise(tmp_path: Path) -> None:
    """The truth is the prior without noise, signed, although the runs had a corrupted one."""
    sweeps = ["dataset.noise=0,0.05 pruner=imp", "dataset.noise=0,0.05 dataset.prior_noise=0.4 pruner=dash"]
    ours = item(tmp_path, sweeps, draw="effects", rows={"IMP": "imp", "DASH": "dash"})
    runs = plan(ours, tmp_path)
    with pytest.raises(DashpruneError, match="Figure 0: none of its runs is done"):
        panels.draw(ours, runs)
    finish([run for run in runs if run.names[2] == "imp" or run.settings["dataset.noise"] == "0"], tmp_path)
    drawing = panels.draw(ours, runs)
    assert drawing.values[["noise", "strategy"]].values.tolist() == [
        ["0 % noise", "IMP"], ["0 % noise", "DASH"], ["10 % noise", "IMP"], ["", "no effect at all"],
    ]  # fmt: skip
    problem, model, _ = reported(runs[0].folder)
    signs = problem.prior.toarray()
    assert set(np.unique(signs)) == {-1, 0, 1}
    error = metrics.relationship_error(model.effect_matrix().detach().numpy(), signs)
    assert drawing.values["mse"][0] == pytest.approx(error)
    assert drawing.summary["MSE, 1e-3"][0] == f"{1e3 * error:.3f}"
    assert drawing.values["mse"][3] == pytest.approx(metrics.relationship_error(np.zeros_like(signs), signs))


def test_maps_are_of_the_first_seed_and_errors_of_all(tmp_path: Path) -> None:
    ours = item(tmp_path, ["dataset.noise=0.05 seed=0,1 pruner=imp"], draw="effects", rows={"IMP": "imp"})
    runs = plan(ours, tmp_path)
    finish(runs, tmp_path)
    drawing = panels.draw(ours, runs)
    one, other = (reported(run.folder).model.effect_matrix().detach().numpy() for run in runs)
    signs = panels._signed_truth(runs[0])
    errors = [metrics.relationship_error(effect, signs) for effect in (one, other)]
    assert drawing.values["seeds"][0] == 2
    assert drawing.values["mse"][0] == pytest.approx(np.mean(errors))
    assert drawing.values["mse_sd"][0] == pytest.approx(np.std(errors, ddof=1))
    shown = [axes.get_title() for axes in drawing.figure.axes]
    assert f"IMP: MSE {1e3 * errors[0]:.2f}e-3" in shown


def test_modules_of_co_regulation_beside_the_true_ones(tmp_path: Path) -> None:
    ours = item(tmp_path, ["pruner=imp,none seed=0,1"], draw="coregulation", rows={"IMP": "imp", "none": "none"})
    runs = plan(ours, tmp_path)
    with pytest.raises(DashpruneError, match="Figure 0: none of its runs is done"):
        panels.draw(ours, runs)
    finish([run for run in runs if run.names[2] == "imp"], tmp_path)
    drawing = panels.draw(ours, runs)
    assert drawing.values[["strategy", "seeds"]].values.tolist() == [["prior", 1], ["IMP", 2]]
    assert drawing.values["correlation"][0] > drawing.values["correlation"][1]
    titles = [axes.get_title().split("\n")[0] for axes in drawing.figure.axes if axes.images]
    assert titles == ["true network", "prior alone", "IMP"]


def test_pathways_are_tested_for_the_strategies_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"IMP": "imp", "none": "none"}
    ours = item(tmp_path, ["pruner=imp,none seed=0,1"], draw="pathway_map", gene_sets="reactome", rows=rows)
    runs = plan(ours, tmp_path)
    finish([run for run in runs if run.names[2] == "imp"], tmp_path)
    genes = reported(runs[0].folder)[0].genes
    sets = [GeneSet("first", "", genes[:6]), GeneSet("second", "", genes[6:12])]
    monkeypatch.setattr(gene_sets, "load", lambda name: {"reactome": sets}[name])
    drawing = panels.draw(ours, runs)
    assert set(drawing.values["pathway"]) == {"first", "second"}
    assert set(drawing.values["strategy"]) == {"IMP"}
    (row,) = drawing.summary.to_dict("records")
    assert (row["strategy"], row["runs"], row["tested"]) == ("IMP", 2, 2)
    assert row["first"].startswith(drawing.values["pathway"][0])
    assert drawing.notes == []


def test_a_strategy_that_cannot_be_tested_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"A": "imp", "B": "none"}
    ours = item(tmp_path, ["pruner=imp,none"], draw="pathway_map", gene_sets="reactome", rows=rows)
    runs = plan(ours, tmp_path)
    finish(runs, tmp_path)
    genes = reported(runs[0].folder)[0].genes
    sets = [GeneSet("first", "", genes[:6]), GeneSet("second", "", genes[6:12])]
    monkeypatch.setattr(gene_sets, "load", lambda name: sets)
    runs[0].folder.joinpath("checkpoint.pt").unlink()
    drawing = panels.draw(ours, runs)
    assert set(drawing.values["strategy"]) == {"B"}
    assert len(drawing.notes) == 1
    assert "A is not shown: " in drawing.notes[0]
    assert "has no checkpoint any more" in drawing.notes[0]


def test_a_figure_s_page_shows_it(tmp_path: Path) -> None:
    ours = item(tmp_path, ["pruner=imp,dash", "control=prior"], draw="sparsity_accuracy")
    runs = plan(ours, tmp_path)
    finish([run for run in runs if run.names[2] != "dash"], tmp_path)
    page = pages.write(pages.Made("ours.yaml", ours, runs, quick=True), tmp_path / "paper")
    assert "![Figure 0](ours.quick.png)" in page
    assert "Missing runs (1 of 3):" in page
    drawing = panels.draw(ours, runs)
    plain, marked = drawing.figure.texts[:], pages.marked(drawing.figure, True).texts
    assert [text.get_text() for text in marked if text not in plain] == ["QUICK: not a reproduction"]
    assert pages.marked(panels.draw(ours, runs).figure, False).texts[len(plain) :] == []
    endings = {"png", "pdf", "csv", "md", "runs.csv"}
    assert {path.name for path in (tmp_path / "paper").iterdir()} == {f"ours.quick.{ending}" for ending in endings}


def test_every_kind_of_figure_can_be_drawn() -> None:
    assert set(panels.DRAW) == set(typing.get_args(Kind))


@pytest.mark.slow
def test_priors_of_every_quality_are_compared_at_every_noise(tmp_path: Path) -> None:
    sweeps = [
        f"dataset.noise=0,0.05 dataset.prior_noise=0,0.4 {what}" for what in ("seed=0,1 pruner=imp", "control=prior")
    ]
    ours = item(tmp_path, sweeps, draw="priors", rows={"IMP": "imp", "prior alone": "prior"})
    runs = plan(ours, tmp_path)
    with pytest.raises(DashpruneError, match="Figure 0: none of its runs is done"):
        panels.draw(ours, runs)
    imp = [run for run in runs if run.names[2] == "imp" and run.settings["dataset.noise"] == "0.05"]
    finish([*imp, *(run for run in runs if run.is_control)], tmp_path)
    drawing = panels.draw(ours, runs)
    shown = drawing.values[["noise", "moved", "strategy", "seeds"]].values.tolist()
    assert shown == [
        [0, 0, "prior alone", 1], [0, 0.4, "prior alone", 1], [0.05, 0, "IMP", 2], [0.05, 0, "prior alone", 1],
        [0.05, 0.4, "IMP", 2], [0.05, 0.4, "prior alone", 1],
    ]  # fmt: skip
    exact, moved = drawing.values["balanced_accuracy"][0], drawing.values["balanced_accuracy"][1]
    assert exact == 1 > moved
    rows = [row for run in imp if run.settings["dataset.prior_noise"] == "0.4" and (row := run.result) is not None]
    found = np.array([row["auprc"] for row in rows])
    assert drawing.values["auprc"][4] == pytest.approx(found.mean())
    assert drawing.values["auprc_sd"][4] == pytest.approx(found.std(ddof=1))
    assert drawing.summary.iloc[4].tolist()[:4] == ["10 %", "40 %", "IMP", 2]
    assert drawing.summary["AUPRC"].iloc[4] == f"{found.mean():.3f} ± {found.std(ddof=1):.3f}"
    above = drawing.figure.axes[:2]
    assert [axes.get_title() for axes in above] == ["0 % noise", "10 % noise"]
    assert [len(axes.containers) for axes in above] == [2, 2]
    legend = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert legend == ["IMP", "prior alone"]
