"""Every export, read back by the library that it is for."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import networkx
import numpy as np
import pandas as pd
import pytest
import torch
from ndex2.cx2 import RawCX2NetworkFactory

from dashprune import compose, train_prune_eval
from dashprune.cli.main import main
from dashprune.errors import DashpruneError
from dashprune.exports import graphs, network
from dashprune.exports.cells import annotated
from dashprune.exports.network import Network
from dashprune.runs import identity
from dashprune.solvers.etdrk4 import Etdrk4
from tests.conftest import SMALL


def run(folder: Path, *words: str) -> Path:
    row = train_prune_eval(compose([*SMALL, "train.epochs=4", f"outputs={folder}", *words]))
    return identity.folder_of(row)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("phoenix"), "pruner=dash")


@pytest.fixture(scope="module")
def found(folder: Path) -> Network:
    return network.read(folder)


def test_edges_are_those_of_the_model_the_strongest_first(found: Network) -> None:
    effects = found.model.effect_matrix().detach().numpy()
    assert len(found.edges) == np.count_nonzero(effects)
    assert found.edges["share"].is_monotonic_decreasing
    place = {gene: k for k, gene in enumerate(found.problem.genes)}
    prior = found.problem.prior.toarray()
    for edge in found.edges.head(50).itertuples():
        pair = place[edge.source], place[edge.target]
        assert edge.effect == effects[pair]
        assert edge.sign == np.sign(effects[pair])
        assert edge.in_prior == (prior[pair] != 0) == (not edge.novel)
        assert edge.share == pytest.approx(abs(effects[pair]) / np.abs(effects[:, pair[1]]).sum())
    assert found.genes["out_degree"].sum() == found.genes["in_degree"].sum() == len(found.edges)


def test_a_limit_keeps_the_strongest(folder: Path, found: Network) -> None:
    few = network.read(folder, limit=7)
    pd.testing.assert_frame_equal(few.edges, found.edges.head(7))
    assert set(few.genes["gene"]) == set(few.edges["source"]) | set(few.edges["target"])


def test_graphml_is_read_by_networkx(folder: Path, found: Network, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder), "--to", "graphml"]) == 0
    path = folder / "network.graphml"
    assert capsys.readouterr().out == f"{path}\n"
    read = networkx.read_graphml(path)
    assert read.number_of_edges() == len(found.edges)
    first = found.edges.iloc[0]
    edge = read.edges[first["source"], first["target"]]
    assert edge["effect"] == pytest.approx(first["effect"])
    assert edge["in_prior"] is bool(first["in_prior"])
    assert edge["interaction"] == ("activates" if first["sign"] > 0 else "inhibits")
    assert "probability" not in edge, "DASH gives none"
    assert read.nodes[first["source"]]["regulator"] is True


def test_cx2_is_read_by_ndex_with_its_style(folder: Path, found: Network, tmp_path: Path) -> None:
    path = tmp_path / "a.cx2"
    assert main(["export", str(folder), "--to", "cx2", "--out", str(path), "--edges", "20"]) == 0
    read = RawCX2NetworkFactory().get_cx2network(json.loads(path.read_text()))
    assert len(read.get_edges()) == 20
    names = {number: node["v"]["name"] for number, node in read.get_nodes().items()}
    first = found.edges.iloc[0]
    (edge,) = [one for one in read.get_edges().values() if (names[one["s"]], names[one["t"]]) == tuple(first.iloc[:2])]
    assert edge["v"]["sign"] == first["sign"]
    style = read.get_visual_properties()["edgeMapping"]
    assert style["EDGE_LINE_STYLE"]["definition"]["attribute"] == "in_prior"
    assert style["EDGE_LINE_COLOR"]["definition"]["map"][1]["v"] == -1


def test_sif_and_the_table_of_decoupler(found: Network, tmp_path: Path) -> None:
    graphs.sif(found, tmp_path / "a.sif")
    graphs.decoupler(found, tmp_path / "a.csv")
    lines = [line.split("\t") for line in (tmp_path / "a.sif").read_text().splitlines()]
    table = pd.read_csv(tmp_path / "a.csv", dtype={"source": str, "target": str})
    assert [(line[0], line[2]) for line in lines] == list(zip(table["source"], table["target"], strict=True))
    assert [line[1] == "activates" for line in lines] == (table["weight"] > 0).tolist()
    assert not table.duplicated(["source", "target"]).any()


def test_anndata_holds_predictions_velocity_and_the_network(folder: Path, found: Network) -> None:
    assert main(["export", str(folder), "--to", "h5ad"]) == 0
    read = anndata.read_h5ad(folder / "run.h5ad")
    problem = found.problem
    points = sum((~np.isnan(split.times)).sum() for split in (problem.train, problem.validation, problem.test))
    assert read.shape == (points, len(problem.genes))
    with torch.no_grad():
        field = found.model(torch.zeros(()), torch.as_tensor(read.X)).numpy()
    np.testing.assert_allclose(read.layers["velocity"], field, rtol=1e-5)
    test = (read.obs["split"] == "test").to_numpy()
    errors = ((read.layers["predicted"] - read.X)[test] ** 2).mean(axis=1)
    inner = read.obs["time"].to_numpy()[test] > problem.test.times[0, 0]
    row = json.loads((folder / "result.json").read_text())
    assert errors[inner].mean() == pytest.approx(row["mse"], rel=1e-4)
    effects = found.model.effect_matrix().detach().numpy()
    np.testing.assert_allclose(read.varp["effect"].toarray(), effects)
    assert read.var["out_degree"].to_numpy().tolist() == (effects != 0).sum(axis=1).tolist()


@pytest.mark.slow
def test_scanpy_plots_exported_cells(folder: Path, found: Network, tmp_path: Path) -> None:
    scanpy = pytest.importorskip("scanpy", exc_type=ImportError)
    out = tmp_path / "run.h5ad"
    assert main(["export", str(folder), "--to", "h5ad", "--out", str(out)]) == 0
    cells = scanpy.read_h5ad(out)
    scanpy.pp.pca(cells, n_comps=3)
    genes = list(found.problem.genes[:2])
    panels = scanpy.pl.pca(cells, color=["time", *genes], show=False)
    assert [axes.get_title() for axes in panels] == ["time", *genes]
    assert [len(axes.collections[0].get_offsets()) for axes in panels] == [cells.n_obs] * 3
    drawn = scanpy.pl.matrixplot(cells, genes, groupby="split", layer="predicted", show=False)
    assert "mainplot_ax" in drawn


def test_activities_are_exported_where_regulators_act_by_them(tmp_path: Path) -> None:
    words = ["model=phoenix_edge", "model.signals=activity", "pruner=dash_edge", "dataset.prior_noise=0"]
    own = network.read(run(tmp_path, *words))
    read = annotated(own)
    assert own.edges["probability"].between(0, 1).all()
    assert read.obsm["activities"].shape == (read.n_obs, len(read.uns["activities"]))


MODELS = [
    ["pruner=dash"],
    ["model=phoenix_edge", "pruner=dash_edge", "model.signals=expression"],
    ["model=phoenix_edge", "pruner=dash_edge", "model.signals=activity", "dataset.prior_noise=0"],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", MODELS, ids=["phoenix", "edges", "activities"])
def test_another_solver_simulates_sbml_as_ours(words: list[str], tmp_path: Path) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    folder = run(tmp_path, *words)
    own = network.read(folder)
    assert main(["export", str(folder), "--to", "sbml"]) == 0
    simulator = roadrunner.RoadRunner(str(folder / "model.xml"))
    simulator.integrator.absolute_tolerance, simulator.integrator.relative_tolerance = 1e-10, 1e-10
    genes = len(own.problem.genes)
    theirs = simulator.simulate(0, 5, 6, [f"[g{k}]" for k in range(genes)])
    state = torch.as_tensor(own.problem.test.expression[0, :1]).double()
    model = own.model.double()
    for row in np.asarray(theirs):
        np.testing.assert_allclose(row, state[0].numpy(), rtol=1e-4, atol=1e-6)
        with torch.no_grad():
            state = Etdrk4(0.02).predict(model, state, torch.ones(1, dtype=torch.float64))


def test_mistakes_are_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = run(tmp_path, "model=mlp", "pruner=imp")
    assert main(["export", str(other), "--to", "sbml"]) == 2
    assert "--to sbml is for phoenix and phoenix_edge models" in capsys.readouterr().err
    assert not (other / "model.xml").exists()
    for words, said in (
        (["--to", "graphlm"], "invalid choice: 'graphlm'"),
        ([], "required: --to"),
        (["--to", "sif", "--edges", "0"], "argument --edges: '0' is not a whole number above 0"),
        (["--to", "sif", "--out", "/dev/null/a"], "cannot be written"),
    ):
        assert main(["export", str(folder), *words]) == 2
        assert said in capsys.readouterr().err
    control = run(tmp_path, "control=prior")
    with pytest.raises(DashpruneError, match="is a control's, which trains no model"):
        network.read(control)
