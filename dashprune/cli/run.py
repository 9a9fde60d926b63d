"""`dashprune run`: one run, or with -m all combinations of comma-separated values."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import Any

from dashprune.cli.main import Parser
from dashprune.errors import DashpruneError

DESCRIPTION = """\
Train, prune and evaluate a model, and print its row of the result table.

KEY=VALUE sets any key of conf/config.yaml. A group (dataset, model, pruner, control, train, solver) is set to the name
of one of its files. A run that is done is not repeated: its row is printed. A run that was stopped goes on where it
was.
"""

EXAMPLES = """\
examples:
  dashprune run model=phoenix pruner=dash
  dashprune run pruner=dash pruner.lambda_1=0.5 pruner.lambda_2=0.9 train.epochs=100
  dashprune run dataset.network=published dataset.noise=0.05 pruner=imp solver=rk4
  dashprune run dataset=custom dataset.expression=expression.csv dataset.prior=prior.csv     your own data
  dashprune run -m pruner=dash,imp,none seed=0,1,2
  dashprune run -m control=prior,lasso     what is to be beaten: edges found without a neural model
  dashprune run -m 'seed=range(16)' vectorize=true threads=2    16 runs trained as one model
  dashprune run --cfg job pruner=imp       print the configuration and do nothing
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune run",
        usage="dashprune run [KEY=VALUE ...] [-m]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="values to change")
    parser.add_argument("-m", "--multirun", action="store_true", help="run all combinations of a=1,2 b=x,y")
    parser.add_argument("--cfg", choices=["job", "hydra", "all"], help="print the configuration and stop")
    parser.add_argument("--config-dir", metavar="DIR", help="a further folder of yaml files, laid out like conf/")
    chosen = parser.parse_intermixed_args(words)
    for word in chosen.overrides:
        if "=" not in word and not word.startswith("~"):
            raise DashpruneError(f"'{word}' is not KEY=VALUE; for example pruner={word}, or see dashprune run --help")
    flags = [word for word in words if word not in chosen.overrides]  # Hydra wants them before KEY=VALUE
    return _launch([*flags, *chosen.overrides], chosen.overrides)


def _launch(words: list[str], overrides: list[str]) -> int:
    """Hand over to Hydra, which composes the configuration and calls `job` once, or many times with -m."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from dashprune.config import conf_dir, explain, parse

    parse(overrides)
    jobs = _Jobs()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing several lines
    sys.argv = ["dashprune run", *words]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir().resolve()), config_name="config")(jobs.take)()
    except (HydraException, OmegaConfBaseException) as error:
        raise DashpruneError(explain(error, overrides)) from error
    jobs.run_waiting()
    return _report(jobs.rows, jobs.failures)


class _Jobs:
    """What Hydra's jobs end with. Those to be trained together wait until Hydra has named them all."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.failures: list[tuple[str, str]] = []
        self.waiting: list[tuple[str, Any]] = []

    def take(self, cfg: Any) -> None:
        """Run one job, or let it wait."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from dashprune.experiment import train_prune_eval

        own = HydraConfig.get()
        overrides = " ".join(own.overrides.task)
        sweep = own.mode == RunMode.MULTIRUN
        if sweep and cfg.vectorize is True:
            if not own.launcher._target_.endswith(".BasicLauncher"):
                raise DashpruneError("vectorize: true trains all runs in one process; set hydra/launcher=basic")
            self.waiting.append((overrides, cfg))
            return
        try:
            self.rows.append(train_prune_eval(cfg))
        except DashpruneError as error:
            self.failures.append((overrides, str(error)))
        except Exception:
            if not sweep:  # a defect of ours shows its traceback
                raise
            self.failures.append((overrides, traceback.format_exc()))

    def run_waiting(self) -> None:
        """Run those that wait, together."""
        from dashprune.experiment import train_prune_eval_together

        outcomes = train_prune_eval_together([cfg for _, cfg in self.waiting])
        for (overrides, _), outcome in zip(self.waiting, outcomes, strict=True):
            if isinstance(outcome, DashpruneError):
                self.failures.append((overrides, str(outcome)))
            else:
                self.rows.append(outcome)


def _report(rows: list[dict[str, Any]], failures: list[tuple[str, str]]) -> int:
    if rows:
        from dashprune.tables import markdown, summary

        print(markdown(summary(rows)))
    if len(failures) == 1 and not rows:
        raise DashpruneError(failures[0][1])
    for overrides, message in failures:
        print(f"dashprune: failed: {overrides}: {message}", file=sys.stderr)
    return 2 if failures else 0
