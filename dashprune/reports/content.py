"""What a report says of a run: scores beside their controls, also in words; edges, regulators, what to beware of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array

from dashprune.analysis import pathways, tables
from dashprune.analysis.scores import SCORES
from dashprune.controls.base import Control
from dashprune.controls.prior import Prior
from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.exports import network
from dashprune.exports.network import Network
from dashprune.figures.run_pictures import SMOOTH, predict, telling_genes
from dashprune.figures.run_trajectories import Course
from dashprune.models.activity import Activities
from dashprune.models.base import EdgeField, VectorField
from dashprune.models.effects import degrees, effects_on
from dashprune.runs import provenance, results
from dashprune.runs.results import Result
from dashprune.runs.scoring import score_control

EDGES = 20_000
"""Edges that the table of a report lists at most, the strongest."""
CUT = 5_000
"""Edges of the prior that were cut, of which it lists at most so many."""
VALUES = 700_000
"""Numbers of measured and predicted expression that it holds at most."""
BINS = 30
"""Points of time at which activities are shown at most."""
REGULATORS = 20
"""Regulators that are shown, those with the most influence."""
SHOWN = ("sparsity", "balanced_accuracy", "auprc", "mse", "mse_relative")
"""Scores that are shown, where there are any."""
_USELESS = 0.98
"""Error over that of no change from which on a model predicts no better, for all that anybody could see."""


class Courses(NamedTuple):
    """Expression over time, measured and predicted.

    Attributes:
        genes: names, in the order of columns.
        split: of the data whose trajectories these are.
        courses: the trajectories, their columns being `genes`.
        first: the gene to show first.
    """

    genes: Sequence[str]
    split: str
    courses: Sequence[Course]
    first: str


class Active(NamedTuple):
    """The regulators with the most influence over time.

    Attributes:
        what: the values are: activity, or expression where regulators act by it.
        genes: names, the most influential first.
        times: as texts: points of time, or the middles of ranges of it.
        values: (genes, times) means over training trajectories, in standard deviations from the gene's mean.
    """

    what: str
    genes: Sequence[str]
    times: Sequence[str]
    values: np.ndarray


class Content(NamedTuple):
    """All that a report shows of a run.

    Attributes:
        row: of results.
        network: that is left; all its edges.
        edges: the rows of the table: `source`, `target`, `effect`, `share`, `probability` and `status`, which is prior,
            novel (not in the prior) or contradicted (in the prior, but cut); at most EDGES and CUT.
        contradicted: how many edges of the prior were cut.
        scores: a row per strategy and control, as text; the first is the run's.
        sentences: what the scores mean.
        warnings: what to beware of.
        regulators: `gene`, `influence` (share of regulation, summed over targets) and `out_degree`, the highest first.
        active: these over time.
        courses: of genes.
        history: the columns of history.csv.
        pathways: the strongest, as text; None without gene sets.
        about: facts of data, model and code, as names and texts.
    """

    row: Result
    network: Network
    edges: pd.DataFrame
    contradicted: int
    scores: pd.DataFrame
    sentences: Sequence[str]
    warnings: Sequence[str]
    regulators: pd.DataFrame
    active: Active
    courses: Courses
    history: pd.DataFrame
    pathways: pd.DataFrame | None
    about: Mapping[str, str]


def gather(folder: Path, rows: Sequence[Result], sets: Sequence[Any] | None = None) -> Content:
    """Read a run that is done.

    Args:
        folder: of the run.
        rows: of other runs, of which those on the same data are shown beside it.
        sets: gene sets to test, see `dashprune.data.gene_sets.load`; None for none.

    Raises:
        DashpruneError: if the run is not done, a control's, or its network is empty.
    """
    found = network.read(folder)
    row = results.load(folder)
    assert row is not None
    problem, model = found.problem, found.model
    controls = {"prior": score_control(Prior(), problem), "persistence": score_control(Control(), problem)}
    regulators = _regulators(model, problem.genes)
    history = results.read_history(folder)
    edges, contradicted = _edges(found)
    tested = None if sets is None else pathways.analysis([folder], sets, pathways.Rules())[0]
    courses = _courses(found)
    return Content(
        row=row,
        network=found,
        edges=edges,
        contradicted=contradicted,
        scores=_scores(row, rows, controls),
        sentences=list(_sentences(row, controls, problem)),
        warnings=list(_warnings(row, controls, found, history, courses)),
        regulators=regulators,
        active=_active(model, problem, regulators),
        courses=courses,
        history=history,
        pathways=None if tested is None else _tested(tested),
        about=_about(row, problem),
    )


def best(root: Path, found: Mapping[Path, Result]) -> Path:
    """Of runs the one with the least validation error, the first of equals; the truth is not looked at.

    Errors of other data say nothing of each other, so all must have the same; of those that the seed draws, they are of
    the first seed.

    Raises:
        DashpruneError: if runs are of several datasets or other data, or none has a validation error.
    """
    errors = {path: row.get("validation_mse") for path, row in found.items()}
    known = {path: error for path, error in errors.items() if isinstance(error, float) and math.isfinite(error)}
    if not known:
        raise DashpruneError(f"no run below '{root}' has a validation error to choose by; give one run")
    rows = [found[path] for path in known]
    if len(datasets := sorted({row["dataset"] for row in rows})) > 1:
        named = ", ".join(datasets[:4])
        raise DashpruneError(
            f"'{root}' holds runs of {len(datasets)} datasets ({named}); give the folder of one of them"
        )
    first = min(rows, key=lambda row: row["seed"])
    if any(row["seed"] == first["seed"] and not _alike(first, row) for row in rows):
        raise DashpruneError(
            f"'{root}' holds runs on different data of {datasets[0]}, whose errors cannot be compared; give one run"
        )
    return min((path for path in known if _alike(first, found[path])), key=lambda path: known[path])


def _edges(found: Network) -> tuple[pd.DataFrame, int]:
    """Rows of the table, and how many edges of the prior were cut."""
    problem = found.problem
    kept = found.edges.head(EDGES)
    kept = kept[["source", "target", "effect", "share", "probability"]].assign(
        status=np.where(kept["novel"], "novel", "prior")
    )
    place = {gene: k for k, gene in enumerate(problem.genes)}
    inside = found.edges[found.edges["in_prior"]]
    where = inside["source"].map(place).to_numpy(), inside["target"].map(place).to_numpy()
    left = coo_array((np.ones(len(inside)), where), shape=problem.prior.shape).tocsr()
    cut = ((problem.prior != 0).astype(np.float64) - left).tocoo()
    source, target = (index[cut.data > 0] for index in cut.coords)
    genes = np.array(problem.genes, dtype=object)
    lost = pd.DataFrame({"source": genes[source[:CUT]], "target": genes[target[:CUT]], "effect": 0.0, "share": 0.0})
    lost = lost.assign(probability=math.nan, status="contradicted")
    return pd.concat([kept, lost] if len(lost) else [kept], ignore_index=True), len(source)


def _regulators(model: VectorField, genes: Sequence[str]) -> pd.DataFrame:
    """Share of regulation, summed over all other genes, as in `dashprune.analysis.pathways`; block by block."""
    influence = pathways.influence(lambda targets: effects_on(model, targets), model.genes)
    degree, _ = degrees(model)
    table = pd.DataFrame({"gene": genes, "influence": influence, "out_degree": degree})
    return table[degree > 0].sort_values("influence", ascending=False, kind="stable", ignore_index=True)


def _active(model: VectorField, problem: Problem, regulators: pd.DataFrame) -> Active:
    split = problem.train
    known = ~np.isnan(split.times)
    expression, times = split.expression[known], split.times[known]
    activities: Activities | None = model.activities if isinstance(model, EdgeField) else None
    names = problem.genes if activities is None else [problem.genes[k] for k in activities.genes]
    values = expression if activities is None else activities.places(expression)
    place = {gene: k for k, gene in enumerate(names)}
    chosen = [gene for gene in regulators["gene"] if gene in place][:REGULATORS]
    unique = np.unique(times)
    parts = [np.array([time]) for time in unique] if len(unique) <= BINS else np.array_split(unique, BINS)
    means = np.stack([values[(part[0] <= times) & (times <= part[-1])].mean(axis=0) for part in parts], axis=1)
    means = means[[place[gene] for gene in chosen]]
    spread = np.maximum(means.std(axis=1, keepdims=True), 1e-12)
    middles = [f"{part.mean():.4g}" for part in parts]
    texts = middles if len(set(middles)) == len(parts) else [f"{part[0]:.6g} to {part[-1]:.6g}" for part in parts]
    what = "expression" if activities is None else "activity"
    return Active(what, chosen, texts, (means - means.mean(axis=1, keepdims=True)) / spread)


def _courses(found: Network) -> Courses:
    """Of the test split, or of the training where nothing was held out; as many genes as VALUES allows."""
    problem = found.problem
    name, split = ("train", problem.train) if problem.test.empty else ("test", problem.test)
    number = min(len(split.times), 3 if split.times.shape[1] <= 12 else 1)
    known = [predict(found.model, found.solver, split, k) for k in range(number)]
    points = sum(2 * len(course.times) + max(len(course.free_times), SMOOTH) for course in known)
    first = telling_genes(replace(problem, test=split))[0]
    genes = np.arange(model_genes := len(problem.genes))
    if (fit := max(VALUES // points, 1)) < model_genes:
        variance = np.nanvar(split.expression.reshape(-1, model_genes), axis=0)
        genes = np.sort(np.unique([first, *np.argsort(-variance, kind="stable")[: fit - 1]]))
    kept = [
        course._replace(
            measured=course.measured[:, genes], one_step=course.one_step[:, genes], free=course.free[:, genes]
        )
        for course in known
    ]
    return Courses([problem.genes[k] for k in genes], name, kept, problem.genes[first])


def _scores(row: Result, rows: Sequence[Result], controls: Mapping[str, Result]) -> pd.DataFrame:
    """The run's line on top, then what is to be beaten, of which two need no run; then other strategies."""
    others = tables.summary([other for other in rows if _alike(row, other) and other["id"] != row["id"]])
    shown = [_line(f"this run: {row['model']} {row['pruner']}", tables.summary([row]).iloc[0])]
    made = {line["pruner"]: line for _, line in others[others["model"] == "control"].iterrows()}
    for name, said in {"prior": "the prior alone", "persistence": "no change"}.items():
        shown.append(_line(said, made.pop(name, pd.Series(controls[name], dtype=object))))
    shown += [_line(f"control: {name}", line) for name, line in made.items()]
    shown += [_line(_called(line), line) for _, line in others[others["model"] != "control"].iterrows()]
    table = pd.DataFrame(shown)
    return table.loc[:, (table != "").any()]


