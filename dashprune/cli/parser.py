"""What all subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from dashprune.errors import DashpruneError

COMMANDS = {
    "run": "train, prune and evaluate a model, or many with -m",
    "tables": "collect results into tables, and compare strategies",
    "edges": "a probability per edge, from seeds and bootstrap samples",
    "select": "choose lambda from a sweep, by validation error and sparsity",
    "pathways": "test which pathways hold a network's influential genes",
    "plot": "draw pictures of a run",
    "perturb": "knock out or overexpress genes in a run's model",
    "compare": "which edges, hubs and targets differ between runs",
    "report": "a run as one page for the browser",
    "export": "a run for Cytoscape, scanpy, decoupler, COPASI and others",
    "reproduce": "make a table or figure of the paper",
    "check": "check every configuration file",
    "data": "get the published files of the datasets",
    "completion": "print a script by which the shell completes commands, options and keys",
}


class Parser(argparse.ArgumentParser):
    """An argument parser that shows its texts as they are written, and whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        raise DashpruneError(f"{message}; see {self.prog} --help")

    def add_root(self) -> None:
        """An argument for the folder of runs; see `existing`."""
        self.add_argument(
            "root", nargs="?", default="outputs", metavar="ROOT", help="folder of runs (default: outputs)"
        )

    def existing(self, root: str) -> Path:
        """The folder of runs.

        Raises:
            DashpruneError: if there is no such folder.
        """
        if not Path(root).is_dir():
            raise DashpruneError(f"there is no folder '{root}'; give the folder of your runs: {self.prog} FOLDER")
        return Path(root)


def written(text: str) -> Path:
    """A file or folder to write to, of an argument.

    Raises:
        ArgumentTypeError: if it is empty, which would be the current folder.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; name what to write")
    return Path(text)


def count(text: str) -> int:
    """A whole number above 0, of an argument.

    Raises:
        ArgumentTypeError: if it is none.
    """
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)
