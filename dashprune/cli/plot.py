"""`dashprune plot`: pictures of a run."""

from __future__ import annotations

from pathlib import Path

from dashprune.cli.parser import Parser, written
from dashprune.errors import DashpruneError, put

DESCRIPTION = """\
Draw pictures of a run that is done, each as PNG and PDF:

  history       loss, validation error and sparsity over epochs; events of pruning and the reported epoch are marked
  trajectories  held-out expression of a few genes, and what the model predicts from one point to the next, and from the
                first point on
  degrees       how many edges leave and reach a gene, in the pruned network, the gold standard and the prior

RUN is a run's folder, or the first digits of its id, which is looked for below outputs/runs.
"""

EXAMPLES = """\
examples:
  dashprune plot outputs/runs/sim350/phoenix/dash/2c4de33f470a
  dashprune plot 2c4d                              the same, if no other id begins so
  dashprune plot 2c4d --genes GAL1,FUR4 --out pictures
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune plot",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run, or the first digits of its id")
    parser.add_argument("--genes", metavar="A,B,C", help="whose trajectories to draw (default: six that vary most)")
    parser.add_argument("--out", type=written, metavar="DIR", help="folder for the pictures (default: RUN/figures)")
    chosen = parser.parse_args(words)
    genes = None if chosen.genes is None else [name.strip() for name in chosen.genes.split(",") if name.strip()]
    if genes == []:
        raise DashpruneError("--genes: no gene is named; give names separated by commas, such as --genes GAL1,FUR4")

    from dashprune.runs import identity

    folder = identity.find_run(chosen.run, Path("outputs", "runs"))

    from dashprune.figures import run_pictures

    put("\n".join(map(str, run_pictures.draw(folder, chosen.out or folder / "figures", genes))))
    return 0
