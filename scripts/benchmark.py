"""Speed and memory, each as a ratio measured in this one process; outputs/benchmarks/README.md has what is promised.

    python scripts/benchmark.py [--rounds 5] [--seed 0] [--only steps,ensemble] [--out outputs/benchmarks]

Rounds alternate between what is compared, ratios are taken within each round, and the first round only warms up. The
published protocol solves each transition by a call of its own to `odeint_adjoint` (dopri5, rtol 1e-7, atol 1e-9) and
computes the prior's loss on 10,000 rows at every step, although its weight is 0.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torchdiffeq
from tabulate import tabulate

from dashprune import compose
from dashprune.data.problem import Problem
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import mask_of
from dashprune.runs import provenance
from dashprune.runs.checked import Settings, check
from dashprune.seeds import torch_generator
from dashprune.solvers.base import Solver
from dashprune.solvers.torchdiffeq import Torchdiffeq
from dashprune.training import loop
from dashprune.training.batches import Batch, by_trajectory, join
from dashprune.training.loop import Member, fit_together
from dashprune.training.state import Training, step

Rows = list[dict[str, Any]]

SOLVERS = {
    "etdrk4, the default": ["solver=etdrk4"],
    "etdrk4, one step": ["solver=etdrk4", "solver.step=1"],
    "rk4": ["solver=rk4"],
    "dopri5": ["solver=dopri5"],
}
STRATEGIES = ("none", "cnode", "l0", "pathreg", "dst", "pinn", "pinn_mp")
GENOME = [
    "hidden=300", "dataset.train=26", "dataset.validation=5", "dataset.test=5", "dataset.times=[0,1,2,3,5,7]",
    "train.batch_trajectories=3", "train.learning_rate=1e-4",
]  # fmt: skip
"""186 time points, 130 of them the starts of training transitions; 15 transitions a step."""


def genome(genes: int) -> list[str]:
    """Overrides for a generated network of this size with the density of SIM350."""
    return [*GENOME, f"dataset.genes={genes}", f"dataset.inputs={genes // 5}", f"dataset.edges={genes * 11 // 7}"]


def prepared(overrides: Sequence[str]) -> tuple[Settings, Problem, Training]:
    """An untrained model with its pruner, and its data."""
    made = check(compose(list(overrides)))
    problem = made.dataset.load()
    model = made.initial_model(problem)
    made.pruner.attach(model, problem)
    return made, problem, Training(model, made.pruner, made.train)


def member(overrides: Sequence[str], after_epoch: Callable[[Training], None] = lambda training: None) -> Member:
    """A training ready for `fit_together`."""
    made, problem, training = prepared(overrides)
    return Member(training, problem.train, problem.validation, made.run.seed, lambda: after_epoch(training))


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratios(times: dict[str, list[float]], reference: str, inverse: bool = False) -> Rows:
    """Median milliseconds of each, and `reference` over it (or it over `reference`), round by round."""
    rows: Rows = []
    for name, values in times.items():
        pairs = zip(times[reference], values, strict=True)
        found = [b / a if inverse else a / b for a, b in pairs]
        spread = {"ratio_min": min(found), "ratio_median": statistics.median(found), "ratio_max": max(found)}
        rows.append({"what": name, "milliseconds": 1e3 * statistics.median(values), **spread})
    return rows


# --- one run ---------------------------------------------------------------------------------------------------------


def published_step(training: Training, batch: Batch, prior_batch: tuple[torch.Tensor, torch.Tensor] | None) -> None:
    """One step of the published protocol."""
    ends = []
    for start, dt in zip(batch.start, batch.dt, strict=True):
        span = torch.stack([torch.zeros_like(dt), dt])
        model: VectorField = training.model
        ends.append(torchdiffeq.odeint_adjoint(model, start[None], span, rtol=1e-7, atol=1e-9, method="dopri5")[-1])
    loss = ((torch.cat(ends) - batch.stop) ** 2).mean()
    if prior_batch is not None:
        loss = loss + 0 * (training.model.drift(prior_batch[0]) - prior_batch[1]).square().mean()
    training.optimizer.zero_grad()
    loss.backward()
    training.optimizer.step()


def steps(rounds: int, seed: int) -> Rows:
    """Time per optimiser step on SIM350, one trajectory (four transitions) a step, after ten epochs of training."""
    torch.set_num_threads(1)
    made, problem, training = prepared([f"seed={seed}", "train.epochs=10"])
    loop.fit(training, problem.train, problem.validation, made.solver, seed, lambda: None)
    inputs = torch.rand(10_000, len(problem.genes), generator=torch_generator(seed, "prior batch")) - 0.5
    prior_batch = (inputs, torch.as_tensor(inputs.numpy() @ problem.prior))
    work: dict[str, tuple[int, Callable[[Batch], object]]] = {
        "published": (1, lambda batch: published_step(training, batch, prior_batch)),
        "published, without its prior batch": (1, lambda batch: published_step(training, batch, None)),
    }
    for name, overrides in SOLVERS.items():
        solver = check(compose(overrides)).solver
        work[name] = (40, lambda batch, solver=solver: step(training, batch, solver))  # type: ignore[misc]
    work["etdrk4, the default, by autograd"] = (40, lambda batch: _by_autograd(training, batch, made.solver))
    batches = by_trajectory(problem.train, torch.device("cpu"))
    before = copy.deepcopy(training.state_dict())
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, (count, one) in work.items():
            training.load_state_dict(copy.deepcopy(before))
            chosen = batches[number : number + count]
            elapsed = timed(lambda one=one, chosen=chosen: [one(batch) for batch in chosen])  # type: ignore[misc]
            if number > 0:
                times[name].append(elapsed / count)
    return ratios(times, "published")


def _by_autograd(training: Training, batch: Batch, solver: Solver) -> None:
    """A step without the model's own backward pass (Stages)."""
    training.model.by_weights = False
    step(training, batch, solver)
    training.model.by_weights = True


