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

    from dashprune.config import choices

    wrong = 0
    for group in (*GROUPS, "grid"):
        for choice in choices(group):
            try:
                (_check_grid if group == "grid" else _check)(group, choice)
                print(f"{group}/{choice}.yaml: ok")
            except DashpruneError as error:
                wrong += 1
                print(f"dashprune: {group}/{choice}.yaml: {error}", file=sys.stderr)
    return 2 if wrong else 0


def _check(group: str, choice: str) -> None:
    from dashprune.config import compose
    from dashprune.settings import check

    cfg = compose([f"{group}={choice}"])
    check(cfg)
    if cfg[group].get("name", choice) != choice:
        raise DashpruneError(f"{group}.name: '{cfg[group].name}' must be the file's name, '{choice}'")


def _check_grid(group: str, choice: str) -> None:
    """Every value of each axis, the other axes at their defaults."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from dashprune.config import compose, compose_sweep, parse
    from dashprune.settings import check

    params = compose_sweep([f"{group}={choice}"]).hydra.sweeper.params or {}
    cfg = compose()
    for axis in parse([f"{key}={values}" for key, values in params.items()]):
        for value in axis.sweep_iterator():
            changed = cfg.copy()
            try:
                OmegaConf.update(changed, axis.key_or_group, value)
            except OmegaConfBaseException as error:
                raise DashpruneError(f"{axis.key_or_group}: there is no such key with pruner=dash") from error
            check(changed)