def _alike(row: Result, other: Result) -> bool:
    """Whether two runs have the same data, splits and prior."""
    return other.get("data") == row.get("data") and other["config"].get("dataset") == row["config"].get("dataset")


def _called(line: pd.Series) -> str:
    return " ".join(str(line[key]) for key in ("model", "pruner", "options") if line[key])


def _line(name: str, line: pd.Series) -> dict[str, str]:
    """Cells of a line of scores, as text; what it has not is empty."""
    cells = {"strategy": name, "runs": str(line.get("seeds", ""))}
    for score in (SCORES[key] for key in SHOWN):
        value, deviation = line.get(score.name), line.get(f"{score.name}_sd")
        if value is None or math.isnan(value):
            cells[score.heading] = ""
            continue
        spread = math.nan if deviation is None else deviation
        cells[score.heading] = tables.text(value, spread, score.digits)
    return cells


def _sentences(row: Result, controls: Mapping[str, Result], problem: Problem) -> Iterator[str]:
    """What the scores mean."""
    relative, own = row.get("mse_relative"), row.get("balanced_accuracy")
    if relative is not None:
        yield (
            f"Its error in predicting each held-out point from the one before is {100 * relative:.1f} % of that of "
            f"predicting no change (mean squared error {row['mse']:.3g} in place of {row['mse_persistence']:.3g})."
        )
    yield (
        f"{100 * row['sparsity']:.1f} % of its weights are 0; {row['edges']:,} edges are left of "
        f"{len(problem.genes) ** 2:,} ordered pairs of {len(problem.genes):,} genes."
    )
    if own is None:
        yield "No true network is known here, so which of its edges are real has not been measured."
        return
    prior = controls["prior"].get("balanced_accuracy") if problem.has_prior else None
    text = f"Against the gold standard it has a balanced accuracy of {100 * own:.1f} %; guessing has 50 %"
    if prior is not None:
        beyond = "better" if own > prior else "no better"
        text += f", and the prior that it was given {100 * prior:.1f} % by itself, so the network is {beyond}"
    yield f"{text}."


