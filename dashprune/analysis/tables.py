"""Result tables: one line per dataset, model, pruner and options, with mean and standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from dashprune import escaping, files
from dashprune.analysis import codes, grouping
from dashprune.analysis.scores import SCORES
from dashprune.runs import results
from dashprune.runs.results import Result

KEYS = [*grouping.NAMES, "options"]


def summary(rows: Iterable[Result]) -> pd.DataFrame:
    """Group runs that differ only in their seeds.

    Returns:
        One line per group: the KEYS, `prior` (whether the strategy looks at the prior), `target` (the sparsity asked
        for: a number, "schedule", or "none" where a strategy cannot be asked), `seeds` (how many runs), for every
        score its mean and, under `<score>_sd`, its standard deviation over seeds (n - 1; NaN for one seed), and `code`,
        which made the runs. `options` names what else distinguishes the groups of the same dataset, model and pruner.
    """
    rows = list(rows)
    frame = _named(rows, grouping.NAMES)
    frame["prior"] = [row.get("uses_prior", False) for row in rows]
    frame["target"] = [_target(row) for row in rows]
    for score in SCORES:
        frame[score] = pd.to_numeric(pd.Series([row.get(score) for row in rows]), errors="coerce")
    grouped = frame.groupby([*KEYS, "prior", "target"], sort=False)
    means, deviations = grouped[list(SCORES)].mean(), grouped[list(SCORES)].std().add_suffix("_sd")
    ordered = [name for score in SCORES for name in (score, f"{score}_sd")]
    table = grouped.size().to_frame("seeds").join(means).join(deviations)[["seeds", *ordered]]
    made = {key: codes.joined(rows[k] for k in members) for key, members in grouped.groups.items()}
    table["code"] = [made[key] for key in table.index]
    return table.reset_index()


def runs(rows: Iterable[Result]) -> pd.DataFrame:
    """One line per run: its scores and versions, and the settings in which it differs from others of its kind."""
    rows = list(rows)
    frame = _named(rows, (*grouping.NAMES, "seed", "id"))
    for score in SCORES:
        frame[score] = [row.get(score) for row in rows]
    versions = [row.get("versions", {}) for row in rows]
    for name in dict.fromkeys([*(name for own in versions for name in own), "commit"]):
        frame[name] = [own.get(name) for own in versions]
    return frame


def _named(rows: Sequence[Result], keys: Iterable[str]) -> pd.DataFrame:
    """These keys of rows, and `options`."""
    labels = grouping.labels([grouping.kind(row) for row in rows])
    return pd.DataFrame({**{key: [row[key] for row in rows] for key in keys}, "options": labels})


def display(table: pd.DataFrame, numbers: Mapping[str, str]) -> pd.DataFrame:
    """The summary as text, `mean ± sd`, without columns that say nothing.

    Args:
        table: lines of the summary.
        numbers: of the codes that made the whole summary; see `dashprune.analysis.codes`.
    """
    shown = pd.DataFrame({key: table[key] for key in KEYS if key != "options" or table[key].any()})
    shown["prior"] = table["prior"].map({True: "✓", False: ""})
    shown["target"], shown["seeds"] = table["target"], table["seeds"]
    for name, score in SCORES.items():
        same = score.repeats is not None and table[name].equals(table[score.repeats])
        if table[name].notna().any() and not same:
            pairs = zip(table[name], table[f"{name}_sd"], strict=True)
            shown[name] = [text(mean, sd, score.digits) for mean, sd in pairs]
    return shown.assign(**codes.column(table["code"], numbers))


def markdown(table: pd.DataFrame) -> str:
    """The summary as a Markdown table, the controls in a table of their own below it, and whose code it was."""
    numbers = codes.numbers(table["code"])
    parts = [escaping.markdown(display(part, numbers)) for part in _apart(table)]
    return "\n\n".join(["\n\nControls, without a neural model:\n\n".join(parts), *codes.note(numbers)])


def latex(table: pd.DataFrame) -> str:
    """The summary as LaTeX tabulars with booktabs rules, one of strategies one of controls, and whose code it was."""
    numbers = codes.numbers(table["code"])
    parts = [booktabs(display(part, numbers)) for part in _apart(table)]
    return "\n\n".join([*parts, *map(escaping.latex, codes.note(numbers))])


def _apart(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Strategies and controls, as far as there are any."""
    control = table["model"] == "control"
    return [part for part in (table[~control], table[control]) if len(part)]


def booktabs(shown: pd.DataFrame) -> str:
    """A table of texts as a LaTeX tabular."""
    cells = {escaping.latex(str(name)): [escaping.latex(str(cell)) for cell in shown[name]] for name in shown}
    text = tabulate(cells, headers="keys", tablefmt="latex_raw", disable_numparse=True)
    for rule in (
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ):  # tabulate's own booktabs format would escape the signs above
        text = text.replace(r"\hline", rule, 1)
    return text


def write(root: Path) -> pd.DataFrame:
    """Collect all runs below `root`; write `root`/tables/results.csv, .md and .tex, and runs.csv, a line per run.

    Raises:
        DashpruneError: if there is no result, or the tables cannot be written.
    """
    rows = results.collect(root)
    table = summary(rows)
    folder = root / "tables"
    with files.writing("the tables", folder):
        folder.mkdir(exist_ok=True)
        files.write(folder / "results.csv", escaping.delimited(table))
        files.write(folder / "runs.csv", escaping.delimited(runs(rows)))
        files.write(folder / "results.md", markdown(table) + "\n")
        files.write(folder / "results.tex", latex(table) + "\n")
    return table


def _target(row: Result) -> str:
    """The sparsity that a run's strategy was asked for."""
    options = row["config"].get("pruner", {})
    if "target_sparsity" not in options:
        return "none"
    return "schedule" if options["target_sparsity"] is None else f"{options['target_sparsity']:g}"


def text(mean: float, deviation: float, digits: str) -> str:
    """`mean ± sd`; without the deviation if there is none; a dash if there is no mean."""
    if pd.isna(mean):
        return "–"
    return f"{mean:{digits}}" if pd.isna(deviation) else f"{mean:{digits}} ± {deviation:{digits}}"
