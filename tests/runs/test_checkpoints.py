from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch

from dashprune.runs import checkpoints
from tests.faults.kills import held


def state(epochs: int) -> dict[str, object]:
    return {"history": [[k, 0.5] for k in range(epochs)], "weight": torch.full((3,), float(epochs))}


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path) is None


def test_the_newest_is_loaded_and_the_one_before_is_kept(tmp_path: Path) -> None:
    for epochs in (1, 2, 3):
        checkpoints.save(tmp_path, state(epochs))
    loaded = checkpoints.load(tmp_path)
    assert loaded is not None
    assert (loaded["weight"] == 3).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_truncated_one_falls_back_to_the_previous_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    checkpoints.save(tmp_path, state(1))
    checkpoints.save(tmp_path, state(2))
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:length])
    loaded = checkpoints.load(tmp_path)
    assert loaded is not None
    assert len(loaded["history"]) == 1
    said = capsys.readouterr().err
    assert "; going on from the previous one, after epoch 1" in said
    assert "checkpoint.pt is " in said
    assert said.count("\n") == 1


def test_with_nothing_readable_training_starts_anew_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK")
    assert checkpoints.resume(tmp_path) is None
    assert "training starts anew" in capsys.readouterr().err


def test_killed_between_the_two_renames_the_previous_one_counts(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, state(1))
    (tmp_path / "checkpoint.pt").rename(tmp_path / "checkpoint.previous.pt")
    (tmp_path / "checkpoint.99.tmp").write_bytes(b"half")
    loaded = checkpoints.load(tmp_path)
    assert loaded is not None
    assert len(loaded["history"]) == 1
    checkpoints.tidy(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (print, ("executed",))

    checkpoints.save(tmp_path, {"history": [], "trap": Trap()})
    with pytest.raises(checkpoints.UnusableError, match="holds something else than a training"):
        checkpoints.load(tmp_path)


def test_a_flip_anywhere_is_found_or_without_effect(tmp_path: Path) -> None:
    """What separates the parts of the file, and is read by nobody, may be flipped."""
    saved = {**state(3), "best": {"w": torch.rand(40, 7)}}
    checkpoints.save(tmp_path, saved)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    drawn, found = random.Random(0), 0
    for _ in range(1000):
        place, bit = drawn.randrange(len(whole)), 1 << drawn.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        try:
            read = checkpoints.read(path)
        except checkpoints.UnusableError:
            found += 1
        else:
            assert held(read) == held(saved)
    assert found > 600


def test_one_of_another_run_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    checkpoints.save(tmp_path / "one", state(2))
    shutil.copy(tmp_path / "one/checkpoint.pt", tmp_path / "two")
    with pytest.raises(checkpoints.UnusableError, match="is of run 'one', not of 'two'"):
        checkpoints.load(tmp_path / "two")
    assert checkpoints.load(tmp_path / "two", "one") is not None


def test_one_without_a_first_line_is_named(tmp_path: Path) -> None:
    torch.save(state(2), tmp_path / "checkpoint.pt")
    with pytest.raises(checkpoints.UnusableError, match="is no checkpoint of this version of dashprune"):
        checkpoints.load(tmp_path)


def test_a_damaged_one_does_not_take_the_place_of_the_previous(tmp_path: Path) -> None:
    """Or a kill between the two renames of the next save would leave none."""
    checkpoints.save(tmp_path, state(1))
    checkpoints.save(tmp_path, state(2))
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert checkpoints.resume(tmp_path) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert len(checkpoints.read(tmp_path / "checkpoint.pt")["history"]) == 1
