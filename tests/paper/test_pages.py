from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from dashprune.analysis.scores import SCORES
from dashprune.errors import DashpruneError
from dashprune.paper import pages
from dashprune.paper.items import Item, Run, Table, load
from dashprune.paper.pages import Made, agreement, display, duration, explained, frame, index, latex, markdown
from dashprune.runs import results

TABLE = Table(
    ["sparsity", "balanced_accuracy", "mse", "epochs"],
    {"dense": {"PHOENIX": "none"}, "pruning": {"IMP": "imp", "DASH": "dash"}, "added": {"the prior": "prior"}},
    paper={"none": {"sparsity": 0.03, "mse": 7.78}, "dash": {"sparsity": 92.71}},
)


def run(folder: Path, pruner: str, seed: int, scores: dict[str, float] | None, **versions: str | None) -> Run:
    """A run of these scores, or one that is not done."""
    model = "control" if pruner == "prior" else "phoenix"
    names = ("sim350", model, pruner)
    where = folder / pruner / str(seed)
    if scores is not None:
        where.mkdir(parents=True)
        row = {**dict(zip(("dataset", "model", "pruner"), names, strict=True)), "seed": seed, "id": f"{pruner}{seed}"}
        config = {"seed": seed, "pruner": {"name": pruner}}
        results.write_result(
            where, {**row, "config": config, "versions": {"torch": "2.0", **versions}, "wall_seconds": 60.0, **scores}
        )
    kind = {"dataset": "sim350", "model": model, "pruner": pruner}
    settings = {**kind, "seed": str(seed)}
    return Run((f"pruner={pruner}", f"seed={seed}"), 0, names, seed, pruner in ("dash", "prior"), settings, kind, where)


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two seeds of four strategies; of IMP one run is missing, of DASH both."""
    dense = {"sparsity": 0.0, "balanced_accuracy": 0.5, "mse": 2e-3, "epochs": 10}
    other = {"sparsity": 0.02, "balanced_accuracy": 0.5, "mse": 4e-3, "epochs": 12}
    prior = {"sparsity": 0.99, "balanced_accuracy": 0.975}
    return [
        run(tmp_path, "none", 0, dense), run(tmp_path, "none", 1, other),
        run(tmp_path, "imp", 0, {**dense, "sparsity": 0.95}), run(tmp_path, "imp", 1, None),
        run(tmp_path, "dash", 0, None), run(tmp_path, "dash", 1, None),
        run(tmp_path, "prior", 0, prior), run(tmp_path, "prior", 1, prior),
    ]  # fmt: skip


def made(runs: list[Run], quick: bool = False) -> Made:
    return Made("table1", Item("Table 1", "What it is.", ["x"], "", [TABLE], gaps=["Smaller."]), runs, quick)


def test_a_frame_holds_means_in_the_units_of_results(runs: list[Run]) -> None:
    values = frame(TABLE, runs)
    assert values["strategy"].tolist() == ["PHOENIX", "IMP", "DASH", "the prior"]
    assert values["seeds"].tolist() == [2, 1, 0, 2]
    assert values["runs"].tolist() == [2, 2, 2, 2]
    assert values["prior"].tolist() == [False, False, True, True]
    assert values["sparsity"][0] == pytest.approx(0.01)
    assert values["sparsity_sd"][0] == pytest.approx(0.02 / math.sqrt(2))
    assert values["mse"][0] == pytest.approx(3e-3)
    assert math.isnan(values["mse"][2])
    assert values["paper_sparsity"][0] == pytest.approx(0.0003)
    assert values["paper_mse"][0] == pytest.approx(7.78e-3)
    assert values["paper_balanced_accuracy"].isna().all()


def test_a_table_has_the_paper_s_layout(runs: list[Run]) -> None:
    shown = display(TABLE, frame(TABLE, runs))
    assert list(shown) == [
        "", "strategy", "prior", "seeds", "sparsity, %", "balanced accuracy, %", "MSE, 1e-3", "epochs",
        "paper: sparsity, %", "paper: MSE, 1e-3",
    ]  # fmt: skip
    assert shown.values.tolist() == [
        ["dense", "PHOENIX", "", "2", "1.00 ± 1.41", "50.00 ± 0.00", "3.000 ± 1.414", "11 ± 1", "0.03", "7.78"],
        ["pruning", "IMP", "", "1 of 2", "95.00", "50.00", "2.000", "10", "", ""],
        ["", "DASH", "✓", "0 of 2", "–", "–", "–", "–", "92.71", ""],
        ["added", "the prior", "✓", "2", "99.00 ± 0.00 of pairs", "97.50 ± 0.00", "–", "–", "", ""],
    ]


def test_runs_of_another_protocol_have_columns_of_their_own(tmp_path: Path) -> None:
    runs = [run(tmp_path, "dash", 0, {"sparsity": 0.9, "mse": 1e-3}), run(tmp_path, "none", 0, {"sparsity": 0.0})]
    other = run(tmp_path, "dash", 1, {"sparsity": 0.5, "mse": 5e-3})
    other = replace(other, settings={**other.settings, "model.recovery": "False"})
    groups = {"": {"DASH": "dash", "PHOENIX": "none"}}
    beside = {"as published": "model.recovery=False"}
    table = Table(["sparsity", "mse"], groups, beside=beside, paper={"dash": {"sparsity": 94.6}})
    values = frame(table, [*runs, other])
    assert values["seeds"].tolist() == [1, 1]
    shown = display(table, values)
    assert list(shown)[4:] == ["sparsity, %", "MSE, 1e-3", "as published: sparsity, %", "paper: sparsity, %"]
    assert shown.values.tolist()[0][4:] == ["90.00", "1.000", "50.00", "94.6"]
    assert shown.values.tolist()[1][4:] == ["0.00", "–", "–", ""]
    (line,) = agreement(Made("t", Item("T", "", ["x"], "", [table]), [*runs, other], False)).to_dict("records")
    assert (line["ours"], line["as published"], line["agrees"]) == ("90.00", "50.00", "no")


def test_errors_are_shown_in_the_unit_of_the_table(runs: list[Run]) -> None:
    table = Table(["mse"], {"": {"PHOENIX": "none"}}, mse_unit=1e-4, paper={"none": {"mse": 5.0}})
    shown = display(table, frame(table, runs))
    assert shown["MSE, 1e-4"].tolist() == ["30.000 ± 14.142"]
    assert shown["paper: MSE, 1e-4"].tolist() == ["5"]


def test_every_score_can_be_a_column(tmp_path: Path) -> None:
    written = {"title": "T", "caption": "", "quick": "seed=0", "sweeps": ["pruner=none"]}
    tables = [{"columns": list(SCORES), "groups": {"dense": {"PHOENIX": "none"}}}]
    (tmp_path / "t.yaml").write_text(yaml.safe_dump({**written, "tables": tables}))
    (table,) = load(str(tmp_path / "t.yaml")).tables
    runs = [run(tmp_path, "none", 0, {"epochs": 9, "epochs_after_pruning": 4, "auprc_novel": 0.25})]
    (line,) = display(table, frame(table, runs)).to_dict("records")
    assert (line["epochs"], line["epochs after the last cut"]) == ("9", "4")
    assert line["AUPRC outside of the prior"] == "0.250"
    assert line["precision of the first 10 outside of the prior"] == "–"


def test_a_page_names_command_seeds_versions_and_what_is_missing(runs: list[Run]) -> None:
    text = markdown(made(runs), [frame(TABLE, runs)])
    assert text.startswith("# Table 1\n\nWhat it is.\n\n|")
    assert "Missing runs (3 of 8):\n\n- `dashprune run pruner=imp seed=1`\n- `dashprune run -m pruner=dash" in text
    assert "pruner=dash seed=0,1`\n\n" in text
    assert "Known differences from the paper:\n\n- Smaller." in text
    assert "Made by `dashprune reproduce table1` from 5 of 8 runs, 5 min of computing" in text
    assert "2 seeds (0, 1)" in text
    assert text.endswith("2 seeds (0, 1); unknown commit; torch 2.0.\n")
    assert pages.QUICK not in text
    whole = [one for one in runs if one.result is not None]
    assert "Missing" not in markdown(Made("table1", Item("Table 1", "", ["x"], ""), whole, False), [])


def test_a_page_names_the_commits_of_its_runs(tmp_path: Path) -> None:
    """Not the commit of the code that draws the page."""
    scores, table = {"sparsity": 0.5}, Table(["sparsity"], {"dense": {"PHOENIX": "none"}, "pruning": {"IMP": "imp"}})
    none = [run(tmp_path, "none", seed, scores, dashprune="0.2", commit="aaa") for seed in (0, 1)]
    alike = Made("t", Item("T", "", ["x"], "", [table]), [*none, run(tmp_path, "imp", 0, None)], False)
    text = markdown(alike, [frame(table, alike.runs)])
    assert "; commit aaa; torch 2.0, dashprune 0.2.\n" in text
    assert "same code" not in text
    imp = run(tmp_path, "imp", 0, scores, dashprune="0.2", commit=None)
    mixed = Made("t", alike.item, [*none, imp, run(tmp_path, "imp", 1, scores, dashprune="0.2", commit="aaa")], False)
    frames = [frame(table, mixed.runs)]
    text = markdown(mixed, frames)
    assert "; commits aaa (3 runs) and unknown (1 run); torch 2.0" in text
    assert display(table, frames[0])["code"].tolist() == ["1", "2, 1"]
    note = "Not all runs were made by the same code: 1 is 0.2, commit aaa; 2 is 0.2."
    assert f"|\n\n{note}\n\n" in text
    assert f"{note}}}" in latex(mixed, frames)


def test_quick_is_marked(runs: list[Run], tmp_path: Path) -> None:
    pages.write(made(runs, quick=True), tmp_path / "paper")
    names = {path.name for path in (tmp_path / "paper").iterdir()}
    assert names == {f"table1.quick.{ending}" for ending in ("md", "csv", "tex", "runs.csv")}
    page = (tmp_path / "paper/table1.quick.md").read_text()
    assert page.splitlines()[2] == "QUICK: reduced epochs and seeds, not a reproduction. What it is."
    assert "`dashprune reproduce table1 --quick`" in page
    assert "QUICK: reduced epochs" in (tmp_path / "paper/table1.quick.tex").read_text()
    assert "QUICK: reduced epochs" in index([made(runs, quick=True)], {})


def test_latex_has_rules_between_groups(runs: list[Run]) -> None:
    text = latex(made(runs), [frame(TABLE, runs)])
    rows = [line.strip() for line in text.splitlines()]
    assert rows[:3] == [r"\begin{table}", r"\centering", r"\caption{Table 1. What it is.}"]
    body = rows[rows.index(r"\toprule") : rows.index(r"\bottomrule")]
    marks = [k for k, line in enumerate(body) if line == r"\midrule"]
    assert marks == [2, 4, 7]  # below the headings, the dense model, and the pruned ones
    assert body[3].startswith("dense")
    assert body[5].startswith("pruning")
    assert body[6].startswith("& DASH")
    assert body[8].startswith("added")
    assert r"$\pm$" in text
    assert r"$\checkmark$" in text


def test_files_are_the_same_whenever_they_are_written(runs: list[Run], tmp_path: Path) -> None:
    for name in "ab":
        pages.write(made(runs), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    values = pd.read_csv(tmp_path / "a/table1.csv")
    assert values["sparsity"][1] == 0.95
    assert len(pd.read_csv(tmp_path / "a/table1.runs.csv")) == 5
    with pytest.raises(DashpruneError, match="table1 cannot be written to '/dev/null/x'"):
        pages.write(made(runs), Path("/dev/null/x"))


def test_agreement_is_the_difference_to_what_is_known(runs: list[Run]) -> None:
    lines = agreement(made(runs)).to_dict("records")
    assert [(line["strategy"], line["score"], line["paper"], line["ours"], line["difference"]) for line in lines] == [
        ("PHOENIX", "sparsity, %", "0.03", "1.00", "+0.97"),
        ("PHOENIX", "MSE, 1e-3", "7.78", "3.000", "-4.780"),
        ("DASH", "sparsity, %", "92.71", "–", "–"),
    ]


@pytest.mark.parametrize(
    ("ours", "published", "said"),
    [(0.9, 0.5, "yes"), (0.7, 0.89, "as published"), (0.5, 0.7, "no; as published is closer"), (0.5, 0.4, "no"),
     (0.5, math.nan, "no"), (math.nan, 0.9, "not done")],
)  # fmt: skip
def test_a_difference_is_explained_by_the_protocol_or_not(ours: float, published: float, said: str) -> None:
    assert explained(ours, 0.91, {"as published": published}, 0.03) == said


def test_the_index_names_items_and_those_that_could_not_be_made(runs: list[Run]) -> None:
    text = index([made(runs)], {"table2": "data are missing"})
    (row,) = [line for line in text.splitlines() if "table1.md" in line]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == [
        "[table1](table1/table1.md)", "Table 1", "`dashprune reproduce table1`", "5 of 8", "5 min", "", "Smaller.",
    ]  # fmt: skip
    assert "table2 could not be made: data are missing" in text
    assert "| 33, of earlier code" in index([made(runs)], {}, {"table6": 33})
    assert "+0.97" in text
    assert "could not" not in index([made(runs)], {})
    total = "Computing of the 5 runs of these items, each counted once and without those of earlier code: 5 min "
    assert total in index([made(runs), made(runs)], {}), "items share runs"
    assert "which is 2 min on two cores" in text
    assert "Beside" not in index([], {"table2": "x"})


def test_durations_are_read_by_people() -> None:
    assert [duration(seconds) for seconds in (0, 42.4, 720, 11160)] == ["0 s", "42 s", "12 min", "3.1 h"]
