"""One independent random stream per purpose, all derived from a single seed.

Changing the pruner must not change the noise, and changing the noise must not change the split. So nothing draws
from a global generator: each purpose ("network", "noise", "weights", "batches", ...) has a stream of its own. A
stream may be split further by integers, for example by epoch, so that a resumed run needs no generator state.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch


def numpy_generator(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """NumPy generator of stream `purpose` (and `index` within it) for `seed`."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *index])


def torch_generator(seed: int, purpose: str, *index: int) -> torch.Generator:
    """Torch CPU generator of stream `purpose` (and `index` within it) for `seed`."""
    generator = torch.Generator()
    generator.manual_seed(int(numpy_generator(seed, purpose, *index).integers(2**63)))
    return generator