def edge_steps(rounds: int, seed: int) -> Rows:
    """Time per optimiser step of phoenix_edge, ten trajectories a step, before any cut; and over that by autograd."""
    torch.set_num_threads(1)
    rows: Rows = []
    for genes, count in ((100, 60), (350, 40), (1000, 20), (3000, 4)):
        size = [f"dataset.genes={genes}", f"dataset.inputs={genes // 5}", f"dataset.edges={genes * 11 // 7}"]
        edges = ["model=phoenix_edge", "pruner=dash_edge", "dataset.train=10", f"seed={seed}"]
        made, problem, training = prepared([*size, *edges])
        given = training, join(by_trajectory(problem.train, torch.device("cpu"))), made.solver
        work = {f"{genes} genes, by autograd": _by_autograd, f"{genes} genes, by hand": step}
        times: dict[str, list[float]] = {name: [] for name in work}
        for number in range(rounds + 1):
            for name, one in work.items():
                elapsed = timed(lambda one=one, given=given, count=count: [one(*given) for _ in range(count)])  # type: ignore[misc]
                times[name] += [elapsed / count] if number else []
        rows += ratios(times, f"{genes} genes, by autograd", inverse=True)
    return rows


def profile(rounds: int, seed: int) -> Rows:
    """What 100 optimiser steps on SIM350 spend their time on, by torch's profiler, which itself slows calls down.

    By autograd, and with the backward pass of the unrolled step by hand (Stages).
    """
    torch.set_num_threads(1)
    made, problem, training = prepared([f"seed={seed}", "train.epochs=10"])
    loop.fit(training, problem.train, problem.validation, made.solver, seed, lambda: None)
    batches = by_trajectory(problem.train, torch.device("cpu"))[:100]
    rows: Rows = []
    for name, one in (("by autograd", _by_autograd), ("by hand", step)):
        for batch in batches[:10]:
            one(training, batch, made.solver)
        with torch.profiler.profile() as found:
            for batch in batches:
                one(training, batch, made.solver)
        rows.append({"what": name, **_shares(found.key_averages(), len(batches))})
    return rows


def _shares(events: Any, steps: int) -> dict[str, float]:
    """Calls of operators per step, and milliseconds per step in products, other operators, and between operators."""
    products = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"}
    spent = {"products, ms": 0.0, "other operators, ms": 0.0, "autograd and Python, ms": 0.0}
    for event in events:
        kind = 0 if event.key in products else 1 if event.key.startswith("aten::") else 2
        spent[list(spent)[kind]] += event.self_cpu_time_total / steps / 1e3
    return {"calls": sum(event.count for event in events if event.key.startswith("aten::")) / steps, **spent}


