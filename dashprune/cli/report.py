"""`dashprune report`: a run as one page that any browser opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashprune.cli.parser import Parser, count, written
from dashprune.errors import put

if TYPE_CHECKING:
    from dashprune.runs.results import Result

DESCRIPTION = """\
Write a run as one HTML file, which any browser opens without a network: scores beside what is to be beaten, and what
they mean; the network as a graph, and its edges as a table, both to be searched; regulators by influence and over time;
expression measured and predicted of any gene; training; and what to beware of, on top.

RUN is a run's folder, or the first digits of its id, which is looked for below outputs/runs. Given a folder of runs of
one dataset, it is of the run with the least validation error, beside all others.
"""
EXAMPLES = """\
examples:
  dashprune report 2c4d
  dashprune report outputs/runs/brca --gmt reactome      the run with the least validation error
  dashprune report 2c4d --compare 83ab --out page.html   with a section on how the two networks differ
"""


def main(words: list[str]) -> int:
    parser = Parser(prog="dashprune report", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="folder of a run or of runs, or the first digits of an id")
    parser.add_argument(
        "--edges", type=count, default=150, metavar="N", help="edges that the graph shows at first (default: 150)"
    )
    gmt = "gene sets to test: reactome, go_slim, or a GMT file"
    parser.add_argument("--gmt", metavar="FILE", help=gmt)
    parser.add_argument(
        "--compare", action="append", default=[], metavar="RUN", help="another run to compare with; may be repeated"
    )
    parser.add_argument(
        "--out", type=written, metavar="FILE", help="file to write (default: report.html in the folder)"
    )
    chosen = parser.parse_args(words)

    from dashprune.data import gene_sets
    from dashprune.reports import content, page
    from dashprune.runs import identity

    root = identity.find_run(chosen.run, Path("outputs", "runs"))
    folder, rows, sweep = _chosen(root)
    sets = None if chosen.gmt is None else gene_sets.load(chosen.gmt)
    aside: dict[str, Any] = {"sweep": sweep}
    if chosen.compare:
        others = [identity.find_run(name, Path("outputs", "runs")) for name in chosen.compare]
        aside["compared"] = _compared([folder, *others])
    text = page.html(content.gather(folder, rows, sets), chosen.edges, aside)
    path = chosen.out or root / "report.html"
    page.write(path, text)
    put(str(path))
    return 0


def _chosen(root: Path) -> tuple[Path, list[Result], str | None]:
    """The run, the rows beside it, and how it was chosen where `root` holds several."""
    from dashprune.reports import content
    from dashprune.runs import results

    row = results.load(root)
    if row is not None:
        *_, dataset, model, pruner, name = ("", "", "", *root.resolve().parts)
        in_place = (dataset, model, pruner, name) == tuple(row[key] for key in ("dataset", "model", "pruner", "id"))
        around = root.resolve().parents[2] if in_place else root
        return root, list(results.by_folder(around).values()), None
    found = results.by_folder(root)
    folder = content.best(root, found)
    text = "Of the runs on these data it has the least validation error." if len(found) > 1 else None
    return folder, list(found.values()), text


def _compared(folders: list[Path]) -> dict[str, Any]:
    """Tables and the picture of `dashprune compare`."""
    import io

    from dashprune import figures
    from dashprune.analysis import rewiring
    from dashprune.reports import page

    found = rewiring.compare(rewiring.read([[folder] for folder in folders], [None] * len(folders)))
    file = io.BytesIO()
    figures.networks_compared(found.pairs, found.hubs, "").savefig(file, format="png", dpi=150)
    pairs = found.pairs.drop(columns="p")
    return {"pairs": pairs, "hubs": found.hubs, "targets": found.targets, "picture": page.picture(file.getvalue())}
