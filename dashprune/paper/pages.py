"""The paper's tables and figures, in its layout and beside its known numbers, from results."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from tabulate import tabulate

from dashprune import escaping, figures, files
from dashprune.analysis import codes, tables
from dashprune.analysis.scores import SCORES
from dashprune.paper.items import Item, Line, Run, Table, lines, load
from dashprune.paper.panels import Drawing, draw
from dashprune.runs.results import Result

QUICK = "QUICK: reduced epochs and seeds, not a reproduction."


@dataclass(frozen=True)
class Made:
    """An item with its runs, as `dashprune reproduce` has made it.

    Attributes:
        name: of its yaml.
        item: what the yaml says.
        runs: all runs that it needs.
        quick: whether they are those of the reduced version.
    """

    name: str
    item: Item
    runs: Sequence[Run]
    quick: bool

    @property
    def command(self) -> str:
        return shlex.join(["dashprune", "reproduce", self.name, *(["--quick"] if self.quick else [])])

    @property
    def stem(self) -> str:
        """Name of its files, without their endings."""
        return f"{Path(self.name).stem}{'.quick' if self.quick else ''}"

    @property
    def done(self) -> list[Result]:
        return [row for run in self.runs if (row := run.result) is not None]

    @property
    def seconds(self) -> float:
        """Computing time of the runs that are done."""
        return sum(row.get("wall_seconds") or 0.0 for row in self.done)

    @property
    def missing(self) -> list[Run]:
        return [run for run in self.runs if run.result is None]


def frame(table: Table, runs: Iterable[Run]) -> pd.DataFrame:
    """The rows of a table, in the units of result.json.

    Returns:
        For each row its `table`, `group` and `strategy`; `prior`, whether it looks at the prior; `control`, whether it
        is one; `runs` it should have and `seeds` that are done; and for each score its mean, under `<score>_sd` its
        standard deviation over seeds, and under `paper_<score>` the paper's number; the former two under
        `<heading>_<score>`, too, for each heading of `Table.beside`. NaN where there is none. Last, `code`, which made
        the runs that are done.
    """
    return pd.DataFrame([_row(table, line) for line in lines(table, runs)])


def _row(table: Table, line: Line) -> dict[str, object]:
    done, means = _means(line.runs)
    row: dict[str, object] = {"table": table.title, "group": line.group, "strategy": line.label}
    row |= {"prior": line.runs[0].uses_prior, "control": line.runs[0].is_control}
    row |= {"runs": len(line.runs), "seeds": len(done)}
    for name in table.columns:
        row |= {key: means.get(key, math.nan) for key in (name, f"{name}_sd")}
        known = table.paper.get(line.row, {}).get(name, math.nan)
        row[f"paper_{name}"] = known / SCORES[name].factor(table.mse_unit)
    for heading, runs in line.beside.items():
        others, means = _means(runs)
        done = [*done, *others]
        for name in table.known:
            row |= {f"{heading}_{key}": means.get(key, math.nan) for key in (name, f"{name}_sd")}
    return {**row, "code": codes.joined(done)}


def _means(runs: Iterable[Run]) -> tuple[list[Result], dict[str, Any]]:
    """Of the runs that are done, their rows and the summary of these."""
    done = [result for run in runs if (result := run.result) is not None]
    return done, {str(key): value for key, value in tables.summary(done).iloc[0].items()} if done else {}


def display(table: Table, values: pd.DataFrame) -> pd.DataFrame:
    """A table as text: `mean ± sd`, a dash where there is nothing; the paper's numbers where any is known."""
    shown = pd.DataFrame({"": values["group"].where(values["group"] != values["group"].shift(), "")})
    shown["strategy"] = values["strategy"]
    shown["prior"] = values["prior"].map({True: "✓", False: ""})
    pairs = zip(values["seeds"], values["runs"], strict=True)
    shown["seeds"] = [f"{done}" if done == wanted else f"{done} of {wanted}" for done, wanted in pairs]
    for name in table.columns:
        shown[SCORES[name].title(table.mse_unit)] = _texts(table, name, values)
    for heading in table.beside:
        for name in table.known:
            shown[f"{heading}: {SCORES[name].title(table.mse_unit)}"] = _texts(table, name, values, f"{heading}_")
    for name in table.columns:
        score = SCORES[name]
        known = values[f"paper_{name}"] * score.factor(table.mse_unit)
        if known.notna().any():
            shown[f"paper: {score.title(table.mse_unit)}"] = ["" if pd.isna(k) else f"{k:.10g}" for k in known]
    return shown.assign(**codes.column(values["code"], codes.numbers(values["code"])))