def gradients(rounds: int, seed: int) -> Rows:
    """Relative error of the gradient of one step's loss against double precision at rtol 1e-11."""
    torch.set_num_threads(1)
    made, problem, training = prepared([f"seed={seed}", "train.epochs=10"])
    loop.fit(training, problem.train, problem.validation, made.solver, seed, lambda: None)
    batch = by_trajectory(problem.train, torch.device("cpu"))[0]
    exact = _gradient(copy.deepcopy(training.model).double(), batch, Torchdiffeq("dopri5", rtol=1e-11, atol=1e-12))
    rows: Rows = []
    tight = {"dopri5, rtol 1e-7": ["solver=dopri5", "solver.rtol=1e-7", "solver.atol=1e-9", "solver.step=null"]}
    for name, overrides in {**SOLVERS, "etdrk4, eight steps": ["solver.step=0.125"], **tight}.items():
        found = _gradient(training.model, batch, check(compose(overrides)).solver)
        rows.append({"what": name, "relative_error": float((found - exact).norm() / exact.norm())})
    published = _gradient(training.model, batch, None)
    rows.insert(0, {"what": "published", "relative_error": float((published - exact).norm() / exact.norm())})
    return rows


def _gradient(model: VectorField, batch: Batch, solver: Solver | None) -> torch.Tensor:
    """By `solver`, or by the published protocol. Genes that may only recover (υ <= 0) are left out."""
    kind = next(model.parameters()).dtype
    start, stop, dt = (part.to(kind) for part in batch[:3])
    model.zero_grad()
    if solver is None:
        ends = [
            torchdiffeq.odeint_adjoint(model, one[None], torch.stack([0 * t, t]), rtol=1e-7, atol=1e-9)[-1]
            for one, t in zip(start, dt, strict=True)
        ]
        predicted = torch.cat(ends)
    else:
        predicted = solver.predict(model, start, dt)
    ((predicted - stop) ** 2).mean().backward()
    raw = model.get_parameter("parametrizations.multipliers.original")
    assert raw.grad is not None
    raw.grad[raw <= 0] = 0
    return torch.cat([p.grad.flatten().double() for p in model.parameters() if p.grad is not None])


def convergence(rounds: int, seed: int) -> Rows:
    """Training time until the validation error is what the published protocol reaches in 20, and in 60, epochs.

    The published protocol is not trained: eight steps of etdrk4 have the same gradients up to rounding, so it takes as
    many epochs, each as long as its steps (measured as in `steps`) make it. 70 epochs at most.
    """
    torch.set_num_threads(1)
    (published, *_) = steps(2, seed)
    runs = {"published": ["solver.step=0.125"], **SOLVERS}
    curves = {name: _curve([f"seed={seed}", "train.epochs=70", *overrides]) for name, overrides in runs.items()}
    errors, _ = curves["published"]
    per_epoch = published["milliseconds"] / 1e3 * 140
    rows: Rows = []
    for name, (own_errors, own_marks) in curves.items():
        row: dict[str, Any] = {"what": name}
        for epochs in (20, 60):
            target = min(errors[:epochs])
            theirs = per_epoch * (errors.index(target) + 1)
            own = next((k for k, error in enumerate(own_errors) if error <= target), None)
            seconds = None if own is None else theirs if name == "published" else own_marks[own]
            row[f"epochs to {target:.3g}"] = None if own is None else own + 1
            row[f"ratio to {target:.3g}"] = None if seconds is None else theirs / seconds
        rows.append(row)
    return rows


def _curve(overrides: Sequence[str]) -> tuple[list[float], list[float]]:
    """Validation error after each epoch of a run, and seconds since its start."""
    marks: list[float] = []
    own = member(overrides, lambda _: marks.append(time.perf_counter()))
    started = time.perf_counter()
    fit_together([own], check(compose(overrides)).solver)
    return [row.validation for row in own.training.history], [mark - started for mark in marks]


# --- many runs -------------------------------------------------------------------------------------------------------


def ensemble(rounds: int, seed: int) -> Rows:
    """An epoch of 16 runs trained as one on two threads over an epoch of one run, of its best number of threads.

    Fifteen epochs each with DASH on SIM350, two cuts among them.
    """
    times: dict[str, list[float]] = {"one run": [], "16 runs as one": []}
    for number in range(rounds + 1):
        for name, seeds, threads in (("one run", [seed], 1), ("16 runs as one", range(seed, seed + 16), 2)):
            torch.set_num_threads(threads)
            members = [member([f"seed={own}", "train.epochs=15"]) for own in seeds]
            elapsed = timed(lambda members=members: fit_together(members, check(compose()).solver))  # type: ignore[misc]
            if number > 0:
                times[name].append(elapsed / 15)
    torch.set_num_threads(1)
    return ratios(times, "one run", inverse=True)


