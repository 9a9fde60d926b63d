"""`dashprune tables`: collect results into tables."""

from __future__ import annotations

from dashprune.cli.parser import Parser
from dashprune.errors import put, say

DESCRIPTION = """\
Collect every result.json below ROOT into ROOT/tables/results.csv, .md and .tex, and print the Markdown.

Runs that differ only in their seeds share a line, with mean and standard deviation. Sparsity, balanced accuracy, AUROC
and AUPRC are fractions; mse_persistence is the error of predicting no change at all. auprc_novel, auroc_novel and
precision_novel@K (that of the first K pairs by score) look at pairs outside of the prior only. epochs_after_pruning
counts from the last cut, and is shown where it differs from epochs. If the runs were made by different code, a column
and a line below the table say which was made by which.

Below it, and in ROOT/tables/comparisons.csv and .md: strategies that share at least three seeds are compared with the
best one in balanced accuracy and in mse, by a paired t-test, with Holm's correction. "within noise" means that the
seeds cannot tell the two apart.
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune tables",
        description=DESCRIPTION,
        epilog="example:\n  dashprune tables outputs",
    )
    parser.add_root()
    parser.add_argument(
        "--strict", action="store_true", help="stop at a result.json that is none; by default it is left out"
    )
    chosen = parser.parse_args(words)
    root = parser.existing(chosen.root)

    from dashprune.analysis import comparisons, tables
    from dashprune.runs import results

    if chosen.strict:
        results.collect(root, strict=True)
    put(tables.markdown(tables.write(root)))
    compared = comparisons.markdown(comparisons.write(root))
    if compared:
        put(f"\n{compared}")
    say(f"written to {root / 'tables'}")
    return 0
