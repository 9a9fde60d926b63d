"""How well runs with a prior judged it, where the truth is known: a line per run.

    python scripts/judge_priors.py outputs/runs outputs/paper/outside_priors/judged.csv dream4 gnw hillnet sim350

Every run below the first folder that estimated the reliability of its prior is compared with the gold standard: whether
the 95 % interval of the reliability holds the share of the prior's edges that are real, and how many of the edges that
the run cut (contradicted) are false (precision), and of the false ones are cut (recall). Only pairs that the gold
standard could have count.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from dashprune import files
from dashprune.data.sparse import dense
from dashprune.runs import identity, results
from dashprune.runs.checked import check

COLUMNS = (
    "dataset", "options", "seed", "id", "edges of the prior", "real", "reliability", "low", "high", "holds",
    "contradicted", "precision", "recall",
)  # fmt: skip


def judged(folder: Path, row: results.Result) -> list[object] | None:
    """The line of a run; None if it estimated no reliability, or nobody knows the truth."""
    if row.get("prior_reliability") is None:
        return None
    problem = check({**row["config"], "device": "cpu"}).problem()
    if problem.truth is None or problem.evaluable is None:
        return None
    every = slice(None)
    counts = (dense(problem.prior, every) != 0) & problem.evaluable.block(every)
    real = dense(problem.truth, every)
    network = pd.read_csv(folder / "network.tsv", sep="\t", dtype={"source": str, "target": str})
    place = {gene: k for k, gene in enumerate(problem.genes)}
    kept = np.zeros_like(counts)
    kept[[place[gene] for gene in network["source"]], [place[gene] for gene in network["target"]]] = True
    cut, false = counts & ~kept, counts & ~real
    share, right = float(real[counts].mean()), int((cut & false).sum())
    low, high = row["prior_reliability_low"], row["prior_reliability_high"]
    options = {key: value for key, value in identity.flat(row["config"]["dataset"]).items() if key in OPTIONS}
    return [
        row["dataset"], " ".join(f"{key}={value}" for key, value in options.items()), row["seed"], row["id"],
        int(counts.sum()), f"{share:.4f}", *(f"{row['prior_reliability' + end]:.4f}" for end in ("", "_low", "_high")),
        int(low <= share <= high), int(cut.sum()),
        f"{right / cut.sum():.3f}" if cut.any() else "", f"{right / false.sum():.3f}" if false.any() else "",
    ]  # fmt: skip


OPTIONS = ("size", "network", "prior_noise", "train", "decay_spread", "delay", "intrinsic", "multiplicative",
           "perturbation", "activity")  # fmt: skip
"""Keys of a dataset that tell its runs apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="folder of the runs")
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("datasets", nargs="*", help="only of these, whose gold standard says of every pair what it is")
    words = parser.parse_args()
    runs = results.by_folder(words.runs).items()
    found = [judged(folder, row) for folder, row in runs if not words.datasets or row["dataset"] in words.datasets]
    lines = sorted((line for line in found if line is not None), key=lambda line: [str(cell) for cell in line[:3]])
    files.write(words.out, files.delimited(COLUMNS, lines, ","))
    held = sum(int(str(line[9])) for line in lines)
    print(f"{words.out}: {len(lines)} runs; the interval of the reliability holds the truth in {held}")


if __name__ == "__main__":
    main()
