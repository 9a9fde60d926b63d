"""`dashprune compare`: how the networks of runs differ."""

from __future__ import annotations

from pathlib import Path

from dashprune.cli.parser import Parser, count, written
from dashprune.errors import DashpruneError, put, say

DESCRIPTION = """\
Compare networks: two runs, strategies, conditions or lineages.

Each NETWORK is a run, or several with commas between them, such as those of seeds or bootstrap samples; then an edge is
in the network if at least half of them kept it. It may be given a name: NAME=RUN,RUN.

It prints, for each pair, the edges that are shared or only in one, and the share that is (jaccard) beside that of
networks whose regulators have as many targets drawn at random (by_chance); the hubs that gain or lose most targets; and
the genes whose regulators differ most. pairs.csv, edges.csv, hubs.csv and targets.csv have all of it, and
comparison.png and .pdf show it.

With two networks of at least two runs each, p is by permutation: the runs are dealt out anew. Three runs against three
cannot have p below 0.05. Runs that differ in seed or bootstrap sample see the same measurements, so such a p is of
training, not of other samples of cells.
"""
EXAMPLES = """\
examples:
  dashprune compare 2c4d 83ab
  dashprune compare erythroid=2c4d,9f01,77be monocyte=83ab,5d20,e019 --out lineages
"""


def main(words: list[str]) -> int:
    parser = Parser(prog="dashprune compare", description=DESCRIPTION, epilog=EXAMPLES)
    what = "runs, by folder or first digits of the id, with commas between them"
    parser.add_argument("networks", nargs="+", metavar="NETWORK", help=what)
    parser.add_argument("--top", type=count, default=10, metavar="N", help="genes to print (default: 10)")
    parser.add_argument(
        "--out", type=written, metavar="DIR", help="folder for the files (default: comparison, in the first run's)"
    )
    chosen = parser.parse_args(words)
    if len(chosen.networks) < 2:
        raise DashpruneError("there is one network only; give at least two, such as: dashprune compare 2c4d 83ab")

    from dashprune import figures
    from dashprune.analysis import rewiring

    given = [_named(word) for word in chosen.networks]
    groups = rewiring.read([folders for _, folders in given], [name for name, _ in given])
    found = rewiring.compare(groups)
    out = chosen.out or given[0][1][0] / "comparison"
    rewiring.write(found, out)
    figures.save(figures.networks_compared(found.pairs, found.hubs, "Networks compared"), out / "comparison")
    put(rewiring.markdown(found, chosen.top))
    say(f"written to {out}")
    return 0


def _named(word: str) -> tuple[str | None, list[Path]]:
    """Of `NAME=RUN,RUN` or `RUN,RUN` the name and the folders."""
    from dashprune.runs import identity

    name, equals, runs = ("", "", word) if word.strip() and Path(word).is_dir() else word.rpartition("=")
    folders = [Path(word)] if word.strip() and Path(word).is_dir() else [
        identity.find_run(run.strip(), Path("outputs", "runs")) for run in runs.split(",") if run.strip()
    ]  # fmt: skip
    if not folders or (equals and not name.strip()):
        raise DashpruneError(f"'{word}' is not RUN, RUN,RUN or NAME=RUN,RUN")
    return name.strip() or None, folders
