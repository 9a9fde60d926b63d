"""Comparing networks whose differences are known, and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashprune import compose, train_prune_eval
from dashprune.analysis import rewiring
from dashprune.analysis.rewiring import Group, compare
from dashprune.cli.main import main
from dashprune.errors import DashpruneError
from dashprune.runs import identity
from tests.conftest import SMALL


def network(*edges: str) -> pd.DataFrame:
    """Of edges such as `a>b` (effect 1) and `a-b` (effect -1)."""
    rows = [(edge[0], edge[2], 1.0 if edge[1] == ">" else -1.0) for edge in edges]
    return pd.DataFrame(rows, columns=["source", "target", "effect"])


def of(table: pd.DataFrame, gene: str) -> pd.Series:
    return table.set_index("gene").loc[gene]


def test_edges_hubs_and_targets_of_two_networks() -> None:
    first, second = network("a>b", "a>c", "a>d", "b>d"), network("a>b", "a-c", "b>d", "b>c")
    found = compare([Group("one", [first]), Group("two", [second])])
    pair = found.pairs.iloc[0]
    assert (pair["shared"], pair["only_first"], pair["only_second"]) == (3, 1, 1)
    assert pair["jaccard"] == 3 / 5
    assert pair["same_sign"] == pytest.approx(2 / 3)
    assert np.isnan(pair["p"])
    edges = found.edges.set_index(["source", "target"])
    assert edges.loc[("a", "c"), "sign_differs"]
    assert edges["sign_differs"].sum() == 1
    assert edges["in"].to_dict() == {
        ("a", "b"): "one; two", ("a", "c"): "one; two", ("b", "d"): "one; two", ("a", "d"): "one", ("b", "c"): "two",
    }  # fmt: skip
    assert found.edges["in"].head(3).tolist() == ["one; two"] * 3, "shared edges come first"
    assert of(found.hubs, "a")[["one", "two", "difference"]].tolist() == [3, 2, 1]
    assert of(found.targets, "d")[["shared", "rewired"]].tolist() == [1, 0.5]
    assert of(found.targets, "b")["rewired"] == 0


def test_chance_is_that_of_regulators_with_as_many_targets() -> None:
    """Two regulators with 2 of 4 targets each share 1 of these by chance: together 2 of 4 + 4 - 2."""
    first, second = network("a>w", "a>x", "b>y", "b>z"), network("a>w", "a>y", "b>x", "b>z")
    expected = compare([Group("one", [first]), Group("two", [second])]).pairs["by_chance"].iloc[0]
    assert expected == pytest.approx(2 / 6)


def test_an_edge_is_in_a_network_if_half_of_its_runs_kept_it() -> None:
    runs = [network("a>b", "a>c"), network("a>b", "a-c"), network("a>b", "b>c")]
    found = compare([Group("several", runs), Group("one", [network("a>b")])])
    edges = found.edges.set_index(["source", "target"])
    assert edges["kept several"].to_dict() == pytest.approx({("a", "b"): 1, ("a", "c"): 2 / 3, ("b", "c"): 1 / 3})
    assert edges.loc[("a", "c"), "effect several"] == 0, "the mean over the runs that kept it"
    assert edges.loc[("b", "c"), "in"] == ""
    assert found.pairs[["only_first", "shared", "only_second"]].iloc[0].tolist() == [1, 1, 0]


def test_half_of_two_runs_is_one_of_them() -> None:
    found = compare([Group("two", [network("a>b", "a>c"), network("a>b")]), Group("one", [network("a>b")])])
    assert found.pairs[["only_first", "shared", "only_second"]].iloc[0].tolist() == [1, 1, 0]


def drawn(generator: np.random.Generator, edges: Sequence[str], loose: int) -> pd.DataFrame:
    """Edges, and some that differ from run to run."""
    genes = "abcdefghij"
    extra = {f"{genes[i]}>{genes[j]}" for i, j in generator.integers(0, 10, (loose, 2)) if i != j}
    return network(*sorted({*edges, *extra}))


def test_permutation_finds_what_differs_between_groups_and_nothing_where_there_is_nothing() -> None:
    generator = np.random.default_rng(0)
    base = [f"a>{target}" for target in "bcdefghij"]
    first = [drawn(generator, base, 3) for _ in range(5)]
    second = [drawn(generator, [f"b>{target}" for target in "acdefghij"], 3) for _ in range(5)]
    found = compare([Group("one", first), Group("two", second)])
    least = 2 / 252  # of all 252 deals, the true one and its mirror image
    assert found.pairs["p"].iloc[0] == pytest.approx(least)
    assert of(found.hubs, "a")["p"] == pytest.approx(least)
    assert of(found.targets, "c")["p"] == pytest.approx(least)
    assert (found.hubs["p_adjusted"] >= found.hubs["p"]).all()
    same = [compare([Group("one", [drawn(generator, base, 9) for _ in range(4)]),
                     Group("two", [drawn(generator, base, 9) for _ in range(4)])]) for _ in range(30)]  # fmt: skip
    assert 0.3 < np.mean([found.pairs["p"].iloc[0] for found in same]) < 0.7


def test_many_runs_are_dealt_at_random_and_the_same_each_time() -> None:
    runs = [[drawn(np.random.default_rng(k), ["a>b"], 4) for k in range(start, start + 10)] for start in (0, 10)]
    one, other = (compare([Group("x", runs[0]), Group("y", runs[1])]) for _ in range(2))
    assert one.pairs["p"].iloc[0] == other.pairs["p"].iloc[0]
    assert 1 / rewiring.DEALS <= one.pairs["p"].iloc[0] <= 1


def test_networks_of_other_genes_are_a_mistake() -> None:
    with pytest.raises(DashpruneError, match="no gene in common"):
        compare([Group("one", [network("a>b")]), Group("two", [network("x>y")])])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    outputs = tmp_path_factory.mktemp("compared")
    words = {"imp": ["pruner=imp"], "dash": ["pruner=dash"], "other": ["pruner=dash", "seed=1"],
             "control": ["control=lasso"]}  # fmt: skip
    made = {}
    for name, own in words.items():
        row = train_prune_eval(compose([*SMALL, "train.epochs=4", "dataset.seed=0", f"outputs={outputs}", *own]))
        made[name] = identity.folder_of(row)
    return made


@pytest.mark.slow
def test_the_command_compares_runs_and_writes_all_of_it(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"guided={runs['dash']},{runs['other']}", str(runs["imp"]), "--out", str(tmp_path / "out"), "--top", "2"]
    assert main(["compare", *words]) == 0
    shown = capsys.readouterr().out
    assert "| guided" in shown
    assert "| imp" in shown
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "pairs.csv", "edges.csv", "hubs.csv", "targets.csv", "comparison.png", "comparison.pdf",
    }  # fmt: skip
    edges = pd.read_csv(tmp_path / "out" / "edges.csv")
    own = pd.read_csv(runs["imp"] / "network.tsv", sep="\t")
    assert edges["kept imp"].sum() == len(own)
    assert set(edges["kept guided"]) <= {0, 0.5, 1}


def test_what_can_be_wrong_is_one_line(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    dash = str(runs["dash"])
    for words, said in [
        ([dash], "one network only"), ([dash, dash], "named twice"), ([dash, "x=,"], "is not RUN"),
        ([f"gene={dash}", str(runs["imp"])], "cannot be called 'gene'"), ([dash, ""], "is not RUN"),
        ([f"x={dash}", f"x={runs['imp']}"], "two networks are called 'x'"), ([dash, "nowhere"], "there is no run"),
        ([dash, str(runs["imp"].parent)], "no result.json"), ([dash, str(runs["control"])], "is a control's"),
    ]:  # fmt: skip
        assert main(["compare", *words]) == 2
        line = capsys.readouterr().err
        assert said in line
        assert line.count("\n") == 1


@pytest.mark.parametrize("damage", ["", "source\ttarget\teffect\na\tb\tmuch\n", "source\ttarget\n"])
def test_a_damaged_network_is_one_line(
    damage: str, runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / runs["dash"].name
    broken.mkdir()
    (broken / "result.json").write_bytes((runs["dash"] / "result.json").read_bytes())
    (broken / "network.tsv").write_text(damage)
    assert main(["compare", str(broken), str(runs["imp"])]) == 2
    line = capsys.readouterr().err
    assert "network.tsv" in line
    assert line.count("\n") == 1
