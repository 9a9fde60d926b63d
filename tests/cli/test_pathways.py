"""`dashprune pathways` on a run of a second."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.cli.main import main
from dashprune.runs.finished import reported
from tests.conftest import SMALL


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, beside which are the sets "first" and "rest" of its genes, and "few" of two."""
    folder = tmp_path_factory.mktemp("pathways")
    train_prune_eval(compose([*SMALL, "train.epochs=3", f"outputs={folder}"]))
    done = next(path.parent for path in folder.rglob("result.json"))
    genes = reported(done)[0].genes
    sets = {"first": genes[:8], "rest": genes[8:], "few": genes[:2]}
    (folder / "own.gmt").write_text(
        "".join("\t".join([name, "", *members, "?"]) + "\n" for name, members in sets.items())
    )
    return done


def say(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, list[str], list[str]]:
    """Exit code, and the lines of standard output and standard error."""
    code = main(["pathways", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gmt = run.parents[4] / "own.gmt"
    code, out, err = say(capsys, run, "--gmt", gmt, "--permutations", "500")
    assert code == 0
    assert [cell.strip() for cell in out[0].split("|")[1:-1]] == [
        "pathway",
        "genes",
        "z",
        "z_prior",
        "p",
        "bonferroni",
        "bh",
    ]
    assert {line.split("|")[1].strip() for line in out[2:]} == {"first", "rest"}
    assert err[0].startswith(
        "dashprune: 24 of 24 genes are in some set; 2 of 3 sets are tested; left out: 1 with fewer than 5 of"
    )
    assert err[0].endswith(" are significant")
    assert err[1:] == [f"dashprune: written to {run / 'pathways.own.csv'}"]
    table = pd.read_csv(run / "pathways.own.csv")
    assert list(table) == [
        "pathway", "genes", "listed", "same", "influence", "z", "z_prior", "p", "p_normal",
        "bonferroni", "bh", "significant",
    ]  # fmt: skip
    assert sorted(table["genes"]) == [8, 16]
    assert sorted(table["listed"]) == [9, 17]


def test_options(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = (run, "--gmt", run.parents[4] / "own.gmt", "--permutations", "500", "--out", tmp_path / "all.csv")
    code, out, err = say(capsys, *words, "--top", "1", "--min-size", "2", "--max-size", "8", "--background", "all")
    assert (code, len(out)) == (0, 3)
    assert "2 of 3 sets are tested; left out: 0 with fewer than 2 of these genes, 1 with more than 8" in err[0]
    first = (tmp_path / "all.csv").read_text()
    assert set(pd.read_csv(tmp_path / "all.csv")["pathway"]) == {"first", "few"}
    say(capsys, *words, "--min-size", "2", "--max-size", "8", "--background", "all", "--seed", "1")
    assert (tmp_path / "all.csv").read_text() != first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN"], "the following arguments are required: --gmt; see dashprune pathways --help"),
        (["RUN", "--gmt", "reactom"], "--gmt: there is no file 'reactom'; did you mean 'reactome'?"),
        (["nowhere", "--gmt", "GMT"], "nowhere holds no result.json; finish the run"),
        (["RUN", "--gmt", "GMT", "--top", "-1"], "argument --top: invalid count value: '-1'"),
        (["RUN", "--gmt", "GMT", "--permutations", "0"], "0 permutations are too few for 2 gene sets"),
        (["RUN", "--gmt", "GMT", "--min-size", "0"], "sizes of gene sets: 0 to 500 is no range"),
        (["RUN", "--gmt", "GMT", "--background", "some"], "argument --background: invalid choice: 'some'"),
        (
            ["RUN", "--gmt", "GMT", "--permutations", "99", "--out", "no/x"],
            "cannot be written to 'no/x' (No such file or",
        ),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"RUN": run, "GMT": run.parents[4] / "own.gmt"}
    code, out, err = say(capsys, *(places.get(word, word) for word in words))
    assert (code, out, len(err)) == (2, [], 1)
    assert said in err[0]


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pathways", "--help"])
    assert "  dashprune pathways outputs/runs/" in capsys.readouterr().out
