"""From two CSV files to a pruned, drawn and judged network: python scripts/tour.py [FOLDER] [KEY=VALUE ...]

Everything is written to FOLDER (default: tour). Put your own expression.csv and prior.csv there, and they are used.
KEY=VALUE goes to every run, such as train.epochs=200.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import dashprune
from dashprune.analysis import tables
from dashprune.errors import DashpruneError, say
from dashprune.figures.run_pictures import draw
from dashprune.runs.finished import reported


def tour(folder: Path, words: list[str]) -> pd.DataFrame:
    """Take all ten steps; returns the table of the last one."""
    # 1. Two files: expression over time, a column per gene; and a rough network of who regulates whom.
    folder.mkdir(parents=True, exist_ok=True)
    expression, prior, gold = (folder / f"{name}.csv" for name in ("expression", "prior", "gold"))
    if not expression.exists():
        write_ring(expression, prior, gold)
    print(pd.read_csv(expression).head(3).to_string(index=False))

    # 2. A configuration: the same words as on the command line. Without a gold standard edges cannot be judged.
    data = [f"dataset.{key}='{path}'" for key, path in (("expression", expression), ("prior", prior))]
    data += [f"dataset.gold='{gold}'"] if gold.exists() else []
    shared = ["dataset=custom", *data, f"outputs='{folder / 'outputs'}'", *words]

    # 3. A run: train a neural ODE, cut what neither data nor prior support, evaluate. Repeating it costs nothing.
    row = dashprune.train_prune_eval(dashprune.compose([*shared, "pruner=dash"]))
    place = folder / "outputs" / "runs" / "custom" / "phoenix" / "dash" / row["id"]

    # 4. Does it predict? Near 1 it does no better than "no change", and its network means nothing.
    print(f"error over that of no change: {row['mse_relative']:.3f}; weights that were cut: {row['sparsity']:.1%}")

    # 5. What is to be beaten: the prior by itself, and a sparse regression without a neural model.
    controls = [
        dashprune.train_prune_eval(dashprune.compose([*shared, f"control={name}"])) for name in ("prior", "lasso_prior")
    ]

    # 6. The network, the strongest edges first.
    network = pd.read_csv(place / "network.tsv", sep="\t")
    print(network.head(8).to_string(index=False))

    # 7. Which of them does the prior not have?
    known = set(pd.read_csv(prior)[["source", "target"]].itertuples(index=False, name=None))
    edges = network[["source", "target"]].itertuples(index=False, name=None)
    novel = [f"{a} -> {b}" for a, b in edges if (a, b) not in known and a != b]
    print("the strongest that are not in the prior:", ", ".join(novel[:8]) or "none")

    # 8. The model itself, for whatever you want to do with it: here, the rate of change at rest.
    problem, model, _solver = reported(place)
    start = problem.train.expression[0, :1]
    print("dx/dt at the first measurement:", model(0.0, model.decay_rate().new_tensor(start)).detach().numpy().round(2))

    # 9. Pictures: how it was trained, what it predicts, how many edges genes have.
    for path in draw(place, place / "figures"):
        print("drawn:", path)

    # 10. All of it in one table, as `dashprune tables` makes it.
    table = tables.summary([row, *controls])
    print(tables.markdown(table))
    return table


def write_ring(expression: Path, prior: Path, gold: Path) -> None:
    """Eight genes in a ring, measured in eight samples; a prior that knows six of the edges and has one wrong one."""
    random = np.random.default_rng(0)
    genes = [f"G{k}" for k in range(8)]
    rows = []
    for sample in range(8):
        x = random.random(8)
        for step in range(60):
            if step % 6 == 0:
                rows.append([f"s{sample}", step / 10, *x])
            x = x + 0.1 * (1 / (1 + np.exp(-10 * (np.roll(x, 1) - 0.5))) - x)
    pd.DataFrame(rows, columns=["sample", "time", *genes]).to_csv(expression, index=False)
    ring = list(zip(genes, genes[1:] + genes[:1], strict=True))
    pd.DataFrame(ring, columns=["source", "target"]).to_csv(gold, index=False)
    pd.DataFrame([*ring[:6], ("G0", "G4")], columns=["source", "target"]).to_csv(prior, index=False)


if __name__ == "__main__":
    paths = [word for word in sys.argv[1:] if "=" not in word]
    try:
        tour(Path(paths[0] if paths else "tour"), [word for word in sys.argv[1:] if "=" in word])
    except DashpruneError as error:
        say(str(error))
        sys.exit(2)
