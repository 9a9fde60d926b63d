"""`dashprune check`: compose and check every configuration file."""

from __future__ import annotations

import argparse
import sys

from dashprune.cli.main import Parser
from dashprune.errors import DashpruneError

GROUPS = ("dataset", "model", "pruner", "control", "train", "solver")


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune check",
        description="Compose every file under conf/ into a configuration, and check all names, types and ranges.",
        epilog="example:\n  dashprune check",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(words)

    from dashprune.config import choices, compose
    from dashprune.settings import check

    wrong = 0
    for group in GROUPS:
        for choice in choices(group):
            try:
                cfg = compose([f"{group}={choice}"])
                check(cfg)
                if cfg[group].get("name", choice) != choice:
                    raise DashpruneError(f"{group}.name: '{cfg[group].name}' must be the file's name, '{choice}'")
                print(f"{group}/{choice}.yaml: ok")
            except DashpruneError as error:
                wrong += 1
                print(f"dashprune: {group}/{choice}.yaml: {error}", file=sys.stderr)
    return 2 if wrong else 0
