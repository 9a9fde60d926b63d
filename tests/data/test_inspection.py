"""Looking into one's own files: which is what, what is amiss, what mends it, and a dataset of them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from dashprune.cli import main as cli
from dashprune.data.own.inspection import roles
from dashprune.errors import DashpruneError
from tests.data.test_custom import EDGES, GENES, folder, table, write_h5ad
from tests.data.test_own_expression import beeline

assert folder  # the current folder, with a good expression.csv and prior.csv


def inspect(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    """Exit code, what was printed, and the command at its end."""
    code = cli.main(["data", "inspect", *words])
    lines = capsys.readouterr().out.splitlines()
    ready = [line.partition(": ")[2] for line in lines if line.startswith(("ready: ", "not ready yet: "))]
    return code, lines, ready[-1] if ready else ""


def test_two_good_files(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, command = inspect(capsys, "prior.csv", "expression.csv")
    assert code == 0
    assert lines[0].startswith("expression.csv: 4 genes, samples: 5")
    assert lines[1].startswith("prior.csv: kept 3 of 3 edges")
    assert command == "dashprune run dataset=custom dataset.prior=prior.csv dataset.expression=expression.csv"
    assert not Path("outputs").exists()


def test_what_is_amiss_is_mended_in_turn(capsys: pytest.CaptureFixture[str]) -> None:
    wide = table(samples=1).drop(columns="sample").rename(columns={"time": "hours"})
    wide.loc[2, "MYC"] = None
    wide.to_csv("expression.csv", index=False)
    code, lines, command = inspect(capsys, "expression.csv", "prior.csv")
    assert code == 0
    assert {"dataset.sample=null", "dataset.missing=interpolate"} <= set(shlex.split(command))
    assert any("1 of 16 values is missing" in line for line in lines)
    assert cli.main([*shlex.split(command)[1:], "control=persistence"]) == 0


def test_a_column_by_another_name_is_taken_before_all_is_one_sample(capsys: pytest.CaptureFixture[str]) -> None:
    table().rename(columns={"sample": "Sample"}).to_csv("expression.csv", index=False)
    _, _, command = inspect(capsys, "expression.csv")
    assert "dataset.sample=Sample" in shlex.split(command)


def test_what_cannot_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    Path("expression.csv").write_text("sample,time,A,B\ns,0,1,2\ns,1,low,2\n")
    code, lines, _ = inspect(capsys, "expression.csv")
    assert code == 2
    assert lines[0].startswith("expression.csv: row 3, column 'A' is 'low'")
    assert lines[-1].startswith("not ready yet: ")


def test_files_of_beeline(capsys: pytest.CaptureFixture[str]) -> None:
    beeline(table(), "ExpressionData.csv")
    Path("refNetwork.csv").write_text("Gene1,Gene2,Type\nTP53,MDM2,+\n")
    code, _, command = inspect(capsys, "refNetwork.csv", "PseudoTime.csv", "ExpressionData.csv")
    assert code == 0
    assert {"dataset.pseudotime=PseudoTime.csv", "dataset.gold=refNetwork.csv", "dataset.prior=null"} <= set(
        shlex.split(command)
    )


@pytest.mark.parametrize(
    ("name", "content", "role"),
    [
        ("net.tsv", "TF\tgene\nA\tB\n", "prior"),
        ("net.txt", "A\tB\tActivation\n", "prior"),
        ("sets.gmt", "A\tx\tB\n", "prior"),
        ("matrix.csv", ",A,B\nA,0,1\nB,0,0\n", "prior"),
        ("counts.csv", ",c1,c2\nA,0,1\nB,0,0\n", "expression"),
        ("times.csv", "dpt_pseudotime,A,B\n0,1,2\n", "expression"),
        ("rows.csv", "time,0,1,2\nA,0.1,0.2,0.3\nB,0.3,0.2,0.1\n", "expression"),
        ("rows.csv", "gene,0,1,2\nA,0.1,0.2,0.3\nB,0.3,0.2,0.1\n", "expression"),
        ("edges.csv", "7157,1956,1\n7157,2099,-1\n", "prior"),
        ("gold_standard.csv", ",A,B\nA,0,1\nC,0,0\n", "gold"),
        ("PseudoTime.csv", ",a\nc1,0\n", "pseudotime"),
    ],
)
def test_which_file_is_what(name: str, content: str, role: str) -> None:
    Path(name).write_text(content)
    assert roles([Path(name)]) == {role: Path(name)}


def test_which_file_is_what_may_be_unclear() -> None:
    write_h5ad(table())
    with pytest.raises(DashpruneError, match=r"both seem to be the expression; .* dataset.expression=cells.h5ad"):
        roles([Path("expression.csv"), Path("cells.h5ad")])
    with pytest.raises(DashpruneError, match=r"no.csv. does not exist; give files"):
        roles([Path("no.csv")])
    with pytest.raises(DashpruneError, match=r"'expresion.csv' does not exist; did you mean 'expression.csv'\?"):
        roles([Path("expresion.csv")])


def test_a_dataset_is_written_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    table(samples=1).drop(columns="sample").to_csv("expression.csv", index=False)
    code, lines, _ = inspect(capsys, "expression.csv", "prior.csv", "--write", "mine.yaml")
    assert code == 0
    assert lines[-1] == "written to dataset/mine.yaml; run it with: dashprune run --config-dir . dataset=mine"
    assert cli.main(["run", "--config-dir", ".", "dataset=mine", "control=prior"]) == 0
    capsys.readouterr()
    code = cli.main(["data", "inspect", "expression.csv", "prior.csv", "--write", "mine.yaml"])
    assert (code, "is there already" in capsys.readouterr().err) == (2, True)


def test_no_expression(capsys: pytest.CaptureFixture[str]) -> None:
    Path("more.csv").write_text(EDGES)
    assert cli.main(["data", "inspect", "prior.csv"]) == 2
    assert "none of the files seems to be expression; name it with dataset.expression=FILE" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["dataset.sample", "dataset.", "dataset.sample=", "datset.sample=null", "pruner=imp"])
def test_words_that_are_neither_files_nor_overrides(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "inspect", "expression.csv", word]) == 2
    assert f"'{word}' is neither a file nor dataset.KEY=VALUE" in capsys.readouterr().err


def test_overrides_that_are_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "inspect", "expression.csv", "dataset.smaple=null"]) == 2
    said = capsys.readouterr()
    assert "no key 'smaple' under dataset; did you mean 'sample'?" in said.out


def test_a_table_of_r_has_no_name_above_its_rows() -> None:
    wide = pd.DataFrame([[0.1, 0.2], [0.3, 0.4]], index=["c1", "c2"], columns=GENES[:2])
    Path("r.csv").write_text(wide.to_csv().removeprefix(","))
    assert roles([Path("r.csv")]) == {"expression": Path("r.csv")}


@pytest.mark.slow
def test_the_page_of_layouts_is_what_is_printed() -> None:
    script = Path(__file__).parents[2] / "scripts" / "layouts.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run python scripts/layouts.py; {done.stderr}"
