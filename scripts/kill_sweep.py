"""Does a sweep that is killed again and again end with the table of an undisturbed one?

    python scripts/kill_sweep.py [--kills 5] [--seed 0] [--out outputs/paper/kill_sweep]

Runs a sweep of 24 runs with joblib undisturbed, and the same sweep while killing all its processes (-9) at random
moments and repeating its command. Writes README.md, with what was found, and runs.csv, the table of both.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from dashprune.analysis import tables
from dashprune.runs import results

EPOCHS = 40
SWEEP = [
    "run", "-m", "dataset.genes=50", "dataset.inputs=10", "dataset.edges=80", "dataset.train=12",
    "dataset.validation=4", "dataset.test=4", "hidden=10", f"train.epochs={EPOCHS}",
    "pruner=dash,imp,none", "seed=range(8)", "hydra/launcher=joblib",
]  # fmt: skip
RUNS = 24


def start(root: Path) -> subprocess.Popen[bytes]:
    """The sweep, in a group of processes of its own."""
    command = [sys.executable, "-m", "dashprune.cli.main", *SWEEP, f"outputs={root}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, **quiet)


def standing(root: Path) -> tuple[int, int, int]:
    """How many runs are done and how many have begun, and the epochs of all together."""
    histories = [path.read_text().count("\n") - 1 for path in root.rglob("history.csv")]
    return len(list(root.rglob("result.json"))), len(histories), sum(histories)


def disturb(root: Path, kills: int, seed: int) -> list[dict[str, int]]:
    """Kill the sweep `kills` times, each time some epochs further and anywhere within one; where it stood then."""
    moments, share = random.Random(seed), EPOCHS * RUNS / (kills + 1)
    marks = []
    for number in range(1, kills + 1):
        process, (_, _, before) = start(root), standing(root)
        target = before + moments.uniform(0.2, 1.2) * share
        while process.poll() is None and standing(root)[2] < target:
            time.sleep(0.01)
        time.sleep(moments.random() * 0.1)
        if process.poll() is not None:
            raise SystemExit(f"the sweep ended before it could be killed for the {number}th time; choose another seed")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done, begun, epochs = standing(root)
        marks.append({"kill": number, "runs done": done, "runs half-way": begun - done, "epochs of all runs": epochs})
        print(marks[-1], file=sys.stderr, flush=True)
    return marks


def table(root: Path) -> pd.DataFrame:
    """A line per run, without its time."""
    return tables.runs(results.collect(root)).drop(columns="wall_seconds")


def networks(root: Path) -> dict[str, bytes]:
    """The bytes of every run's network and history."""
    files = [*root.rglob("network.tsv"), *root.rglob("history.csv")]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def main() -> None:
    """Run both sweeps, compare them and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("outputs/paper/kill_sweep"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, killed = Path(folder, "undisturbed"), Path(folder, "killed")
        codes = [start(undisturbed).wait()]
        marks = disturb(killed, chosen.kills, chosen.seed)
        codes.append(start(killed).wait())
        equal = table(undisturbed).equals(table(killed)) and networks(undisturbed) == networks(killed)
        leftovers = [path for path in killed.rglob("*.tmp") if "runs" in path.parts]
        found = table(killed)
    verdict = codes == [0, 0] and equal and not leftovers and len(found) == RUNS
    write(chosen, found, marks, verdict)
    print("equal" if verdict else f"NOT equal: exit codes {codes}, tables equal {equal}, left behind {leftovers}")
    sys.exit(0 if verdict else 1)


def write(chosen: argparse.Namespace, found: pd.DataFrame, marks: list[dict[str, int]], verdict: bool) -> None:
    """README.md and runs.csv."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    answer = "**The tables are equal**" if verdict else "**The tables differ**"
    page = f"""# A sweep killed {chosen.kills} times

```bash
python scripts/kill_sweep.py --kills {chosen.kills} --seed {chosen.seed}
```

The sweep, {RUNS} runs of {EPOCHS} epochs on the joblib launcher:

```bash
{shlex.join(["dashprune", *SWEEP])}
```

It was run undisturbed, and again in another folder, where all its processes were killed (-9) {chosen.kills} times at
moments drawn from seed {chosen.seed}, each time repeating the command. Where it stood at each kill:

{tabulate(marks, headers="keys", tablefmt="github")}

{answer}: all columns of [runs.csv](runs.csv) but the time, for all {RUNS} runs, digit by digit, and the bytes of every
`network.tsv` and `history.csv`; and no temporary file was left in a run's folder.

Code of commit {commit.stdout.strip()}.
"""
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "README.md").write_text(page)
    found.to_csv(chosen.out / "runs.csv", index=False)


if __name__ == "__main__":
    main()
