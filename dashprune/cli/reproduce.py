"""`dashprune reproduce`: the paper's tables and figures by name."""

from __future__ import annotations

import argparse
import contextlib
import math
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dashprune import files
from dashprune.cli import main as command_line
from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, did_you_mean, put, say

if TYPE_CHECKING:
    from dashprune.paper.items import Item, Run
    from dashprune.paper.pages import Made
    from dashprune.runs.results import Result

DESCRIPTION = """\
Make a table or figure of the paper, beside the paper's numbers as far as they are known here.

ITEM is the name of a file under conf/paper/, which says what runs it needs; or `all`; or the path of such a file
of your own. Runs that are done are not repeated; those that are missing are made; then OUTPUTS/paper/ITEM/ is written:
a table as CSV, Markdown and LaTeX, a figure as PNG and PDF. A run that fails is a gap in the item, and the exit code is
2. `all` also writes OUTPUTS/paper/index.md.
"""

EXAMPLES = """\
examples:
  dashprune reproduce table1 --dry-run     its runs, those done, and the time left
  dashprune reproduce table1               hours of computing; goes on where it was
  dashprune reproduce table1 --no-run      the table from the runs that are done so far
  dashprune reproduce table1 --quick       fewer epochs and seeds, to see what comes out
  dashprune reproduce table1 --keep        takes its written rows as done, although the runs' folders are not here
  dashprune reproduce table1 --check       makes one run again, and compares it with its row in table1.runs.csv
  dashprune reproduce all --launcher joblib
"""


class MadeFromMoreError(DashpruneError):
    """An item is left as it is, since it was made from more `runs` than are done now."""

    def __init__(self, runs: int, message: str) -> None:
        super().__init__(message)
        self.runs = runs


def main(words: list[str]) -> int:
    chosen = _parser().parse_args(words)

    from dashprune.paper.items import names

    if chosen.launcher not in (None, "basic"):
        _check_launcher(chosen.launcher)
    if chosen.check is not None:
        return _check(chosen)
    if chosen.item != "all":
        made = _plan(chosen.item, chosen)
        return _preview([made], _root(chosen)) if chosen.dry_run else _make(made, chosen, set())
    return _preview_all(names(), chosen) if chosen.dry_run else _all(names(), chosen)


def _parser() -> Parser:
    parser = Parser(
        prog="dashprune reproduce",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "item",
        metavar="ITEM",
        help="table1, table2, table2_yeast, table6, table9, table10, fig2, fig3, fig5, fig6, fig_lineages, "
        "fig_coregulation, noise, depth; not in the paper: beyond_priors, "
        "beyond_networks, beyond_data, outside_alone, outside_knockouts, outside_priors, outside_ecoli, "
        "outside_switches, outside_trajectories, outside_novel, interventions; all",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list the runs, which are done, and the time that the others may take"
    )
    parser.add_argument("--no-run", action="store_true", help="start no run; write what those done give")
    parser.add_argument(
        "--quick", action="store_true", help="fewer epochs and seeds, in OUTPUTS/quick; no reproduction"
    )
    parser.add_argument(
        "--outputs", default="outputs", metavar="DIR", help="folder of runs and paper (default: outputs)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="write an item, even in place of one made from more runs"
    )
    parser.add_argument(
        "--keep", action="store_true", help="take the rows of ITEM.runs.csv as done, without their runs' folders"
    )
    parser.add_argument(
        "--check",
        nargs="?",
        const="",
        metavar="ID",
        help="make a run of ITEM.runs.csv again, by default the quickest"
        " of a strategy, and compare; exit code 1 if it differs",
    )
    parser.add_argument("--launcher", metavar="NAME", help="Hydra's launcher of the runs, such as joblib")
    return parser


def _check_launcher(name: str) -> None:
    """Or a mistake would be found after hours."""
    from dashprune.config import compose_sweep

    if not name.isidentifier() or name == "null":
        raise DashpruneError(f"--launcher {name}: this is no name of a launcher; give one, such as joblib")
    compose_sweep([f"hydra/launcher={name}"])


def launch(words: Sequence[str]) -> None:
    """Run a sweep as `dashprune run -m` does; a run that fails is reported on standard error and stops no other."""
    with contextlib.redirect_stdout(sys.stderr):  # its rows; standard output is for what was asked for
        code = command_line.main(["run", "-m", *words])
    if code == 130:  # interrupted, which has been said
        sys.exit(code)


