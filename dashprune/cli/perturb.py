"""`dashprune perturb`: what a run's model says of knock-outs and overexpression."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dashprune.cli.parser import Parser, count, written
from dashprune.errors import DashpruneError, put, say

if TYPE_CHECKING:
    import pandas as pd

    from dashprune.analysis.knockouts import Change

DESCRIPTION = """\
Knock out or overexpress genes in the model of a finished run, and say what becomes of all others.

From measured states (first points of at most ten trajectories, of the test split if there is one), or from a steady
state, the model is solved for as long as was measured, with and without the perturbation. A gene that is knocked out is
held at 0, and one that is overexpressed at a value; one that is silenced is not produced any more, and decays.

It prints the genes that change most at the end, with the path from a perturbed gene by which most of the regulation
goes, and writes all genes to perturbation.csv, and the courses to courses.csv. Of several RUNs, such as seeds or
bootstrap samples, it gives the mean, and the least and largest change (low, high).

--scan knocks out every regulator, one at a time: scan.csv has the change of every gene (a column) by each (a row),
influence.csv scores of all genes, and scan.png shows the strongest.
"""
EXAMPLES = """\
examples:
  dashprune perturb 2c4d --knockout GAL4
  dashprune perturb 2c4d 83ab 9f01 --knockout GAL4,GAL80 --overexpress MIG1=0.9
  dashprune perturb 2c4d --scan --from steady --out scans
"""


def main(words: list[str]) -> int:
    parser = Parser(prog="dashprune perturb", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs, or the first digits of their ids")
    parser.add_argument("--knockout", metavar="A,B", default="", help="genes held at 0")
    parser.add_argument("--silence", metavar="A,B", default="", help="genes that are not produced any more")
    parser.add_argument("--overexpress", metavar="A=VALUE,B=VALUE", default="", help="genes held at a value")
    parser.add_argument("--scan", action="store_true", help="knock out every regulator, one at a time; of one run")
    starts = "measured states (the default) or a steady state to start from"
    parser.add_argument("--from", dest="start", choices=["measured", "steady"], default="measured", help=starts)
    parser.add_argument("--top", type=count, default=20, metavar="N", help="genes to print (default: 20)")
    parser.add_argument("--out", type=written, metavar="DIR", help="folder for the files (default: RUN/perturbation)")
    chosen = parser.parse_args(words)
    done = _done(chosen.knockout, chosen.silence, chosen.overexpress)
    if chosen.scan == bool(done):
        raise DashpruneError("give either --scan, or genes by --knockout, --silence or --overexpress")
    if chosen.scan and len(chosen.runs) > 1:
        raise DashpruneError("--scan is of one run; name one RUN")

    from dashprune.runs import identity

    folders = [identity.find_run(run, Path("outputs", "runs")) for run in chosen.runs]
    out = chosen.out or folders[0] / "perturbation"
    if chosen.scan:
        return _scan(folders[0], chosen.start == "steady", out, chosen.top)
    return _perturb(folders, done, chosen.start == "steady", out, chosen.top)


def _done(knockout: str, silence: str, overexpress: str) -> dict[str, float | str]:
    """Of each gene the level at which it is held, or that it is silent."""
    from dashprune.analysis.knockouts import SILENT

    names = [(name.strip(), what) for text, what in ((knockout, 0.0), (silence, SILENT)) for name in text.split(",")]
    given: list[tuple[str, float | str]] = [(name, what) for name, what in names if name]
    for word in (word.strip() for word in overexpress.split(",") if word.strip()):
        name, equals, text = word.rpartition("=")
        try:
            level = float(text)
        except ValueError:
            level = math.nan
        if not equals or not name or not math.isfinite(level):
            raise DashpruneError(f"--overexpress: '{word}' is not GENE=VALUE, such as GAL4=0.9")
        given.append((name, level))
    twice = [name for name, number in Counter(name for name, _ in given).items() if number > 1]
    if twice:
        raise DashpruneError(f"'{twice[0]}' is named twice; choose what is done to it")
    return dict(given)


def _perturb(folders: Sequence[Path], done: dict[str, float | str], steady: bool, out: Path, top: int) -> int:
    from dashprune import escaping, files
    from dashprune.analysis import knockouts

    if len({folder.resolve() for folder in folders}) < len(folders):
        raise DashpruneError("a run is named twice; give different runs")
    found = [knockouts.perturbed(folder, done, steady) for folder in folders]
    problem, data = found[0][0], _data(folders[0])
    for folder, (other, change) in zip(folders, found, strict=True):
        if other.genes != problem.genes or _data(folder) != data or list(change.times) != list(found[0][1].times):
            raise DashpruneError(f"{folder} has other data than {folders[0]}; give runs on the same dataset")
    table = knockouts.most_changed([change for _, change in found], problem.genes)
    shown = table.head(top)
    shown = shown.assign(path=knockouts.paths(folders[0], list(done), list(shown["gene"])))
    with files.writing("the perturbation", out, "choose another with --out DIR"):
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / "perturbation.csv", escaping.delimited(table))
        files.write(out / "courses.csv", escaping.delimited(_courses([change for _, change in found], problem.genes)))
    text = shown.assign(**{name: shown[name].map("{:.4g}".format) for name in ("plain", "changed", "change")})
    text["change"] += [f" ({low:.3g} to {high:.3g})" if len(found) > 1 else ""
                       for low, high in zip(shown["low"], shown["high"], strict=True)]  # fmt: skip
    put(escaping.markdown(text[["gene", "plain", "changed", "change", "path"]]))
    say(f"written to {out}")
    return 0


def _data(folder: Path) -> object:
    """Identity of the data of a run, but for what its seed draws."""
    from dashprune.runs import results

    row = results.load(folder)
    if row is None:
        return None
    settings = {key: value for key, value in row["config"]["dataset"].items() if key != "seed"}
    return row.get("data"), settings


def _courses(changes: Sequence[Change], genes: Sequence[str]) -> pd.DataFrame:
    """A row per gene and time: means over runs, without and with the perturbation."""
    import numpy as np
    import pandas as pd

    times = changes[0].times
    plain, changed = (np.mean([getattr(one, name) for one in changes], axis=0) for name in ("plain", "changed"))
    rows = {"gene": np.tile(genes, len(times)), "time": np.repeat(times, len(genes))}
    return pd.DataFrame({**rows, "plain": plain.ravel(), "changed": changed.ravel()})


def _scan(folder: Path, steady: bool, out: Path, top: int) -> int:
    from dashprune import escaping, figures, files
    from dashprune.analysis import knockouts

    _, changes, scores = knockouts.scan(folder, steady)
    with files.writing("the scan", out, "choose another with --out DIR"):
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / "scan.csv", escaping.delimited(changes.reset_index()))
        files.write(out / "influence.csv", escaping.delimited(scores))
    figures.save(figures.knockout_map(changes, "Change of expression by the knock-out of a regulator"), out / "scan")
    text = scores.head(top)
    text = text.assign(**{name: text[name].map("{:.3g}".format) for name in ("knockout", "influence")})
    put(escaping.markdown(text.astype(str)))
    say(f"written to {out}")
    return 0
