"""Which classes are built: one's own, wherever they lie, and none that is merely read."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashprune import classes, compose, train_prune_eval
from dashprune.cli import main as cli
from dashprune.errors import DashpruneError
from dashprune.pruners.base import Pruner
from tests.conftest import SMALL

SHORT = [*SMALL, "train.epochs=2"]
SHELL = "torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler"
PAGE = Path(__file__).parents[1] / "conf" / "README.md"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of its own; nothing is trusted, and no module of an earlier test is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(classes.FOLDER, "")
    monkeypatch.setattr(classes, "_typed", set())
    yield
    sys.modules.pop("mine", None)


def mine(code: str, target: str = "mine.Mine", name: str = "name: mine\n") -> None:
    """A folder `own` with the yaml of a pruner, and a module."""
    Path("own/pruner").mkdir(parents=True, exist_ok=True)
    Path("own/pruner/mine.yaml").write_text(f"{name}_target_: {target}\n")
    Path("own/mine.py").write_text(code)
    sys.modules.pop("mine", None)


CODE = """
from dashprune.pruners.base import Pruner

class Mine(Pruner):
    pass
"""


def run(*words: str) -> int:
    return cli.main(["run", "--config-dir", "own", "pruner=mine", *SHORT, f"outputs={Path.cwd() / 'out'}", *words])


def test_a_class_beside_its_yaml_needs_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    mine(CODE)
    assert run() == 0
    first = capsys.readouterr().err
    mine(CODE + "\n# edited\n")
    assert run() == 0
    second = capsys.readouterr().err
    folders = [re.findall(r"the run is in (\S+)", said)[0] for said in (first, second)]
    assert folders[0] != folders[1]
    assert all("/mine/" in folder for folder in folders)
    mine(CODE)
    assert run() == 0
    assert folders[0] in capsys.readouterr().err


def test_a_sweep_of_several_processes_has_the_class_too() -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    mine(CODE)
    assert run("-m", "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2") == 0


@pytest.mark.parametrize(
    ("code", "target", "said"),
    [
        (
            "",
            "other.Mine",
            r"there is no module 'other' for other.Mine; Python does not find it \(PYTHONPATH\), nor is",
        ),
        (CODE, "mine.Mime", "mine has no class 'Mime'; did you mean 'Mine'"),
        ("Mine = 3\n", "mine.Mine", "mine has something else than a class 'Mine'"),
        (
            "import nowhere_at_all\n",
            "mine.Mine",
            r"fails: ModuleNotFoundError: No module named .* \(in .*mine.py, line 1\)",
        ),
        ("class Mine(\n", "mine.Mine", r"the module of mine.Mine fails: SyntaxError: .* \(in .*mine.py, line 1\)"),
        ("x = 1 / 0\n", "mine.Mine", r"fails: ZeroDivisionError: division by zero \(in .*mine.py, line 1\)"),
        (
            "class Mine:\n    pass\n",
            "mine.Mine",
            "mine.Mine is no Pruner; make it a subclass of dashprune.pruners.base.Pruner",
        ),
        (
            CODE.replace("pass", "def __init__(self, much):\n        super().__init__()"),
            "mine.Mine",
            "the argument 'much' of Mine has no type; annotate it, such as much: float",
        ),
        (
            CODE.replace("pass", "def __init__(self, much: 'Flaot'):\n        super().__init__()"),
            "mine.Mine",
            "an annotation of Mine cannot be read",
        ),
        (
            CODE.replace("pass", "def __init__(self, much: float):\n        super().__init__()"),
            "mine.Mine",
            "pruner.much: a value is missing",
        ),
        (CODE, "mine", "'mine' names no class; give MODULE.CLASS"),
    ],
)
def test_what_is_wrong_with_a_class_is_named(
    code: str, target: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine(code, target)
    assert run() == 2
    message = capsys.readouterr().err
    assert re.search(said, message), message
    assert "Traceback" not in message


def test_a_yaml_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    mine(CODE, name="")
    assert run() == 2
    assert "pruner.name: a name is missing" in capsys.readouterr().err


def test_a_class_that_is_typed_is_trusted() -> None:
    assert classes.named("dashprune.pruners.base.Pruner", "pruner", Pruner) is Pruner
    with pytest.raises(DashpruneError, match=r"the class collections.OrderedDict is not of dashprune; if it is yours"):
        classes.named("collections.OrderedDict", "pruner")
    classes.trust(["pruner._target_=collections.OrderedDict"])
    assert classes.named("collections.OrderedDict", "pruner").__name__ == "OrderedDict"


@pytest.mark.slow
def test_the_example_of_the_page_runs() -> None:
    """The blocks of the page, each into the file that its first line names."""
    section = PAGE.read_text().partition("## Your own choices")[2].partition("\n## ")[0]
    for language, first, text in re.findall(r"```(python|yaml)\n# (\S+)\n(.*?)```", section, re.DOTALL):
        path = Path(first)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert language in ("python", "yaml")
    command = re.findall(r"^dashprune (run .*)$", section, re.MULTILINE)[0]
    assert cli.main([*command.split(), *SHORT]) == 0


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.fixture
def stored() -> Path:
    """The result of a run, which a stranger may have changed."""
    train_prune_eval(compose([*SHORT, "dataset.prior_noise=0.1", "outputs=out"]))
    return next(Path("out/runs").rglob("result.json"))


def change(path: Path, *keys: str, value: Any) -> None:
    row = json.loads(path.read_text())
    node = row
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    path.write_text(json.dumps(row))


EVIL = {
    "name": "sim350",
    "_target_": SHELL,
    "entrypoint": "/bin/sh",
    "args": ["-c", "touch ran"],
    "env": {},
    "stdout": None,
    "stderr": None,
    "local_rank_id": 0,
}
PLACES = [("config", "dataset"), ("config", "model"), ("config", "pruner"), ("config", "solver")]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plot", "pathways", "edges"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[-1])
def test_a_result_runs_nothing(
    stored: Path, command: str, place: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    change(stored, *place, value=EVIL)
    for target in (
        SHELL,
        "subprocess.Popen",
        "os.system",
        "mine.Mine",
        "dashprune.cli.main.main",
        "dashprune.files.io",
    ):
        change(stored, *place, "_target_", value=target)
        Path("mine.py").write_text("open('ran', 'w')\nclass Mine:\n    pass\n")
        code = cli.main([command, str(stored.parent if command == "plot" else "out")])
        said = capsys.readouterr().err
        assert code == 2, said
        assert "Traceback" not in said
        assert not Path("ran").exists()


@pytest.mark.slow
def test_parts_of_a_strategy_run_nothing(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(
        stored,
        "config",
        "pruner",
        value={"name": "dash", "_target_": "dashprune.pruners.base.Chain", "parts": {"a": EVIL}},
    )
    assert cli.main(["plot", str(stored.parent)]) == 2
    assert "is not of dashprune" in capsys.readouterr().err
    assert not Path("ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("key", ["dataset", "model", "pruner", "id"])
@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "x\ndefaults: [evil]", "", "=cmd", "\x1b[2J", "\\input{x}"])
def test_names_are_never_paths(stored: Path, key: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    change(stored, key, value=name)
    before = {path for path in Path().rglob("*") if path.is_file()}
    assert cli.main(["select", "out"]) == 2
    said = capsys.readouterr().err
    assert "is no name" in said
    assert "\x1b" not in said
    assert {path for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "content",
    [
        {"hydra": {"callbacks": {"evil": EVIL}}},
        {"pruner": {"_target_": SHELL}},
        {"pruner": {"parts": {"a": EVIL}}},
        {"defaults": [{"override /pruner": "evil"}]},
        {"defaults": [{"override /hydra/launcher": "joblib"}]},
        {"defaults": ["/evil"]},
    ],
)
def test_a_selected_file_sets_values_only(content: object, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/selected").mkdir(parents=True)
    Path("out/selected/x.yaml").write_text("# @package _global_\n" + yaml.safe_dump(content))
    Path("out/pruner").mkdir()
    Path("out/pruner/evil.yaml").write_text(yaml.safe_dump(EVIL))
    for more in ([], ["-m", "seed=0,1"]):
        assert cli.main(["run", "--config-dir", "out", "+selected=x", *SHORT, *more]) == 2
        assert "out/selected/x.yaml" in capsys.readouterr().err
    assert not Path("ran").exists()


def test_a_selected_file_of_aliases(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/selected").mkdir(parents=True)
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (bomb, "!!python/object/apply:os.system ['touch ran']\n", "[" * 5000, "x" * 200_000):
        Path("out/selected/x.yaml").write_text(text)
        assert cli.main(["run", "--config-dir", "out", "+selected=x", *SHORT]) == 2
        assert "out/selected/x.yaml cannot be read as yaml: " in capsys.readouterr().err
    assert not Path("ran").exists()
    assert os.environ[classes.FOLDER] == ""
