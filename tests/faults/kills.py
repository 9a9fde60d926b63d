"""Killing a command before each thing that it does to the file system, repeating it, and comparing what it leaves.

A command runs in a forked child, in a folder of its own. Python tells the child of everything that changes a file or
folder before it happens (audit events; flushes are wrapped), and at the n-th of these the child kills itself (-9). If
it was about to flush a file, half of that may be cut off first, as a machine that loses power would.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from hydra.core.plugins import Plugins

import dashprune
from dashprune.cli import main as cli
from dashprune.data.published import manifest
from dashprune.runs import checkpoints, run, scoring

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
_LEFT = ("*.tmp", "checkpoint.previous.pt", "*.part")
_BASE = [
    "dataset.genes=24", "dataset.inputs=6", "dataset.edges=40", "dataset.train=6", "dataset.validation=2",
    "dataset.test=2", "hidden=5", "++train.steps=1", "schedule.start=2", "schedule.every=2", "solver=etdrk4",
    "outputs=outputs",
]  # fmt: skip
_SWEEP = ["run", "-m", *_BASE, "train.epochs=4", "dataset.seed=0", "hydra.sweep.dir=outputs/sweep"]


@dataclass(frozen=True)
class Case:
    """A command, and what must have been run before it.

    Attributes:
        words: of the command.
        before: of commands that are not disturbed.
    """

    words: list[str]
    before: list[list[str]] = field(default_factory=list)


CASES = {
    "run": Case(["run", *_BASE, "train.epochs=12", "ranking=true"]),
    "vectorised sweep": Case([*_SWEEP, "train.epochs=6", "seed=0,1", "vectorize=true"]),
    "sweep": Case([*_SWEEP, "seed=0,1"]),
    "control": Case(["run", *_BASE, "control=lasso", "ranking=true"]),
    "tables": Case(["tables", "outputs"], [[*_SWEEP, "seed=0,1", "pruner=dash,imp"]]),
    "select": Case(["select", "outputs"], [[*_SWEEP, "seed=0,1", "pruner.lambda_1=0.5,0.7"]]),
    "edges": Case(["edges", "outputs"], [[*_SWEEP, "seed=0,1"]]),
    "data fetch": Case(["data", "fetch", "yeast", "--from", "source"]),
}


_ONE = ["run", *_BASE, "train.epochs=4", "dataset.seed=0"]
CROWD = [_ONE, _ONE, [*_ONE, "seed=1"], [*_SWEEP, "seed=2,3", "vectorize=true"]]
"""Commands at the same time in the same folder, two of them the same."""


class Ended(NamedTuple):
    """How a child ended: its exit code, negative for a signal, and how many changes it made or was about to make."""

    code: int
    changes: int


class Killed(NamedTuple):
    """What one kill did.

    Attributes:
        rows_lost: results that were there, or should be in the end, and are not.
        differs: files whose bytes are others than without the kill.
        left: temporary files that the repeated command did not remove.
        failed: whether the repeated command failed.
    """

    rows_lost: int
    differs: list[str]
    left: list[str]
    failed: bool


@lru_cache
def _warm() -> None:
    """Import here, once, what every child would import anew."""
    for module in pkgutil.walk_packages(dashprune.__path__, "dashprune."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    import_module("torch._dynamo")
    Plugins.instance()  # which imports every launcher that is installed


def prepare(case: Case, folder: Path) -> None:
    """Lay out the folder that a command starts in."""
    (folder / "source").mkdir(parents=True)
    for entry in _files():
        (folder / "source" / Path(entry.path).name).write_bytes(_content(entry.path))
    for words in case.before:
        ended = child(words, folder)
        if ended.code:
            raise RuntimeError(f"{words} failed")


def undisturbed(case: Case, start: Path, scratch: Path) -> tuple[dict[str, str], int]:
    """What a command leaves, and the number of its changes."""
    with _copy(start, scratch) as folder:
        ended = child(case.words, folder)
        if ended.code:
            raise RuntimeError(f"{case.words} failed")
        return contents(folder), ended.changes


def kill(case: Case, start: Path, scratch: Path, moments: list[int], torn: bool, wanted: dict[str, str]) -> Killed:
    """Kill a command at the given changes, one after the other, repeating it each time, and once more to its end."""
    with _copy(start, scratch) as folder:
        for moment in moments:
            child(case.words, folder, moment, torn)
        done = {name for name in contents(folder) if name.endswith("result.json")}
        ended = child(case.words, folder)
        return _compared(folder, done, ended.code != 0, wanted)


def _compared(folder: Path, done: set[str], failed: bool, wanted: dict[str, str]) -> Killed:
    found = contents(folder)
    left = sorted(str(path.relative_to(folder)) for kind in _LEFT for path in folder.rglob(kind))
    lost = {name for name in [*wanted, *done] if name.endswith("result.json")} - set(found)
    differs = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    return Killed(len(lost), [name for name in differs if name not in left], left, failed)


def one_after_the_other(scratch: Path) -> dict[str, str]:
    """What the commands of `CROWD` leave if they do not meet."""
    folder = scratch / "alone"
    prepare(Case([], CROWD), folder)
    return contents(folder)


def crowded(folder: Path, drawn: random.Random, wanted: dict[str, str]) -> Killed:
    """Let the commands of `CROWD` meet, kill one somewhere, and repeat all."""
    folder.mkdir()
    victim = drawn.randrange(len(CROWD))
    codes = crowd(folder, victim, drawn.uniform(0, 1))
    failed = any(code for k, code in enumerate(codes) if k != victim)
    done = {name for name in contents(folder) if name.endswith("result.json")}
    failed |= any(child(words, folder).code for words in CROWD)
    return _compared(folder, done, failed, wanted)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file; of a checkpoint, of what it holds, as its bytes depend on which tensors were loaded.

    Left out are locks, and what a launcher notes of a sweep.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(_held(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"locks", "source"} & set(path.parts) and "sweep" not in str(path.parent)
    }


def _held(path: Path) -> bytes:
    return held(checkpoints.read(path)) if path.name == checkpoints.CURRENT else path.read_bytes()


def held(node: Any) -> bytes:
    """Values of a state, one after the other."""
    if isinstance(node, dict):
        return b"".join(repr(key).encode() + held(value) for key, value in node.items())
    if isinstance(node, (list, tuple)):
        return b"".join(map(held, node))
    if isinstance(node, torch.Tensor):
        return f"{node.dtype}{tuple(node.shape)}".encode() + node.contiguous().numpy().tobytes()
    return repr(node).encode() + b","


def child(words: list[str], folder: Path, moment: int | None = None, torn: bool = False) -> Ended:
    """Run a command in a child, which kills itself before its change of this number."""
    process, reader = _started(words, folder, moment, torn)
    with os.fdopen(reader, "rb") as pipe:
        changes = len(pipe.read())
    _, status = os.waitpid(process, 0)
    return Ended(os.waitstatus_to_exitcode(status), changes)


def crowd(folder: Path, victim: int, delay: float) -> list[int]:
    """Run all commands of `CROWD` at the same time, and kill one after some seconds; the exit codes of all."""
    started = [_started(words, folder, None, False) for words in CROWD]
    time.sleep(delay)
    os.kill(started[victim][0], signal.SIGKILL)
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process, _ in started]
    for _, reader in started:
        os.close(reader)
    return codes


def _started(words: list[str], folder: Path, moment: int | None, torn: bool) -> tuple[int, int]:
    """A child, and the end of a pipe that tells of its changes."""
    _warm()
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        code = 70
        try:
            code = _run(words, folder, writer, moment, torn)
        finally:
            os._exit(code)
    os.close(writer)
    return process, reader


def _run(words: list[str], folder: Path, writer: int, moment: int | None, torn: bool) -> int:
    os.chdir(folder)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update(DASHPRUNE_DATA=str(folder / "cache"), DASHPRUNE_MIRROR="")
    still: Any = SimpleNamespace(monotonic=lambda: 0.0)  # or seconds would differ
    run.time, scoring.time = still, still  # type: ignore[misc]
    manifest.entries = lambda: _files()  # type: ignore[assignment]
    _watch(folder, writer, moment, torn)
    return cli.main(words)


def _watch(folder: Path, writer: int, moment: int | None, torn: bool) -> None:
    """Count changes below a folder in a pipe, a byte for each, and kill this process before one of them."""
    seen, place, flush = 0, str(folder), os.fsync

    def change(tear: Callable[[], None] = lambda: None) -> None:
        nonlocal seen
        seen += 1
        os.write(writer, b".")
        if seen == moment:
            tear()
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if not writes or str(path).endswith(".lock"):
                return
        elif event not in _CHANGES:
            return
        path = arguments[0]
        if isinstance(path, (str, os.PathLike)) and os.path.abspath(path).startswith(place):
            change()

    def flushed(handle: int) -> None:
        def tear() -> None:
            size = os.fstat(handle).st_size
            if torn and os.path.isfile(f"/proc/self/fd/{handle}"):
                os.ftruncate(handle, size // 2)

        change(tear)
        flush(handle)

    os.fsync = flushed
    sys.addaudithook(heard)


class _copy:  # noqa: N801 a context manager that reads like a function
    """A copy of a folder under the same name, so that paths in it are the same; removed afterwards."""

    def __init__(self, start: Path, scratch: Path) -> None:
        self.start, self.scratch = start, scratch

    def __enter__(self) -> Path:
        self.parent = tempfile.mkdtemp(dir=self.scratch)
        return Path(shutil.copytree(self.start, Path(self.parent, "here")))

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.parent)


def _content(name: str) -> bytes:
    return f"content of {name}\n".encode() * 500


def _files() -> tuple[manifest.Entry, ...]:
    """Three published files of our own."""
    entries = []
    for name in ("a.csv", "b.csv", "deep/c.csv"):
        content = _content(name)
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entries.append(manifest.Entry("yeast", "owner/name", "c0ffee", name, blob, len(content), "MIT", "all"))
    return tuple(entries)
