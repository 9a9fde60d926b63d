from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from dashprune import compose, train_prune_eval
from dashprune.errors import DashpruneError
from dashprune.paper import items
from dashprune.paper.items import Run, Table, expand, lines, load, plan, select, sweeps
from dashprune.runs.checked import check
from tests.conftest import SMALL


def made_up(pruner: str, seed: int = 0, **settings: str) -> Run:
    names = ("sim350", "phoenix", pruner)
    own = {"dataset": "sim350", "model": "phoenix", "pruner": pruner, "seed": str(seed), **settings}
    kind = {key: value for key, value in own.items() if key != "seed"}
    return Run((f"pruner={pruner}",), 0, names, seed, False, own, kind, Path(f"{pruner}{seed}"))


def written(folder: Path, **changes: object) -> str:
    """The path of a small item's yaml."""
    values = {
        "title": "Ours", "caption": "Small.", "quick": "seed=0 train.epochs=3",
        "sweeps": [" ".join([*SMALL, "pruner=imp,dash seed=0,1"])],
        "tables": [{"columns": ["sparsity"], "groups": {"pruning": {"IMP": "imp", "DASH": "dash"}}}],
    }  # fmt: skip
    path = folder / "ours.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}, sort_keys=False))
    return str(path)


@pytest.mark.parametrize("name", items.names())
def test_sweeps_expand_to_what_hydra_would_run(name: str) -> None:
    for words in [*sweeps(load(name), quick=False), *sweeps(load(name), quick=True)]:
        parsed = OverridesParser.create().parse_overrides(words)
        assert [list(run) for run in expand(words)] == BasicSweeper.split_arguments(parsed, None)[0]


@pytest.mark.parametrize("name", items.names())
def test_every_item_says_in_a_sentence_whether_it_agrees_with_the_paper(name: str) -> None:
    assert load(name).verdict.endswith(".")


def test_ranges_are_expanded_and_intervals_refused() -> None:
    assert expand(["seed=range(2)", "pruner=imp"]) == [("seed=0", "pruner=imp"), ("seed=1", "pruner=imp")]
    with pytest.raises(DashpruneError, match="interval"):
        expand(["pruner.lambda_1=interval(0,1)"])


def test_figures_need_no_runs_but_those_of_tables() -> None:
    def runs(name: str) -> set[frozenset[str]]:
        return {frozenset(run) for words in sweeps(load(name), quick=False) for run in expand(words)}

    beyond = ["beyond_data", "beyond_networks", "beyond_priors"]
    outside = [
        f"outside_{name}" for name in ("alone", "ecoli", "knockouts", "novel", "priors", "switches", "trajectories")
    ]
    assert items.names() == [
        *beyond,
        "depth",
        "fig2",
        "fig3",
        "fig5",
        "fig6",
        "fig_coregulation",
        "fig_lineages",
        "interventions",
        "noise",
        *outside,
        "table1",
        "table2",
        "table6",
        "table9",
        "table10",
        "table2_yeast",
    ]
    assert runs("fig_coregulation") < runs("fig2") < runs("table1")
    assert runs("table1") - runs("fig2") == {run for run in runs("table1") if "protocol=published" in run}
    assert runs("fig5") < runs("table2")
    assert runs("fig6") < runs("table2_yeast")
    assert len(runs("table1")) == 13 * 3 + 8 * 3 + 8 * 3
    assert len(runs("table10") & runs("table9")) == 8 * 3


def test_quick_replaces_values_and_adds_the_others(tmp_path: Path) -> None:
    item = load(written(tmp_path, sweeps=["seed=0,1 pruner=imp", "pruner=dash train.epochs=9"]))
    assert sweeps(item, quick=False) == [["seed=0,1", "pruner=imp"], ["pruner=dash", "train.epochs=9"]]
    assert sweeps(item, quick=True) == [
        ["pruner=imp", "seed=0", "train.epochs=3"],
        ["pruner=dash", "seed=0", "train.epochs=3"],
    ]


def test_a_plan_finds_the_folder_that_a_run_has(tmp_path: Path) -> None:
    """For a seed that was set after composing, and with `vectorize`, which makes no other run."""
    item = load(written(tmp_path, sweeps=[" ".join([*SMALL, "pruner=imp seed=0,3 vectorize=true"])]))
    runs = plan(item, tmp_path / "out")
    assert [run.seed for run in runs] == [0, 3]
    assert [run.result for run in runs] == [None, None]
    row = train_prune_eval(compose([*SMALL, "pruner=imp", "seed=3", f"outputs={tmp_path / 'out'}"]))
    assert runs[1].result == row
    assert runs[0].result is None
    assert runs[1].overrides[-1] == "seed=3"
    values = check(compose([*SMALL, "pruner=imp", "seed=3"])).values
    assert runs[1].settings["pruner.schedule.every"] == str(values["pruner"]["schedule"]["every"]) == "2"


