from __future__ import annotations

import torch

from dashprune.seeds import numpy_generator, torch_generator


def test_streams_are_reproducible_and_independent() -> None:
    streams = [(0, "noise"), (0, "split"), (1, "noise"), (0, "noise", 1)]
    draws = [numpy_generator(*stream).random(4).tolist() for stream in streams]  # type: ignore[arg-type]
    assert draws == [numpy_generator(*stream).random(4).tolist() for stream in streams]  # type: ignore[arg-type]
    assert len({tuple(draw) for draw in draws}) == 4
    torches = [torch.rand(4, generator=torch_generator(*stream)) for stream in streams]  # type: ignore[arg-type]
    assert len({tuple(draw.tolist()) for draw in torches}) == 4


def test_the_global_generators_are_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    torch_generator(3, "weights")
    assert torch.equal(before, torch.get_rng_state())