def _texts(table: Table, name: str, values: pd.DataFrame, prefix: str = "") -> list[str]:
    """A score of each row as text; the sparsity of controls, which have no weights, is that of pairs."""
    score = SCORES[name]
    factor = score.factor(table.mse_unit)
    means, deviations = values[f"{prefix}{name}"] * factor, values[f"{prefix}{name}_sd"] * factor
    texts = [tables.text(*pair, score.unit_digits) for pair in zip(means, deviations, strict=True)]
    if name != "sparsity":
        return texts
    return [
        f"{text} of pairs" if control else text
        for text, control in zip(texts, values["control"] & means.notna(), strict=True)
    ]


def write(made: Made, folder: Path) -> str:
    """Write an item's files to `folder`, and return its Markdown.

    A table is written as .csv, .md and .tex, a figure as .png, .pdf, .md and its numbers as .csv; and all runs that are
    done as a line each of a file of runs.

    Raises:
        DashpruneError: if the figure cannot be drawn, or the files cannot be written.
    """
    frames = [frame(table, made.runs) for table in made.item.tables]
    drawing = draw(made.item, made.runs) if made.item.figure else None
    text = markdown(made, frames, drawing)
    done = made.done
    if drawing is not None:
        figures.save(marked(drawing.figure, made.quick), folder / made.stem)
    with files.writing(made.name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        files.write(folder / f"{made.stem}.md", text)
        if frames:
            files.write(folder / f"{made.stem}.csv", escaping.delimited(pd.concat(frames)))
            files.write(folder / f"{made.stem}.tex", latex(made, frames))
        if drawing is not None:
            files.write(folder / f"{made.stem}.csv", escaping.delimited(drawing.values))
        if done:
            files.write(folder / f"{made.stem}.runs.csv", escaping.delimited(tables.runs(done)))
    return text


def runs_behind(made: Made, folder: Path) -> int:
    """From how many runs the item was made that is in `folder` now; 0 if none is."""
    try:
        return len(pd.read_csv(folder / f"{made.stem}.runs.csv"))
    except (OSError, ValueError):
        return 0


def marked(figure: Figure, quick: bool) -> Figure:
    """The figure; that of the reduced version says so across."""
    if quick:
        text = figure.text(0.5, 0.5, "QUICK: not a reproduction", ha="center", va="center", rotation=30)
        text.set(fontsize=24, color="grey", alpha=0.4)
    return figure


def caption(made: Made) -> str:
    return f"{QUICK} {made.item.caption}" if made.quick else made.item.caption


def markdown(made: Made, frames: Sequence[pd.DataFrame], drawing: Drawing | None = None) -> str:
    """An item as a page: title, caption, tables or figure, what is missing, known gaps, how it was made."""
    parts = [f"# {made.item.title}", caption(made)]
    for table, values in zip(made.item.tables, frames, strict=True):
        text = _github(display(table, values))
        parts += [f"## {table.title}", text] if table.title else [text]
        parts += codes.note(codes.numbers(values["code"]))
    if drawing is not None:
        parts += [f"![{made.item.title}]({made.stem}.png)"]
        parts += [_github(drawing.summary)] if len(drawing.summary) else []
        parts += drawing.notes
    if made.missing:
        commands = [f"- `{command}`" for command in commands_for(made.missing)]
        parts += [f"Missing runs ({len(made.missing)} of {len(made.runs)}):", "\n".join(commands)]
    if made.item.gaps:
        parts += ["Known differences from the paper:", "\n".join(f"- {gap}" for gap in made.item.gaps)]
    return "\n\n".join([*parts, provenance(made)]) + "\n"


def commands_for(runs: Iterable[Run]) -> list[str]:
    """The commands that make these runs; those that differ in `seed` share one."""
    seeds: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        seed = [word.removeprefix("seed=") for word in run.overrides if word.startswith("seed=")]
        others = tuple(word for word in run.overrides if not word.startswith("seed="))
        seeds.setdefault(others, []).extend(seed)
    words = {others: [*others, *([f"seed={','.join(given)}"] if given else [])] for others, given in seeds.items()}
    several = {others: ["-m"] if len(given) > 1 else [] for others, given in seeds.items()}
    return [shlex.join(["dashprune", "run", *several[others], *words[others]]) for others in seeds]


def latex(made: Made, frames: Sequence[pd.DataFrame]) -> str:
    """An item's tables as LaTeX tables with booktabs rules, also between groups."""
    texts = []
    for table, values in zip(made.item.tables, frames, strict=True):
        rows = tables.booktabs(display(table, values)).splitlines()
        starts = [k for k in range(1, len(values)) if values["group"][k] != values["group"][k - 1]]
        for start in reversed(starts):
            rows.insert(4 + start, r"\midrule")  # below \begin, \toprule, the headings and \midrule
        title = f"{made.item.title}{': ' if table.title else ''}{table.title}. {caption(made)}"
        title = " ".join([title, *codes.note(codes.numbers(values["code"]))])
        head = [r"\begin{table}", r"\centering", rf"\caption{{{escaping.latex(title)}}}"]
        texts.append("\n".join([*head, *rows, r"\end{table}"]))
    return "\n\n".join(texts) + "\n"


def provenance(made: Made) -> str:
    """By which command, with which seeds, at which commits and by which versions the runs were made."""
    done = made.done
    seeds = sorted({run.seed for run in made.runs})
    said = [f"Made by `{made.command}` from {len(done)} of {len(made.runs)} runs"]
    said[0] += f", {duration(made.seconds)} of computing (sum of `wall_seconds`)"
    said.append(f"{len(seeds)} seeds ({', '.join(map(str, seeds))})" if len(seeds) > 1 else f"one seed ({seeds[0]})")
    said += [_commits(done), *_versions(done)] if done else []
    return "; ".join(said) + "."


def _commits(rows: Sequence[Result]) -> str:
    """The commits whose code made these rows: `commit 1a2b`, or `commits 1a2b (3 runs) and 3c4d (1 run)`."""
    found = Counter(row.get("versions", {}).get("commit") or "unknown" for row in rows)
    if len(found) == 1:
        (commit,) = found
        return "unknown commit" if commit == "unknown" else f"commit {commit}"
    told = [f"{commit} ({number} run{'s' * (number > 1)})" for commit, number in found.items()]
    return f"commits {', '.join(told[:-1])} and {told[-1]}"


def _versions(rows: Iterable[Result]) -> list[str]:
    """Versions of what decides a result's digits, as one text; nothing if none is known."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row.get("versions", {}).items():
            if name != "commit":
                versions.setdefault(name, set()).add(version)
    told = ", ".join(f"{name} {' and '.join(sorted(found))}" for name, found in versions.items())
    return [told] if told else []


def index(made: Sequence[Made], failed: Mapping[str, str], left: Mapping[str, int] | None = None) -> str:
    """A page of all items: command, time taken, agreement with the paper's known numbers, known gaps.

    Args:
        made: the items that were made.
        failed: names of those that could not be, and why.
        left: names of those that were left as they are, and from how many runs of earlier code they were made.
    """
    rows = [
        {
            "item": f"[{Path(one.name).stem}]({Path(one.name).stem}/{one.stem}.md)",
            "what": one.item.title,
            "command": f"`{one.command}`",
            "runs": f"{len(one.done)} of {len(one.runs)}",
            "computing": duration(one.seconds),
            "does it agree with the paper?": one.item.verdict,
            "known gaps": " ".join(one.item.gaps),
        }
        for one in made
    ]
    for name, runs in (left or {}).items():
        item = load(name)
        link = f"[{name}]({name}/{name}.md)"
        rows.append({"item": link, "what": item.title, "command": f"`dashprune reproduce {name}`",
                     "runs": f"{runs}, of earlier code", "does it agree with the paper?": item.verdict,
                     "known gaps": " ".join(item.gaps)})  # fmt: skip
    quick = [QUICK] if any(one.quick for one in made) else []
    parts = ["# The paper's tables and figures", *quick, _github(pd.DataFrame(rows).fillna(""))]
    each = {row["id"]: row.get("wall_seconds") or 0.0 for one in made for row in one.done}
    if each:
        total = sum(each.values())
        parts.append(
            f"Computing of the {len(each):,} runs of these items, each counted once and without those of earlier code: "
            f"{duration(total)} (sum of `wall_seconds`), which is {duration(total / 2)} on two cores."
        )
    parts += [f"{name} could not be made: {reason}" for name, reason in failed.items()]
    numbers = pd.concat([agreement(one) for one in made]) if made else pd.DataFrame()
    if len(numbers):
        parts += ["## Beside the paper's known numbers", AGREES, _github(numbers.fillna(""))]
    return "\n\n".join(parts) + "\n"


def agreement(made: Made) -> pd.DataFrame:
    """A line for each number that is known from the paper: it, ours, the difference, and what explains it.

    Numbers are in the units of the table. See `explained`.
    """
    found = []
    for table in made.item.tables:
        for row in frame(table, made.runs).to_dict("records"):
            for name in table.known:
                if not pd.isna(row[f"paper_{name}"]):
                    found.append(_beside(made, table, {str(key): value for key, value in row.items()}, name))
    return pd.DataFrame(found)


AGREES = (
    "They agree within three points of balanced accuracy, two of sparsity, and a quarter of an error. Where ours do "
    "not, `as published` says that the runs with the published protocol do: so the protocol explains the difference."
)
NEAR = {"balanced_accuracy": 0.03, "balanced_accuracy_all": 0.03, "sparsity": 0.02}
"""Differences from the paper that count as agreement; of an error, a quarter of it."""


def _beside(made: Made, table: Table, row: Mapping[str, Any], name: str) -> dict[str, str]:
    score, factor = SCORES[name], SCORES[name].factor(table.mse_unit)

    def shown(value: float, sign: str = "") -> str:
        return tables.text(value * factor, math.nan, f"{sign}{score.unit_digits}")

    known, ours = row[f"paper_{name}"], row[name]
    others = {heading: row[f"{heading}_{name}"] for heading in table.beside}
    return {
        "item": Path(made.name).stem,
        "table": table.title,
        "strategy": str(row["strategy"]),
        "score": score.title(table.mse_unit),
        "paper": f"{known * factor:.10g}",
        "ours": shown(ours),
        "difference": shown(ours - known, "+"),
        **{heading: shown(value) for heading, value in others.items()},
        "agrees": explained(ours, known, others, NEAR.get(name, known / 4)),
    }


def explained(ours: float, paper: float, others: Mapping[str, float], near: float) -> str:
    """Whether a number of ours is near the paper's, or else one of the columns beside it.

    Args:
        ours: in the table's own column; NaN if nothing is done.
        paper: the paper's.
        others: what the columns beside it have, by their headings.
        near: the largest difference that counts as agreement.
    """
    if math.isnan(ours):
        return "not done"
    if abs(ours - paper) <= near:
        return "yes"
    for heading, value in others.items():
        if abs(value - paper) <= near:
            return heading
    closer = [heading for heading, value in others.items() if abs(value - paper) < abs(ours - paper)]
    return f"no; {closer[0]} is closer" if closer else "no"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `42 s`, `12 min`, `3.1 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def _github(shown: pd.DataFrame) -> str:
    """As Markdown, with links of ours."""
    return tabulate(shown.to_dict("list"), headers="keys", tablefmt="github", disable_numparse=True)