def test_a_run_of_two_sweeps_is_planned_once(tmp_path: Path) -> None:
    both = [" ".join([*SMALL, "pruner=imp"]), " ".join([*SMALL, "pruner=imp seed=0,1"])]
    assert [run.sweep for run in plan(load(written(tmp_path, sweeps=both)), tmp_path)] == [0, 1]


def test_a_row_means_runs_that_differ_in_seeds_only() -> None:
    runs = [made_up("dash", seed, **{"dataset.prior_noise": noise}) for seed in (0, 1) for noise in ("0", "0.2")]
    assert select("dash dataset.prior_noise=0.2", runs) == (runs[1], runs[3])
    with pytest.raises(DashpruneError, match=r"'dash' has runs that differ in dataset\.prior_noise; add KEY=VALUE"):
        select("dash", runs)
    with pytest.raises(DashpruneError, match="no sweep has runs for the row 'imp'"):
        select("imp", runs)


def test_tables_take_the_runs_that_are_theirs() -> None:
    runs = [made_up("imp", 0, model="mlp"), made_up("imp", 0), made_up("dash", 0)]
    table = Table(["sparsity"], {"pruning": {"IMP": "imp"}}, runs="model=phoenix")
    (line,) = lines(table, runs)
    assert (line.group, line.label, line.runs) == ("pruning", "IMP", (runs[1],))


@pytest.mark.parametrize(
    ("paper", "said"),
    [
        ({"ipm": {"sparsity": 1.0}}, "no row 'ipm'; did you mean 'imp'"),
        ({"imp": {"mse": 1.0}}, "no column 'mse'; columns: sparsity"),
    ],
)
def test_numbers_of_the_paper_belong_to_a_row_and_a_column(paper: dict[str, dict[str, float]], said: str) -> None:
    with pytest.raises(DashpruneError, match=said):
        lines(Table(["sparsity"], {"": {"IMP": "imp"}}, paper=paper), [made_up("imp")])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": None}, "title: None is not allowed"),
        ({"sweps": []}, "sweps: there is no such key; did you mean 'sweeps'"),
        (
            {"tables": [{"columns": ["sparsty"], "groups": {"a": {"b": "imp"}}}]},
            r"tables\.0\.columns\.0: 'sparsty' is not allowed; there is no such score; did you mean 'sparsity'",
        ),
        ({"tables": [{"columns": ["mse"], "groups": {"a": {"b": "imp"}}, "titel": ""}]}, "did you mean 'title'"),
        ({"figure": {"draw": "pie"}}, r"figure\.draw: 'pie' is not allowed"),
        ({"sweeps": ["pruner=imp,dash prunr.x=1"]}, "there is no key 'x' under prunr"),
        ({"sweeps": ["pruner=imp"]}, "no sweep has runs for the row 'dash'"),
        ({"sweeps": ["pruner=imp,dash 'seed=['"]}, "is not KEY=VALUE as Hydra reads it"),
        ({"sweeps": ["pruner=imp,dash seed=-1"], "quick": "seed=-1"}, "seed: -1 is not allowed"),
        ({"tables": []}, "give either tables or a figure"),
    ],
)
def test_a_mistake_in_an_item_is_named(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(DashpruneError, match=said):
        items.check_item(path)


def test_an_item_that_is_not_there_or_not_yaml(tmp_path: Path) -> None:
    with pytest.raises(DashpruneError, match="there is no item 'tabel1'; did you mean 'table1'"):
        load("tabel1")
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(DashpruneError, match="cannot be read as yaml: while parsing"):
        load(str(tmp_path / "a.yaml"))
    (tmp_path / "a.yaml").write_text("- a")
    with pytest.raises(DashpruneError, match="must have the keys title, caption, sweeps and quick"):
        load(str(tmp_path / "a.yaml"))


def test_absent_data_are_named_in_the_loader_s_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path))
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "nothing"))
    with pytest.raises(DashpruneError, match="is missing; run 'dashprune data fetch sim350'"):
        plan(load(written(tmp_path, sweeps=["dataset.network=published pruner=imp,dash"])), tmp_path)


def test_rows_that_are_kept_count_as_done(tmp_path: Path) -> None:
    ours = load(written(tmp_path))
    first, *others = plan(ours, tmp_path)
    kept = {first.folder.name: {"dataset": "sim350", "sparsity": 0.5}, "unknown": {"sparsity": 0.1}}
    again, *same = plan(ours, tmp_path, kept=kept)
    assert again.result is not None
    assert (again.result["sparsity"], again.result["config"]["pruner"]["name"]) == (0.5, again.names[2])
    assert [run.result for run in same] == [None] * len(others)


def test_all_runs_below_a_folder_are_found(tmp_path: Path) -> None:
    assert items.finished(tmp_path) == []
    row = train_prune_eval(compose([*SMALL, "train.epochs=3", "control=prior", f"outputs={tmp_path}"]))
    assert items.finished(tmp_path) == [row]


def test_rows_of_every_table_are_distinct() -> None:
    for name in items.names():
        for table in load(name).tables:
            rows = list(itertools.chain.from_iterable(group.values() for group in table.groups.values()))
            assert len(set(rows)) == len(rows)
