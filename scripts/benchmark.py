"""Time per optimiser step on SIM350: this project's solvers against the published protocol, in one process.

    python scripts/benchmark.py [--rounds 7] [--threads 1] [--out outputs/benchmarks]

The published protocol solves each transition by a call of its own to `odeint_adjoint` (dopri5, rtol 1e-7, atol 1e-9);
everything else is equal: PHOENIX with 350 genes and 40 hidden units, masks on every layer, one trajectory (four
transitions) per step, Adam. The model is first trained for some epochs, since a trained field is stiffer than an
untrained one. Rounds alternate between the protocols, and ratios are taken within each round.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchdiffeq
from tabulate import tabulate
from torch.nn.utils import parametrize

from dashprune import compose, results
from dashprune.models.base import VectorField
from dashprune.seeds import torch_generator
from dashprune.settings import check
from dashprune.solve import Solver
from dashprune.training import Batch, Training, by_trajectory, fit

EPOCHS = 10
"""Of training before anything is timed; the first cut falls into them."""
STEPS = 10
"""Optimiser steps of a batched protocol per round; the published one takes one."""

Predict = Callable[[VectorField, Batch], torch.Tensor]


def published(model: VectorField, batch: Batch) -> torch.Tensor:
    """One adjoint solve per transition at tight tolerance."""
    ends = []
    for start, dt in zip(batch.start, batch.dt, strict=True):
        span = torch.stack([torch.zeros_like(dt), dt])
        solution = torchdiffeq.odeint_adjoint(model, start[None], span, rtol=1e-7, atol=1e-9, method="dopri5")
        ends.append(solution[-1])
    return torch.cat(ends)


def batched(name: str) -> Predict:
    """All transitions in one call of a configured solver."""
    solver: Solver = check(compose([f"solver={name}"])).solver
    return lambda model, batch: solver.predict(model, batch.start, batch.dt)


def trained(seed: int) -> tuple[Training, list[Batch]]:
    """A model after some epochs, and the training trajectories."""
    made = check(compose([f"seed={seed}", "solver=rk4", f"train.epochs={EPOCHS}"]))
    problem = made.dataset.load()
    model = made.model(genes=len(problem.genes))
    model.reset_parameters(torch_generator(seed, "weights"))
    made.pruner.attach(model, problem)
    training = Training(model, made.pruner, made.train)
    fit(training, problem.train, problem.validation, made.solver, seed, lambda: None)
    return training, by_trajectory(problem.train, torch.device("cpu"))


def seconds(training: Training, batches: list[Batch], predict: Predict, steps: int) -> float:
    """Mean time of one optimiser step; the training is left as it was."""
    before = copy.deepcopy(training.state_dict())
    started = time.perf_counter()
    for batch in batches[:steps]:
        with contextlib.nullcontext() if predict is published else parametrize.cached():
            loss = ((predict(training.model, batch) - batch.stop) ** 2).mean()
            training.optimizer.zero_grad()
            loss.backward()
        training.optimizer.step()
    elapsed = (time.perf_counter() - started) / steps
    training.load_state_dict(before)
    return elapsed


def measure(rounds: int, seed: int) -> list[dict[str, object]]:
    """Median time per step of each protocol and the ratio of the published one to it, round by round."""
    training, batches = trained(seed)
    protocols: dict[str, Predict] = {"published": published, "dopri5": batched("dopri5"), "rk4": batched("rk4")}
    times: dict[str, list[float]] = {name: [] for name in protocols}
    for round_number in range(rounds + 1):
        for name, predict in protocols.items():
            steps = 1 if name == "published" else STEPS
            elapsed = seconds(training, batches[round_number:], predict, steps)
            if round_number > 0:  # the first round warms up
                times[name].append(elapsed)
    rows: list[dict[str, object]] = []
    for name, values in times.items():
        ratios = [a / b for a, b in zip(times["published"], values, strict=True)]
        spread = {"ratio_min": min(ratios), "ratio_median": statistics.median(ratios), "ratio_max": max(ratios)}
        rows.append({"protocol": name, "milliseconds_per_step": 1e3 * statistics.median(values), **spread})
    return rows


def main() -> None:
    """Measure, print, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks"))
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    rows = measure(chosen.rounds, chosen.seed)
    table = tabulate(rows, headers="keys", tablefmt="github", floatfmt=".1f")
    machine = {"processor": platform.machine(), "system": platform.system(), "threads": chosen.threads}
    record = {"seed": chosen.seed, "rounds": chosen.rounds, "machine": machine, "versions": results.versions()}
    command = f"python scripts/benchmark.py --rounds {chosen.rounds} --threads {chosen.threads} --seed {chosen.seed}"
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"command": command, **record, "steps": rows}, indent=1)
    (chosen.out / "solver.json").write_text(text + "\n")
    versions = ", ".join(f"{name} {number}" for name, number in results.versions().items())
    head = "# Time per optimiser step, SIM350\n\nOne trajectory (four transitions) a step. `ratio` is the published"
    head += " protocol's time over this one's, taken\nwithin each round. Only ratios carry over to other machines."
    page = f"{head}\n\n{table}\n\nCommand: `{command}`. {machine}. {versions}.\n"
    (chosen.out / "solver.md").write_text(page)
    print(table)


if __name__ == "__main__":
    main()