def _all(names: Sequence[str], chosen: argparse.Namespace) -> int:
    """Every item; one that cannot be made does not stop the others."""
    from dashprune.paper import pages

    made: list[Made] = []
    failed: dict[str, str] = {}
    left: dict[str, int] = {}
    tried: set[str] = set()
    code = 0
    for name in names:
        try:
            one = _plan(name, chosen)
            code = max(code, _make(one, chosen, tried))
            made.append(one)
        except MadeFromMoreError as error:
            say(str(error))
            left[name], code = error.runs, 2
        except DashpruneError as error:
            say(f"{name}: {error}")
            failed[name], code = str(error), 2
    path = _root(chosen) / "paper" / "index.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, pages.index(made, failed, left))
    say(f"written to {path}")
    return code


def _preview_all(names: Sequence[str], chosen: argparse.Namespace) -> int:
    """Print the runs of every item, and what is left of all."""
    made, code = [], 0
    for name in names:
        try:
            made.append(_plan(name, chosen))
        except DashpruneError as error:
            say(f"{name}: {error}")
            code = 2
    return max(code, _preview(made, _root(chosen)))


def _root(chosen: argparse.Namespace) -> Path:
    return Path(chosen.outputs, "quick") if chosen.quick else Path(chosen.outputs)


def _plan(name: str, chosen: argparse.Namespace) -> Made:
    from dashprune.paper.items import load, plan
    from dashprune.paper.pages import Made

    item = load(name)
    made = Made(name, item, (), chosen.quick)
    kept = _rows(made, chosen) if chosen.keep and _tabular(item) else {}
    return replace(made, runs=plan(item, _root(chosen), chosen.quick, kept))


def _tabular(item: Item) -> bool:
    """Whether an item is made of rows alone; other figures look at the runs' models."""
    return item.figure is None or item.figure.draw in ("sparsity_accuracy", "priors")


def _rows(made: Made, chosen: argparse.Namespace) -> dict[str, Result]:
    """The rows of an item's file of runs, by their ids; none if there is no file."""
    from dashprune.paper import rows

    path = _root(chosen) / "paper" / Path(made.name).stem / f"{made.stem}.runs.csv"
    return rows.read(path) if path.exists() else {}


def _check(chosen: argparse.Namespace) -> int:
    """Make one run of an item again, in a folder that is then removed, and compare it with its row."""
    import tempfile

    from dashprune.paper import rows
    from dashprune.runs import results

    if chosen.item == "all":
        raise DashpruneError("--check compares a run of one item; name it instead of 'all'")
    made = _plan(chosen.item, argparse.Namespace(**{**vars(chosen), "keep": False}))
    written = _rows(made, chosen)
    planned = {run.folder.name: run for run in made.runs if run.folder.name in written}
    run = planned[_chosen_id(chosen, written, planned)]
    say(f"made again: dashprune run {shlex.join(run.overrides)}")
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(sys.stderr):
            code = command_line.main(["run", *run.overrides, f"outputs={folder}"])
        if code:
            return code
        ((now),) = results.collect(Path(folder))
    own = written[run.folder.name]
    alike = [row for row in written.values() if all(row.get(name) == own.get(name) for name in rows.ALIKE)]
    found = rows.differences(own, now, alike)
    put(f"{made.name}, run {run.folder.name} ({' '.join(run.names[1:])}, seed {run.seed}): {rows.verdict(found)}")
    for one in found:
        spread = "" if math.isnan(one.spread) else f", seeds differ by {one.spread:.2g}"
        put(f"  {one.score}: {one.written:.10g} written, {one.now:.10g} now (by {100 * one.relative:.2g} %{spread})")
    return int(rows.verdict(found) == rows.DIFFERENT)


def _chosen_id(chosen: argparse.Namespace, written: Mapping[str, Result], planned: Mapping[str, Run]) -> str:
    """The id that is asked for, or else that of the quickest run of a strategy, or else of any."""
    if not planned:
        raise DashpruneError(
            f"{chosen.item}: none of the runs in its file of runs is planned by this code; make it with it first"
        )
    found = [one for one in planned if one.startswith(chosen.check)]
    if not found:
        hint = did_you_mean(chosen.check, planned)
        raise DashpruneError(f"--check {chosen.check}: no run of {chosen.item} has an id that begins so{hint}")
    return min(found, key=lambda one: (planned[one].is_control, written[one].get("wall_seconds") or 0.0))


