"""What checksums, flushes and second looks cost: this code against an older commit, ratios measured in one run.

    python scripts/cost_of_safety.py [--before 53a813c] [--runs 10] [--saves 40] [--out outputs/benchmarks/safety]

One process has each code, and they take turns: in each round both do the same, in changing order, and the ratio is
that of the round. Measured are a run of SIM350 from its configuration to its row, and saving and loading a checkpoint
of 11,165 genes. Writes README.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

REPOSITORY = Path(__file__).parents[1]
GENES = 11165
BEFORE = "53a813c"
"""The last commit without checksums of checkpoints."""


def work() -> None:
    """Do what standard input asks for, a line each, and answer with the seconds that it took."""
    from dashprune import compose, train_prune_eval
    from dashprune.runs import checkpoints

    sys.path.insert(0, str(Path.cwd() / "scripts"))
    import benchmark

    state = None
    for line in sys.stdin:
        what, folder, number = line.split()
        if what == "run":
            cfg = compose([f"seed={number}", f"outputs={folder}", "threads=1"])
            started = time.perf_counter()
            train_prune_eval(cfg)
        else:
            if state is None:
                state = benchmark.prepared(benchmark.genome(GENES))[2].state_dict()
            started = time.perf_counter()
            if what == "save":
                checkpoints.save(Path(folder), state)
            elif checkpoints.load(Path(folder)) is None:
                raise SystemExit("there is no checkpoint")
        print(time.perf_counter() - started, flush=True)


class Worker:
    """A process that has one of the codes."""

    def __init__(self, code: Path, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(parents=True)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work"], cwd=code, env={**os.environ, "PYTHONPATH": str(code)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def ask(self, what: str, number: int) -> float:
        """Seconds that something takes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        folder = self.folder / (f"outputs-{number}" if what == "run" else "run")
        self.process.stdin.write(f"{what} {folder} {number}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.folder.name}: the process ended at '{what}'")
        return float(answer)


def rounds(old: Worker, new: Worker, what: str, number: int) -> list[float]:
    """Ratios, new to old; a first round only warms up."""
    ratios = []
    for k in range(number + 1):
        order = (old, new) if k % 2 else (new, old)
        times = {worker.folder.name: worker.ask(what, k) for worker in order}
        ratios += [times["new"] / times["old"]] if k else []
    return ratios


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--saves", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/safety"))
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work()
        return
    with tempfile.TemporaryDirectory() as name:
        folder, git = Path(name), ["git", "-C", str(REPOSITORY)]
        subprocess.run([*git, "worktree", "add", "--detach", str(folder / "code"), chosen.before], check=True)
        try:
            old, new = Worker(folder / "code", folder / "old"), Worker(REPOSITORY, folder / "new")
            found = {
                "a SIM350 run": rounds(old, new, "run", chosen.runs),
                f"saving a checkpoint of {GENES:,} genes": rounds(old, new, "save", chosen.saves),
                "loading it": rounds(old, new, "load", chosen.saves),
            }
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(folder / "code")], check=True)
    write(chosen, found)


def write(chosen: argparse.Namespace, found: dict[str, list[float]]) -> None:
    """README.md."""
    from dashprune import escaping

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    rows = []
    for what, ratios in found.items():
        quartiles = statistics.quantiles(ratios, n=4)
        rows.append(
            [what, len(ratios), f"{statistics.median(ratios):.3f}", f"{quartiles[0]:.3f} to {quartiles[2]:.3f}"]
        )
    table = pd.DataFrame(rows, columns=["what", "rounds", "ratio of times, median", "quartiles"])
    page = f"""# What safety costs

```bash
python scripts/cost_of_safety.py --before {chosen.before} --runs {chosen.runs} --saves {chosen.saves}
```

The code of commit {commit.stdout.strip()} against that of {chosen.before}, which looked at no checksum, flushed no
folder, knew no schema and read the data's fingerprint once. In each round both did the same, in changing order; seeds
are the numbers of the rounds. One thread.

{escaping.markdown(table)}

Loading reads every byte twice, for its checksums and for what it holds; it happens once, when a run goes on.
"""
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "README.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