def _warnings(
    row: Result, controls: Mapping[str, Result], found: Network, history: pd.DataFrame, courses: Courses
) -> Iterator[str]:
    relative = row.get("mse_relative")
    if relative is not None and relative >= _USELESS:
        yield (
            f"The model predicts no better than no change (its error is {100 * relative:.1f} % of that). "
            f"Its edges then say little of what regulates these genes."
        )
    if found.problem.test.empty:
        yield "Nothing was held out to test on: what is drawn and scored was trained on."
    if found.problem.validation.empty:
        yield "Nothing was held out to validate on: the epoch that is reported is the one that fits the training best."
    prior, own = controls["prior"].get("balanced_accuracy"), row.get("balanced_accuracy")
    if own is not None and prior is not None and found.problem.has_prior and own < prior:
        yield (
            f"The prior by itself finds the edges of the gold standard better ({100 * prior:.1f} % balanced accuracy) "
            f"than this network ({100 * own:.1f} %)."
        )
    turned, signed = _turned(found)
    if turned:
        yield f"{turned:,} of the {signed:,} edges of the prior that are left have the opposite sign in the prior."
    density = len(found.edges) / len(found.problem.genes) ** 2
    if density > 0.5:
        yield f"{100 * density:.0f} % of all pairs are edges, so the network tells nothing apart; prune more."
    if row.get("best_epoch") == int(history["epoch"].iloc[-1]):
        yield "The last epoch was the best, so longer training (train.epochs) may help."
    if any(np.isnan(course.free).any() for course in courses.courses):
        yield "Started at the first point and left to itself, the model diverges; its drawn courses end there."
    if not found.problem.has_prior:
        yield "There was no prior, so every edge is called novel."
    if "-dirty" in str(row.get("versions", {}).get("commit")):
        yield "The run was made by code that no commit holds."