def strategies(rounds: int, seed: int) -> Rows:
    """As `ensemble` for strategies with penalties, gates and thresholds, five epochs each; the ratio is to one run."""
    rows, problem = [], prepared([])[1]
    for pruner in STRATEGIES:
        times: dict[str, list[float]] = {"one run": [], "16 runs as one": []}
        for number in range(rounds + 1):
            for name, seeds, threads in (("one run", [seed], 1), ("16 runs as one", range(seed, seed + 16), 2)):
                torch.set_num_threads(threads)
                members = [_on(problem, [f"seed={own}", f"pruner={pruner}", "train.epochs=5"]) for own in seeds]
                solver = check(compose()).solver
                elapsed = timed(lambda members=members, solver=solver: fit_together(members, solver))  # type: ignore[misc]
                times[name] += [elapsed / 5] if number > 0 else []
        one, together = ratios(times, "one run", inverse=True)
        rows.append({**together, "what": f"{pruner}, 16 runs as one", "one run, milliseconds": one["milliseconds"]})
    torch.set_num_threads(1)
    return rows


def _on(problem: Problem, overrides: Sequence[str]) -> Member:
    """A training on data that are there."""
    made = check(compose(list(overrides)))
    model = made.initial_model(problem)
    made.pruner.attach(model, problem)
    training = Training(model, made.pruner, made.train)
    return Member(training, problem.train, problem.validation, made.run.seed, lambda: None)


# --- genome scale ----------------------------------------------------------------------------------------------------


def growth(rounds: int, seed: int) -> Rows:
    """Time of a dense epoch (with its validation) at 300 hidden units; `exponent` is that of genes since 350."""
    torch.set_num_threads(1)
    sizes = (350, 1000, 3551, 11165)
    times: dict[str, list[float]] = {}
    for genes in sizes:
        own = member([*genome(genes), f"seed={seed}", "pruner=none", "train.epochs=1000"])
        times[f"{genes} genes"] = _epochs(own, rounds)
    rows = ratios(times, "350 genes", inverse=True)
    for row, genes in zip(rows, sizes, strict=True):
        row["exponent"] = math.log(row["ratio_median"]) / math.log(genes / 350) if genes > 350 else None
    return rows


def sparse(rounds: int, seed: int) -> Rows:
    """Time of an epoch at 95 % sparsity over the same with dense products; and how far their losses differ."""
    torch.set_num_threads(1)
    rows: Rows = []
    for genes in (350, 3551, 11165):
        own = member([*genome(genes), f"seed={seed}", "pruner=imp", "schedule.start=900", "train.epochs=1000"])
        generator = torch_generator(seed, "benchmark masks")
        for layer in own.training.model.layers():
            mask_of(layer).bernoulli_(0.05, generator=generator)
        before = copy.deepcopy(own.training.state_dict())
        original = loop.compacted
        loop.compacted = lambda model, optimizer: contextlib.nullcontext()  # type: ignore[assignment]
        dense = _epochs(own, rounds)
        expected = own.training.history[-1].loss
        loop.compacted = original
        own.training.load_state_dict(before)
        found = {"dense": dense, "sparse": _epochs(own, rounds)}
        row = {**ratios(found, "dense", inverse=True)[1], "what": f"{genes} genes"}
        rows.append({**row, "loss_difference": abs(own.training.history[-1].loss / expected - 1)})
    return rows


def _epochs(own: Member, rounds: int) -> list[float]:
    """Seconds of each of `rounds` epochs, after a first one."""
    solver = check(compose()).solver
    elapsed = []
    for _ in range(rounds + 1):
        own.begin_epoch()
        elapsed.append(timed(lambda: loop._train_alone(own, solver)))
        if own.error is not None:
            raise own.error
        elapsed[-1] += timed(own.end_epoch)
    return elapsed[1:]


def memory(rounds: int, seed: int) -> Rows:
    """Peak resident memory of whole runs, scoring included: 300 hidden units, DASH, two cuts (Linux only)."""
    return [_peak(f"{genes} genes", [*genome(genes), "train.epochs=11", f"seed={seed}"]) for genes in (350, 11165)]


