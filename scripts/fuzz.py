"""Does any reader of files give a traceback, hang, or take much memory on files that are nearly right?

    python scripts/fuzz.py --full [--seed 0] [--out outputs/benchmarks/fuzzing]

Feeds every reader of `tests/faults/fuzz.py` 2,500 files (250 without --full), each in a process of its own, whose death
would be seen. Writes README.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from dashprune import escaping
from tests.faults import fuzz


def one(name: str, fed: int, number: int, answer: multiprocessing.SimpleQueue[list[object]]) -> None:
    """Feed one reader, and tell what was found."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz.feed(fuzz.readers()[name], Path(folder), fed, number)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    answer.put([name, found.fed, found.read, found.fed - found.read, f"{found.slowest:.2f}", f"{grown:.0f}"])


def main() -> None:
    """Feed, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="2,500 files per reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/fuzzing"))
    chosen = parser.parse_args()
    rows, context = [], multiprocessing.get_context("spawn")
    for name in fuzz.readers():
        answer = context.SimpleQueue()
        process = context.Process(target=one, args=(name, 2500 if chosen.full else 250, chosen.seed, answer))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{name}: exit code {process.exitcode}")
        rows.append(answer.get())
    columns = ["reader", "files fed", "read", "refused in one line", "slowest, s", "memory grown, MB"]
    write(chosen, pd.DataFrame(rows, columns=columns))


def write(chosen: argparse.Namespace, found: pd.DataFrame) -> None:
    """README.md."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    page = f"""# Files that are nearly right

```bash
python scripts/fuzz.py{" --full" if chosen.full else ""} --seed {chosen.seed}
```

Hypothesis changed small files of each kind (bytes and pieces replaced, flipped, cut, doubled), and every reader was fed
{found["files fed"].sum():,} of them in all. None gave a traceback or ended the process, and each refusal was one line.
A checkpoint was fed twice: as it is, and packed anew, so that its checksums fit the changed parts. The times are upper
bounds, of a machine that was at work on other things. The manifest is part of the package, and was not fed.

{escaping.markdown(found)}

Code of commit {commit.stdout.strip()}.
"""
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "README.md").write_text(page)
    print(escaping.markdown(found))


if __name__ == "__main__":
    main()