def _turned(found: Network) -> tuple[int, int]:
    """Edges of the prior that are left with the other sign, and all that are left; 0 if it has no negative sign."""
    prior, inside = found.problem.prior, found.edges[found.edges["in_prior"]]
    if not (prior.data < 0).any():  # a prior without signs counts as activation
        return 0, len(inside)
    place = {gene: k for k, gene in enumerate(found.problem.genes)}
    known = prior[inside["source"].map(place).to_numpy(), inside["target"].map(place).to_numpy()]
    return int((np.sign(np.asarray(known).ravel()) != inside["sign"].to_numpy()).sum()), len(inside)


def _tested(table: pd.DataFrame) -> pd.DataFrame:
    top = pathways.top(table, 20)
    texts = {name: top[name].map("{:.2f}".format) for name in ("z", "z_prior")}
    small = {name: top[name].map("{:.2g}".format) for name in ("p", "bonferroni", "bh")}
    stars = top["significant"].map({True: "*", False: ""})
    return top.assign(**texts, **small, genes=top["genes"].astype(str), significant=stars)


def _about(row: Result, problem: Problem) -> dict[str, str]:
    """Facts, in the order shown."""
    splits = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    sizes = ", ".join(f"{len(split.times)} {name}" for name, split in splits.items())
    points = sum(int((~np.isnan(split.times)).sum()) for split in splits.values())
    known = "not known" if problem.truth is None else f"{problem.truth.nnz:,} edges"
    versions = {key: text for key, text in row.get("versions", {}).items() if text}
    return {
        "dataset": str(row["dataset"]),
        "genes": f"{len(problem.genes):,}",
        "trajectories": f"{sizes}; {points:,} measured points",
        "prior": f"{problem.prior.nnz:,} edges" if problem.has_prior else "none",
        "gold standard": known,
        "model": str(row["model"]),
        "strategy": str(row["pruner"]),
        "seed": str(row["seed"]),
        "epochs": f"{row['epochs_run']}, of which epoch {row['best_epoch']} is reported",
        "run": str(row["id"]),
        "code": provenance.code(row),
        "versions": ", ".join(f"{key} {text}" for key, text in versions.items() if key not in ("commit", "dashprune")),
    }
