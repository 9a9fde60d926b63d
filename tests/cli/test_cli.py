"""The command line as a user meets it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dashprune.cli.main import main
from dashprune.cli.parser import COMMANDS
from tests.conftest import SMALL

PROGRAM = [sys.executable, "-m", "dashprune.cli.main"]
REPOSITORY = Path(__file__).parents[2]


def dashprune(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": str(REPOSITORY), **os.environ, **environment}
    return subprocess.run([*PROGRAM, *words], cwd=cwd, env=paths, capture_output=True, text=True, check=False)


def mistake(*words: str, cwd: Path) -> str:
    """What a user's mistake prints in a process of its own: one line on standard error, exit code 2."""
    done = dashprune(*words, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("dashprune: ")
    return done.stderr


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line within this process, which has imported what takes seconds, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dashprune"])  # which Hydra is given its words in

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        code = main(list(words))
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, printed.out, printed.err)

    return called


def test_help_and_version_answer_without_loading_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from dashprune.cli.main import main; code = main({!r}); "
        "heavy = {'torch', 'hydra', 'pandas', 'numpy', 'requests', 'pooch', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; sys.exit(code)"
    )
    for words in (
        ["--help"],
        ["--version"],
        [],
        ["tables", "-h"],
        ["edges", "-h"],
        ["select", "--help"],
        ["plot", "-h"],
        ["run", "--help"],
        ["pathways", "--help"],
        ["check", "--help"],
        ["reproduce", "--help"],
        ["data", "-h"],
        ["completion", "-h"],
    ):
        command = [sys.executable, "-c", script.replace("{!r}", repr(words))]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "dashprune" in done.stdout


def test_every_help_text_has_an_example(tmp_path: Path) -> None:
    for command in COMMANDS:
        assert f"  dashprune {command}" in dashprune(command, "--help", cwd=tmp_path).stdout


@pytest.mark.slow
def test_a_run_prints_its_row_and_asked_again_prints_it_again(tmp_path: Path, command: Command) -> None:
    first = command("run", *SMALL, "train.epochs=3")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("\n") == 3
    assert "| sim350    | phoenix | dash" in first.stdout
    assert "epoch 3 of 3: loss" in first.stderr
    again = command("run", *SMALL, "train.epochs=3")
    assert again.stdout == first.stdout
    (folder,) = (path.parent for path in tmp_path.rglob("result.json"))
    assert again.stderr == f"dashprune: the run is in {folder.relative_to(tmp_path)}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs"]
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == ["locks", "runs"]


@pytest.mark.slow
def test_a_failed_job_does_not_stop_a_sweep(tmp_path: Path, command: Command) -> None:
    sweep = ["run", "-m", *SMALL, "train.epochs=3", "pruner=dash,imp,none", "seed=0,1"]
    done = command(*sweep, "train.learning_rate=1e-3,1e30")
    assert done.returncode == 2
    assert done.stderr.count("dashprune: failed: ") == 6
    said = re.findall(
        r"failed: epoch 1, step .*\n  dashprune run .*pruner=(\S+) seed=(\S+) train.learning_rate=1e", done.stderr
    )
    assert said == [(pruner, seed) for pruner in ("dash", "imp", "none") for seed in ("0", "1")]
    assert len(list(tmp_path.rglob("result.json"))) == 6
    lines = [line for line in done.stdout.splitlines() if line.startswith("| sim350")]
    assert [line.split("|")[3].strip() for line in lines] == ["dash", "imp", "none"]
    assert all("±" in line for line in lines)
    tables = command("tables")
    assert tables.returncode == 0
    assert all(line in tables.stdout for line in lines)
    assert "for want of 3 shared seeds: dash, imp, none." in tables.stdout
    assert {p.name for p in (tmp_path / "outputs/tables").iterdir()} == {
        "comparisons.csv",
        "comparisons.md",
        "results.csv",
        "results.md",
        "results.tex",
        "runs.csv",
    }


@pytest.mark.slow
def test_check_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for path in (REPOSITORY / "conf").glob("*/*.yaml"):
        assert f"{path.parent.name}/{path.name}: ok" in shown.out