def edge_memory(rounds: int, seed: int) -> Rows:
    """Peak resident memory of whole runs of dash_edge, scoring included: two cuts; 1,515 regulators of 11,165 genes.

    The regulators are those of an exact prior. In a dense layer of all pairs each of the tensors of training would
    take 0.46 GiB (Linux only).
    """
    rows = []
    for genes, inputs in ((350, 19), (11165, 600)):
        options = [f"dataset.genes={genes}", f"dataset.inputs={inputs}", f"dataset.edges={genes * 11 // 7}"]
        options += ["dataset.prior_noise=0", "model=phoenix_edge", "model.candidates=prior", "pruner=dash_edge"]
        options += ["pruner.events=2", "train.epochs=10", "train.batch_trajectories=3", f"seed={seed}"]
        rows.append(_peak(f"{genes} genes", [*GENOME, *options]))
    return rows


def _peak(what: str, overrides: Sequence[str]) -> dict[str, Any]:
    """What `dashprune run` with these overrides reached, and the most memory it held at once."""
    with tempfile.TemporaryDirectory() as folder:
        program = (
            "import sys; from pathlib import Path; from dashprune.cli.main import main; main(sys.argv[1:]); "
            "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
        )
        command = [sys.executable, "-c", program, "run", *overrides, "train.checkpoint_every=5", f"outputs={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (path,) = Path(folder).rglob("result.json")
        row = json.loads(path.read_text())
    peak = int(done.stdout.split()[-1]) / 1024**2
    return {"what": what, "peak_gib": peak} | {
        key: row[key] for key in ("sparsity", "edges", "balanced_accuracy", "prior_reliability") if key in row
    }


# --- start-up --------------------------------------------------------------------------------------------------------


def startup(rounds: int, seed: int) -> Rows:
    """Seconds of `dashprune --help`, and of `dashprune tables` on 1,000 runs beyond the import of pandas."""
    program = [sys.executable, "-m", "dashprune.cli.main"]
    with tempfile.TemporaryDirectory() as folder:
        words = ["dataset.genes=24", "dataset.inputs=6", "dataset.edges=40", "train.epochs=2", f"outputs={folder}/one"]
        subprocess.run([*program, "run", *words], capture_output=True, check=True)
        (path,) = Path(folder).rglob("result.json")
        row = json.loads(path.read_text())
        for number in range(1000):
            own = Path(folder, "many", str(number))
            own.mkdir(parents=True)
            row["seed"], row["config"]["pruner"]["lambda_1"] = number % 10, number // 10 / 100
            (own / "result.json").write_text(json.dumps(row))
        commands = {
            "dashprune --help": [*program, "--help"],
            "dashprune tables, 1,000 runs": [*program, "tables", f"{folder}/many"],
            "import pandas": [sys.executable, "-c", "import pandas"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(timed(lambda c=command: subprocess.run(c, capture_output=True, check=True)))  # type: ignore[misc]
    return [{"what": name, "seconds": statistics.median(values)} for name, values in times.items()]


SECTIONS = {
    "steps": steps, "profile": profile, "gradients": gradients, "convergence": convergence, "ensemble": ensemble,
    "strategies": strategies, "edge_steps": edge_steps,
    "growth": growth, "sparse": sparse, "memory": memory, "edge_memory": edge_memory,
    "startup": startup,
}  # fmt: skip


def main() -> None:
    """Measure, print, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks"))
    chosen = parser.parse_args()
    found: dict[str, Rows] = {}
    pages = []
    for name in chosen.only.split(","):
        found[name] = SECTIONS[name](chosen.rounds, chosen.seed)
        page = " ".join((SECTIONS[name].__doc__ or "").split())
        table = tabulate(found[name], headers="keys", tablefmt="github", floatfmt=".4g")
        pages.append(f"## {name}\n\n{page}\n\n{table}\n")
        print(pages[-1], flush=True)
    _write(chosen, found, pages)


def _write(chosen: argparse.Namespace, found: dict[str, Rows], pages: Sequence[str]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    command = f"python scripts/benchmark.py --rounds {chosen.rounds} --seed {chosen.seed} --only {chosen.only}"
    machine = {"processor": platform.machine(), "system": platform.system(), "cores": _cores()}
    about = {"command": command, "commit": commit.stdout.strip(), "machine": machine, "versions": provenance.versions()}
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "benchmark.json").write_text(json.dumps({**about, **found}, indent=1) + "\n")
    versions = ", ".join(f"{name} {number}" for name, number in provenance.versions().items())
    head = (
        "# Speed and memory\n\nOnly ratios carry over to other machines. Ratios are taken within a round; their median,"
    )
    head += " smallest and\nlargest are shown."
    foot = f"Command: `{command}`, code of commit {about['commit']}. {machine}. {versions}."
    (chosen.out / "benchmark.md").write_text("\n\n".join([head, *pages, foot]).replace("\n\n\n", "\n\n") + "\n")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
