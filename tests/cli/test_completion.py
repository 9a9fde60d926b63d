"""What the tab key completes, as bash asks for it with the script that `dashprune completion bash` prints."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from dashprune.cli.completion import COMPLETERS
from dashprune.cli.parser import COMMANDS
from dashprune.config import choices
from tests.cli.test_cli import REPOSITORY, dashprune, mistake

PRESS_TAB = """\
source <(dashprune completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=($1)
_python_argcomplete dashprune
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `dashprune` as a command, a torch that must not be imported, and a file."""
    command = tmp_path / "bin" / "dashprune"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m dashprune "$@"\n')
    command.chmod(0o755)
    (tmp_path / "torch.py").write_text("raise RuntimeError('the tab key loads torch')\n")
    (tmp_path / "measured.csv").touch()
    return tmp_path


def completed(folder: Path, line: str) -> list[str]:
    """What may stand at the end of a line, as far as bash takes it for a word of its own: behind the last `=`."""
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}:{REPOSITORY}",
    }
    command = ["bash", "-c", PRESS_TAB, "bash", line]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_tab_key_in_bash(folder: Path) -> None:
    assert completed(folder, "dashprune ") == list(COMMANDS)
    assert completed(folder, "dashprune pathways --s") == ["--seed"]
    assert completed(folder, "dashprune data fetch y") == ["yeast"]
    assert completed(folder, "dashprune plot mea") == ["measured.csv"]
    assert completed(folder, "dashprune run pruner=i") == ["imp", "imp_edge"]
    assert completed(folder, "dashprune run -m pruner=imp pruner.t") == ["pruner.target_sparsity="]


def offered(dest: str, prefix: str = "", *before: str) -> list[str]:
    """What begins with `prefix` of that which is offered for an argument, behind other words."""
    names = COMPLETERS[dest](prefix=prefix, parsed_args=Namespace(overrides=before))
    return [name for name in names if name.startswith(prefix)]


def test_what_arguments_can_be() -> None:
    assert offered("groups", "pr") == ["pruner", "protocol"]
    assert offered("item", "fig") == ["fig2", "fig3", "fig5", "fig6", "fig_coregulation", "fig_lineages"]
    assert offered("name") == [*choices("dataset"), "all"]
    assert offered("launcher", "sub") == ["submitit_local", "submitit_slurm"]


def test_a_group_is_completed_by_its_yaml_files() -> None:
    assert "pruner=" in offered("overrides", "pruner")
    assert offered("overrides", "pruner=") == [f"pruner={name}" for name in choices("pruner")]
    assert offered("overrides", "pruner=dash,im") == ["pruner=dash,imp", "pruner=dash,imp_edge"]
    assert offered("overrides", "hydra/launcher=j") == ["hydra/launcher=joblib"]


def test_keys_are_those_of_what_was_chosen_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered("overrides", "pruner.lam") == ["pruner.lambda_1=", "pruner.lambda_2="]
    assert offered("overrides", "pruner.lam", "pruner=imp") == []
    assert offered("overrides", "train.plateau.pat", "seed=0,1") == ["train.plateau.patience="]
    assert offered("overrides", "seed=") == ["seed=0"]
    assert offered("overrides", "seeed=") == []
    (tmp_path / "measured.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert offered("overrides", "dataset.gold=mea", "dataset=custom") == ["dataset.gold=measured.csv"]


def test_a_script_for_each_shell(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_ARGCOMPLETE" in dashprune("completion", shell, cwd=tmp_path).stdout
    assert "argument shell: invalid choice: 'tcsh'" in mistake("completion", "tcsh", cwd=tmp_path)