def _make(made: Made, chosen: argparse.Namespace, tried: set[str]) -> int:
    """Launch the sweeps of which runs are missing, but for those already `tried`; then write the item."""
    from dashprune.paper import pages
    from dashprune.paper.items import sweeps

    for number, words in enumerate(sweeps(made.item, made.quick)):
        wanted = not chosen.no_run and shlex.join(words) not in tried
        if wanted and any(run.sweep == number for run in made.missing):
            tried.add(shlex.join(words))
            launch(_prepared(words, chosen))
    folder = _root(chosen) / "paper" / Path(made.name).stem
    there = pages.runs_behind(made, folder)
    if there > len(made.done) and not chosen.replace:
        raise MadeFromMoreError(
            there,
            f"{made.name}: {folder} was made from {there} runs, of which {len(made.done)} are done below "
            f"'{_root(chosen)}'; it is kept as it is. To write it all the same: --replace, or another --outputs DIR",
        )
    put(str(pages.write(made, folder)))
    say(f"written to {folder}")
    if not made.missing:
        return 0
    gaps = f"{len(made.missing)} of {len(made.runs)} runs are missing"
    say(f"{made.name}: {gaps}; repeat the command to try them again")
    return 2


def _prepared(words: Sequence[str], chosen: argparse.Namespace) -> list[str]:
    """The words of a sweep with the folder of results, quoted for Hydra, and the launcher."""
    folder = str(_root(chosen)).replace("'", r"\'")
    prepared = [*words, f"outputs='{folder}'"]
    if chosen.launcher in (None, "basic"):
        return prepared
    apart = [word for word in prepared if not word.startswith("vectorize=")]  # which takes one process
    return [*apart, f"hydra/launcher={chosen.launcher}"]


def _preview(made: Sequence[Made], outputs: Path) -> int:
    """Print the runs of items, which are done, and an estimate of the time left, by those that are done or written."""
    from dashprune.paper import pages
    from dashprune.paper.estimates import Estimates, written
    from dashprune.paper.items import finished, sweeps

    runs = {run.folder: run for one in made for run in one.runs}
    estimates = Estimates([*written(runs.values(), outputs), *finished(outputs)])
    left: dict[Path, tuple[float | None, str]] = {}
    for one in made:
        put(f"{one.item.title}{' (' + pages.QUICK + ')' if one.quick else ''}")
        expected = {run.folder: estimates.of(run) for run in one.missing}
        left.update(expected)
        for number, words in enumerate(sweeps(one.item, one.quick)):
            put(f"\ndashprune run -m {shlex.join(words)}")
            for run in one.runs:
                if run.sweep == number:
                    put(f"  {_state(run, expected.get(run.folder))}  {' '.join(run.overrides)}")
        put(f"\n{one.name}: {len(one.runs)} runs, {len(one.runs) - len(expected)} done; {_left(expected.values())}")
    if len(made) > 1:
        done = len(runs) - len(left)
        put(f"\nall: {len(runs)} runs, each counted once, {done} done; {_left(left.values())}")
    return 0


def _left(expected: Iterable[tuple[float | None, str]]) -> str:
    """How much time the missing runs may take together."""
    from dashprune.paper.pages import duration

    times = [seconds for seconds, _ in expected]
    known = [seconds for seconds in times if seconds is not None]
    total = sum(known)
    said = [f"about {duration(total)} of computing left, {duration(total / 2)} on two cores"] if known else []
    said += [f"unknown time left for {len(times) - len(known)} runs"] if len(known) < len(times) else []
    return " and ".join(said) or "nothing left to do"


def _state(run: Run, expected: tuple[float | None, str] | None) -> str:
    from dashprune.paper.pages import duration

    if expected is None:
        row = run.result or {}
        return f"done  {duration(row.get('wall_seconds') or 0.0):>8}"
    seconds, source = expected
    return f"to do {'unknown' if seconds is None else '~' + duration(seconds):>8} ({source})"
