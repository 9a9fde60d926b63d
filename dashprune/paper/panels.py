"""What the paper's figures show, from the runs of an item to the figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dashprune import figures, metrics
from dashprune.analysis import coregulation as modules
from dashprune.analysis import pathways, tables
from dashprune.config import component
from dashprune.data import gene_sets
from dashprune.data.base import Dataset
from dashprune.errors import DashpruneError
from dashprune.models.effects import effects_on
from dashprune.paper.items import Item, Kind, Picture, Run, select
from dashprune.runs.finished import reported

NOISE = 0.5
"""The standard deviation of noise that the paper calls 100 %."""


class Drawing(NamedTuple):
    """A figure and what is in it.

    Attributes:
        figure: the figure.
        values: its numbers.
        summary: what a page says of them, as text; may have no columns.
        notes: what could not be shown, and why.
    """

    figure: Figure
    values: pd.DataFrame
    summary: pd.DataFrame
    notes: list[str]


def draw(item: Item, runs: Sequence[Run]) -> Drawing:
    """Draw the figure of an item from those of its runs that are done.

    Raises:
        DashpruneError: if none is done, or data are missing.
    """
    assert item.figure is not None
    return DRAW[item.figure.draw](item.title, item.figure, runs)


def sparsity_accuracy(title: str, picture: Picture, runs: Sequence[Run]) -> Drawing:
    """Figure 2."""
    done = [row for run in runs if (row := run.result) is not None]
    if not done:
        raise DashpruneError(f"{title}: none of its runs is done; finish some first")
    table = tables.summary(done)
    return Drawing(figures.sparsity_accuracy(table, picture.paper), table, pd.DataFrame(), [])


def effects(title: str, picture: Picture, runs: Sequence[Run]) -> Drawing:
    """Figure 3, of the first seed. Its values are errors, mean over seeds, and that of no effect at all."""
    done = [run for run in runs if run.result is not None]
    if not done:
        raise DashpruneError(f"{title}: none of its runs is done; finish some first")
    truth = _signed_truth(done[0])
    panels: dict[str, dict[str, np.ndarray]] = {}
    errors = []
    for noise in sorted({run.settings["dataset.noise"] for run in runs}, key=float):
        level = f"{_percent(float(noise) / NOISE)} noise"
        panels[level] = {}
        for label, row in picture.rows.items():
            found = _effects(run for run in select(f"{row} dataset.noise={noise}", runs))
            if found:
                panels[level][label] = found[0]
                own = [metrics.relationship_error(effect, truth) for effect in found]
                spread = float(np.std(own, ddof=1)) if len(own) > 1 else np.nan
                errors.append(
                    {"noise": level, "strategy": label, "seeds": len(own), "mse": np.mean(own), "mse_sd": spread}
                )
    nothing = metrics.relationship_error(np.zeros_like(truth), truth)
    last = {"noise": "", "strategy": "no effect at all", "seeds": 0, "mse": nothing, "mse_sd": np.nan}
    values = pd.DataFrame([*errors, last])
    pairs = zip(1e3 * values["mse"], 1e3 * values["mse_sd"], strict=True)
    summary = values[["noise", "strategy"]].assign(seeds=[str(number or "") for number in values["seeds"]])
    summary["MSE, 1e-3"] = [tables.text(*pair, ".3f") for pair in pairs]
    return Drawing(figures.effects(truth, panels), values, summary, [])


def _effects(runs: Iterable[Run]) -> list[np.ndarray]:
    """(genes, genes) of each run that is done."""
    models = [reported(run.folder).model for run in runs if run.result is not None]
    return [effects_on(model, slice(0, model.genes)) for model in models]


def coregulation(title: str, picture: Picture, runs: Sequence[Run]) -> Drawing:
    """Modules of co-regulation; maps of the first seed, numbers of all."""
    done = [run for run in runs if run.result is not None and not run.is_control]
    if not done:
        raise DashpruneError(f"{title}: none of its runs is done; finish some first")
    truth = _signed_truth(done[0])
    targets = np.flatnonzero((truth != 0).any(axis=0))
    true = modules.similarity(truth, targets)
    order = modules.order(true)
    networks = {"prior": [reported(done[0].folder).problem.prior.toarray()]}
    networks |= {label: _effects(select(row, runs)) for label, row in picture.rows.items()}
    maps, titles, rows = {"true network": true[np.ix_(order, order)]}, {}, []
    for label, found in networks.items():
        alike = [modules.similarity(network, targets) for network in found]
        scores = np.array([modules.agreement(one, true) for one in alike])
        if len(scores):
            maps[label] = alike[0][np.ix_(order, order)]
            titles[label] = f"r {scores[0, 0]:.2f}, Rand {scores[0, 1]:.2f}"
            spread = scores.std(axis=0, ddof=1) if len(scores) > 1 else [np.nan] * 3
            named = zip(modules.Agreement._fields, scores.mean(axis=0), spread, strict=True)
            parts = {key: value for name, mean, sd in named for key, value in ((name, mean), (f"{name}_sd", sd))}
            rows.append({"strategy": label, "seeds": len(scores), **parts})
    values = pd.DataFrame(rows)
    summary = pd.DataFrame({"strategy": values["strategy"], "seeds": values["seeds"].astype(str)})
    for name, heading, digits in COREGULATION:
        pairs = zip(values[name], values[f"{name}_sd"], strict=True)
        summary[heading] = [tables.text(mean, sd, digits) for mean, sd in pairs]
    return Drawing(figures.coregulation(maps, titles, title), values, summary, [])


COREGULATION = (
    ("correlation", "correlation", ".3f"),
    ("rand", "adjusted Rand index", ".3f"),
    ("modules", "modules", ".0f"),
)
"""What a page says of modules: score, heading and digits."""


def pathway_map(title: str, picture: Picture, runs: Sequence[Run]) -> Drawing:
    """Figures 5 and 6, of the influence averaged over the runs of each strategy that are done."""
    assert picture.gene_sets is not None
    sets = gene_sets.load(picture.gene_sets)
    frames: dict[str, pd.DataFrame] = {}
    summary, notes = [], []
    for label, row in picture.rows.items():
        folders = [run.folder for run in select(row, runs) if run.result is not None]
        if not folders:
            continue  # named as missing on the item's page
        try:
            frames.update(pathways.strategies({label: folders}, sets, influence=picture.influence))
        except DashpruneError as error:  # such as a network that has no edges
            notes.append(f"{label} is not shown: {error}")
            continue
        found = frames[label]
        first = f"{found['pathway'][0]} (z {found['z'][0]:.1f})"
        summary.append({"strategy": label, "runs": len(folders), "tested": len(found),
                        "significant": int(found["significant"].sum()), "first": first})  # fmt: skip
    shown = figures.pathway_map(frames, title)
    values = pd.concat([frame.assign(strategy=label) for label, frame in frames.items()], ignore_index=True)
    return Drawing(shown, values, pd.DataFrame(summary), notes)


def priors(title: str, picture: Picture, runs: Sequence[Run]) -> Drawing:
    """Scores of strategies over the part of the prior's edges that was moved, at every level of noise."""
    rows = [
        {"noise": float(row["config"]["dataset"]["noise"]), "moved": float(row["config"]["dataset"]["prior_noise"]),
         "strategy": label, "seed": row["seed"], **{score: row[score] for score in figures.PRIOR_SCORES}}
        for label, name in picture.rows.items() for run in runs
        if run.names[2] == name and (row := run.result) is not None
    ]  # fmt: skip
    if not rows:
        raise DashpruneError(f"{title}: none of its runs is done; finish some first")
    order = list(picture.rows)
    values = _means(pd.DataFrame(rows), order)
    levels = {noise: _percent(noise / NOISE) for noise in values["noise"].unique()}
    summary = pd.DataFrame({"noise": values["noise"].map(levels), "moved": [_percent(m) for m in values["moved"]]})
    summary["strategy"], summary["seeds"] = values["strategy"].to_list(), values["seeds"].to_list()
    for score, heading in figures.PRIOR_SCORES.items():
        pairs = zip(values[score], values[f"{score}_sd"], strict=True)
        summary[heading] = [tables.text(mean, sd, ".3f") for mean, sd in pairs]
    return Drawing(figures.priors(values.replace({"noise": levels}), order), values, summary, [])


def _means(every: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Mean and deviation over seeds of every noise, share of edges moved and strategy, the latter in this order."""
    grouped = every.groupby(["noise", "moved", "strategy"], sort=True)
    values = grouped["seed"].count().rename("seeds").to_frame()
    for score in figures.PRIOR_SCORES:
        values[score], values[f"{score}_sd"] = grouped[score].mean(), grouped[score].std()
    return values.reset_index().sort_values(
        ["noise", "moved", "strategy"], key=lambda c: c.map(order.index) if c.name == "strategy" else c
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


DRAW: dict[Kind, Callable[[str, Picture, Sequence[Run]], Drawing]] = {
    "sparsity_accuracy": sparsity_accuracy,
    "effects": effects,
    "coregulation": coregulation,
    "pathway_map": pathway_map,
    "priors": priors,
}


def _signed_truth(run: Run) -> np.ndarray:
    """(genes, genes) signs of the true network of SIM350, which is its prior when no edge of it is moved."""
    row = run.result
    assert row is not None
    problem = component({**row["config"]["dataset"], "prior_noise": 0.0}, "dataset", base=Dataset)().load()
    return np.asarray(problem.prior.toarray(), dtype=np.float32)
