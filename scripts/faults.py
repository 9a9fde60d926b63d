"""Does a command that is killed (-9) before any of its changes to the file system, and repeated, lose anything?

    python scripts/faults.py --full [--workers 2] [--out outputs/benchmarks/faults]
    python scripts/faults.py --rounds 50

Kills every command of `tests/faults/kills.py` before each change to a file or folder, twice: as it is, and with half
of the file that is being flushed cut off. Each time the command is repeated, and what it leaves is compared with that
of an undisturbed one. Without --full, before every tenth change. Writes README.md and kills.csv, a line per kill.
With --rounds, four processes work in one folder instead, and one of them is killed; writes concurrency.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from dashprune import escaping
from tests.faults import kills


def one(name: str, start: Path, moment: int, torn: bool, wanted: dict[str, str]) -> dict[str, object]:
    """A kill, as a line of the table."""
    killed = kills.kill(kills.CASES[name], start, start.parent, [moment], torn, wanted)
    return {
        "command": name, "change": moment, "torn": torn, "rows lost": killed.rows_lost,
        "files that differ": " ".join(killed.differs), "files left": " ".join(killed.left), "failed": killed.failed,
    }  # fmt: skip


def meet(chosen: argparse.Namespace) -> None:
    """Let four processes meet, round by round."""
    drawn, bad = random.Random(0), 0
    with tempfile.TemporaryDirectory() as folder:
        wanted = kills.one_after_the_other(Path(folder))
        for number in range(chosen.rounds):
            bad += kills.crowded(Path(folder, str(number)), drawn, wanted) != kills.Killed(0, [], [], False)
    words = "\n".join(" ".join(["dashprune", *command]) for command in kills.CROWD)
    page = f"""# Four processes at the same time, one of them killed

```bash
python scripts/faults.py --rounds {chosen.rounds}
```

```
{words}
```

In each of {chosen.rounds} rounds one of these (drawn from seed 0) was killed (-9) within a second, and all were
repeated. In {chosen.rounds - bad} rounds every file had the bytes that it has when they work one after the other, no
row was lost, no other process failed and no temporary file was left; in {bad} something differed.

Code of commit {commit()}.
"""
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "concurrency.md").write_text(page)
    print(f"{chosen.rounds} rounds, of which {bad} left something else")
    sys.exit(1 if bad else 0)


def commit() -> str:
    """Of the code."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def main() -> None:
    """Kill, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="before every change")
    parser.add_argument("--rounds", type=int, help="of four processes at the same time")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/faults"))
    chosen = parser.parse_args()
    if chosen.rounds:
        return meet(chosen)
    rows = []
    context = multiprocessing.get_context("forkserver")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(chosen.workers, context) as pool:
        for name, case in kills.CASES.items():
            start = Path(folder, name.replace(" ", "_"), "start")
            kills.prepare(case, start)
            wanted, changes = kills.undisturbed(case, start, start.parent)
            moments = range(1, changes + 1, 1 if chosen.full else 10)
            jobs = [pool.submit(one, name, start, k, torn, wanted) for k in moments for torn in (False, True)]
            rows += [job.result() for job in jobs]
            print(f"{name}: {len(jobs)} kills", file=sys.stderr, flush=True)
    found = pd.DataFrame(rows)
    write(chosen, found)
    bad = found[
        (found["rows lost"] > 0) | (found["files that differ"] != "") | (found["files left"] != "") | found["failed"]
    ]
    print(f"{len(found)} kills, of which {len(bad)} left something else")
    sys.exit(1 if len(bad) else 0)


def write(chosen: argparse.Namespace, found: pd.DataFrame) -> None:
    """README.md and kills.csv."""
    told = found.assign(
        kills=1,
        differences=found["files that differ"] != "",
        **{"files left over": found["files left"] != "", "repeats that failed": found["failed"]},
    )
    columns = ["kills", "rows lost", "differences", "files left over", "repeats that failed"]
    table = told.groupby("command", sort=False)[columns].sum()
    table.loc["all"] = table.sum()
    page = f"""# Killed before every change to the file system

```bash
python scripts/faults.py{" --full" if chosen.full else ""}
```

Each command was killed (-9) before {"every change" if chosen.full else "every tenth change"} that it makes to a file or
folder (opening for writing, flushing, renaming, removing, making a folder), twice: as it is, and with half of the file
that is being flushed cut off. Then it was repeated, and every file that it leaves compared, by its bytes, with those of
an undisturbed one; of a checkpoint, what it holds; seconds were held still. Not compared are locks and what a
launcher notes of a sweep. Each line of [kills.csv](kills.csv) is a kill.

{escaping.markdown(table.reset_index())}

Code of commit {commit()}.
"""
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "README.md").write_text(page)
    found.to_csv(chosen.out / "kills.csv", index=False)


if __name__ == "__main__":
    main()