@pytest.mark.slow
def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    assert "model=phenix: there is no such choice; did you mean 'phoenix'?" in mistake(
        "run", "model=phenix", cwd=tmp_path
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rum"], f"there is no command 'rum'; did you mean 'run'?; commands: {', '.join(COMMANDS)}"),
        (["--verison"], "unrecognized arguments: --verison"),
        (["run", "pruner"], "'pruner' is not KEY=VALUE; give it a value: pruner=VALUE"),
        (["run", "seed"], "'seed' is not KEY=VALUE; give it a value: seed=VALUE"),
        (["run", "dash"], "'dash' is not KEY=VALUE; did you mean pruner=dash?"),
        (["run", "dahs"], "'dahs' is not KEY=VALUE; did you mean pruner=dash?"),
        (["run", "sede"], "'sede' is not KEY=VALUE; did you mean seed=VALUE?"),
        (["run", "seed:1"], "'seed:1' is not KEY=VALUE; did you mean seed=1?"),
        (["run", "xyzxyz"], "'xyzxyz' is not KEY=VALUE; see dashprune run --help"),
        (["run", "=1"], "'=1' is not KEY=VALUE: the key is missing"),
        (["run", "seed=0,1"], "seed=0,1 has several values; add -m for a run of each, or write seed=[0,1]"),
        (["run", "+seed=1"], "seed: this key is there already; set it without the +"),
        (["run", "~seeds"], "~seeds: there is no such key to be removed"),
        (["run", "seed=range(3)"], "seed=range(3) has several values; add -m for a run of each"),
        (["run", "~seed"], "dataset.seed needs seed, which is not set; leave out what removes it"),
        (["run", "--multi"], "unrecognized arguments: --multi"),
        (
            ["run", "pruner=dassh"],
            "pruner=dassh: there is no such choice; did you mean 'dash'?; choices: bioprune, cnode, dash,",
        ),
        (["run", "model=phenix"], "did you mean 'phoenix'?; choices: mlp, phoenix,"),
        (["run", "dataset=sim"], "did you mean 'sim350'?; choices: brca, custom,"),
        (["run", "hidden=[1,2]", "hidden.x=5"], "hidden=[1,2] hidden.x=5: Hydra cannot put this together"),
        (["run", "hydra=null"], "hydra=null: Hydra cannot put this together (Config group override must be"),
        (
            ["run", "pruner=imp", "pruner.schedule.first=0.5"],
            "pruner.schedule.first=0.5: pruner.schedule takes its keys from elsewhere; set schedule.first",
        ),
        (["run", "pruner.lamda_1=1"], "pruner.lamda_1=1: there is no key 'lamda_1'"),
        (["run", "-m", "pruner=dash,imp", "pruner.lambda_1=0,1"], "there is no key 'lambda_1' under pruner (in at lea"),
        (["run", "-m", "pruner=dash,dassh"], "pruner=dassh: there is no such choice"),
        (["run", "pruner.lambda_1=2"], "pruner.lambda_1: 2 is not allowed; input should be less than or equal to 1"),
        (["run", "outputs=/dev/null/x"], "(Not a directory); choose another with outputs=FOLDER"),
        (["tables", "nowhere"], "there is no folder 'nowhere'"),
        (["tables", "a", "b"], "unrecognized arguments: b"),
        (["run", "grid=coarse"], "grid=coarse is a sweep; add -m: dashprune run -m grid=coarse"),
        (["run", "-m", "grid=rough"], "grid=rough: there is no such choice; choices: coarse, fine, none, paper"),
        (["run", "-m", "--cfg", "job"], "argument --cfg: not allowed with argument -m"),
        (["check", "--fast"], "unrecognized arguments: --fast"),
        (["check", "prune"], "there is no group 'prune'; did you mean 'pruner'?; groups: dataset, model"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith("dashprune: ")
    assert said in shown.err


def test_a_defect_of_a_run_is_not_taken_for_a_mistake(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(cfg: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("dashprune.runs.run.train_prune_eval", defect)
    with pytest.raises(ValueError, match="a defect"):
        command("run")


@pytest.mark.slow
def test_a_missing_upstream_file_is_named_with_the_way_out(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", "dataset.network=published"]
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "nothing"))
    done = command(*words)
    assert done.returncode == 2
    assert "gene_names_350.csv is missing; run 'dashprune data fetch sim350' or set DASHPRUNE_MIRROR" in done.stderr
    assert "dataset.network=generated" in done.stderr
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path / "nowhere"))
    done = command(*words)
    assert "DASHPRUNE_MIRROR is" in done.stderr


def test_the_configuration_can_be_printed(tmp_path: Path) -> None:
    done = dashprune("run", "--cfg", "job", "pruner=imp", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "name: imp" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_sweep_may_be_trained_as_one_model(command: Command) -> None:
    """The same rows, and folders that the same sweep without `vectorize` finds done; a failed job is named."""
    words = ["run", *SMALL, "-m", "seed=0,1", "pruner=imp,random", "train.epochs=4"]
    done = command(*words, "vectorize=true")
    assert done.returncode == 0, done.stderr
    assert "4 runs: 4 as one (imp, random)" in done.stderr
    again = command(*words)
    assert again.stdout == done.stdout
    assert again.stderr == ""
    failed = command(*words, "train.learning_rate=1e-3,-1", "vectorize=true")
    assert failed.returncode == 2
    assert failed.stdout == done.stdout
    assert failed.stderr.count("train.learning_rate: -1") == 4
