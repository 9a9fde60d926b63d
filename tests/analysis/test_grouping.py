from __future__ import annotations

from typing import Any

from dashprune.analysis.grouping import Kind, by, differing, kind, labelled, labels


def row(pruner: str, seed: int = 0, **settings: Any) -> dict[str, Any]:
    config = {"seed": seed, "outputs": f"o{seed}", "pruner": {"seed": seed, "name": pruner}, **settings}
    return {"dataset": "sim350", "model": "phoenix", "pruner": pruner, "seed": seed, "config": config}


def test_runs_that_differ_only_in_seeds_are_of_one_kind() -> None:
    assert kind(row("dash", 0)) == kind(row("dash", 1))
    assert hash(kind(row("dash", 0))) == hash(kind(row("dash", 1)))
    assert kind(row("dash")) != kind(row("imp"))
    assert kind(row("dash", train={"epochs": 5})) != kind(row("dash", train={"epochs": 6}))
    assert kind(row("dash")).names == ("sim350", "phoenix", "dash")
    assert kind(row("dash")).settings == {"pruner.name": "dash"}


def test_settings_that_do_not_count_tell_nothing_apart() -> None:
    short, long = row("dash", train={"epochs": 5}), row("imp", train={"epochs": 6})
    pruners = [kind(own, ("dataset",), lambda key: key.startswith("pruner.")) for own in (short, long)]
    assert [own.settings for own in pruners] == [{"pruner.name": "dash"}, {"pruner.name": "imp"}]
    assert kind(short, ("dataset",), lambda key: False) == kind(long, ("dataset",), lambda key: False)


def test_the_order_of_settings_makes_no_kind() -> None:
    assert Kind.of("a", {"x": "1", "y": "2"}) == Kind.of("a", {"y": "2", "x": "1"})


def test_groups_come_in_the_order_of_their_first_member() -> None:
    assert list(by("banana", str).items()) == [("b", ["b"]), ("a", ["a", "a", "a"]), ("n", ["n", "n"])]


def test_what_differs_is_told_in_the_order_of_keys() -> None:
    settings = [{"z": "1", "a": "1", "same": "0"}, {"z": "2", "same": "0"}]
    assert differing(settings) == ["a", "z"]
    assert differing(settings[:1]) == differing([]) == []


def test_labels_tell_apart_kinds_of_the_same_names_only() -> None:
    kinds = [Kind.of(name, {"x": x, "y": "0"}) for name, x in (("a", "1"), ("b", "3"), ("a", "2"))]
    assert labels(kinds) == ["x=1", "", "x=2"]
    assert labels([Kind.of("a", {"x": "1"}), Kind.of("a", {})]) == ["x=1", "x="]


def test_labelled_groups_of_the_same_names_follow_each_other() -> None:
    rows = [row("dash", 0, bootstrap=1), row("imp"), row("dash", 0, bootstrap=2), row("dash", 1, bootstrap=1)]
    found = labelled(rows, kind)
    assert list(found) == [
        (("sim350", "phoenix", "dash"), "bootstrap=1"),
        (("sim350", "phoenix", "dash"), "bootstrap=2"),
        (("sim350", "phoenix", "imp"), ""),
    ]
    assert [[own["seed"] for own in runs] for runs in found.values()] == [[0, 1], [0], [0]]
