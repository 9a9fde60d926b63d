from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dashprune.runs import checkpoints


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
    assert "checkpoint.pt cannot be read (truncated?); going on from the previous one, after epoch 1" in said
    assert said.count("\n") == 1


def test_with_nothing_readable_training_starts_anew_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK")
    assert checkpoints.load(tmp_path) is None
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

    torch.save({"history": [], "trap": Trap()}, tmp_path / "checkpoint.pt")
    assert checkpoints.load(tmp_path) is None
