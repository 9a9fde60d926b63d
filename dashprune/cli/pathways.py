"""`dashprune pathways`: test which pathways hold the influential genes of a run's network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dashprune import escaping, files
from dashprune.cli.parser import Parser, written
from dashprune.errors import put, say

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """\
Test which pathways hold the genes that a run's network makes most of.

A gene's influence is its share of the regulation of every other gene, summed over these; or, with --influence
perturbation, by how much all others change when its value alone is raised. A pathway's mean influence is
tested against as many genes drawn at random: z, p by permutation, and p adjusted for all pathways, after Bonferroni and
after Benjamini and Hochberg. A star marks what is significant after Bonferroni at 0.05. z_prior is z of the prior
network by itself. All pathways are written to a CSV file, with p of the normal distribution, and with those that have
the same genes.

reactome (human) and go_slim (yeast, processes) are had by: dashprune data fetch gene_sets
"""

EXAMPLES = """\
examples:
  dashprune pathways outputs/runs/brca/phoenix/dash/ID --gmt reactome
  dashprune pathways outputs/runs/yeast/phoenix/dash/ID --gmt go_slim --top 10
  dashprune pathways outputs/runs/custom/phoenix/dash/ID --gmt my.gmt --background all --out pathways.csv
"""


def main(words: list[str]) -> int:
    chosen = _parser().parse_args(words)

    from dashprune.analysis import pathways
    from dashprune.data import gene_sets

    rules = pathways.Rules(chosen.min_size, chosen.max_size, chosen.permutations, chosen.background, chosen.seed)
    sets = gene_sets.load(chosen.gmt)
    table, text = pathways.analysis([chosen.run], sets, rules, chosen.influence)
    out = chosen.out or chosen.run / f"pathways.{Path(chosen.gmt).stem}.csv"
    _write(out, table)
    put(pathways.markdown(table, chosen.top))
    say(f"{text}; {table['significant'].sum()} are significant")
    say(f"written to {out}")
    return 0


def _parser() -> Parser:
    parser = Parser(prog="dashprune pathways", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    gmt = "gene sets: reactome, go_slim, or a GMT file (per line a name, a description and genes, by tabs)"
    parser.add_argument("--gmt", required=True, metavar="FILE", help=gmt)
    parser.add_argument("--top", type=count, default=20, metavar="N", help="pathways to print (default: 20)")
    permutations = "random sets per pathway, which limit how small p can be (default: 100000)"
    parser.add_argument("--permutations", type=count, default=100_000, metavar="N", help=permutations)
    kinds = "of genes: share of regulation (the default), or the change of others after a perturbation"
    parser.add_argument("--influence", choices=["share", "perturbation"], default="share", help=kinds)
    smallest = "leave out pathways with fewer of the network's genes (default: 5)"
    parser.add_argument("--min-size", type=count, default=5, metavar="N", help=smallest)
    largest = "leave out pathways with more (default: 500)"
    parser.add_argument("--max-size", type=count, default=500, metavar="N", help=largest)
    background = "random genes are drawn from those in some gene set (annotated, the default), or from all"
    parser.add_argument("--background", choices=["annotated", "all"], default="annotated", help=background)
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="of the permutations (default: 0)")
    parser.add_argument(
        "--out", type=written, metavar="FILE", help="CSV of all pathways (default: RUN/pathways.GMT.csv)"
    )
    return parser


def count(text: str) -> int:
    """A whole number that is not negative."""
    if (number := int(text)) < 0:
        raise ValueError(text)
    return number


def _write(path: Path, table: pd.DataFrame) -> None:
    with files.writing("the pathways", path, "choose another with --out FILE"):
        files.write(path, escaping.delimited(table))
