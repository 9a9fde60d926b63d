"""Showing a training's progress: a bar on a terminal, plain lines elsewhere. Always on standard error.

Workers that share a terminal write lines, too, as their bars would overwrite each other.
"""

from __future__ import annotations

import multiprocessing
import sys
from types import TracebackType

from tqdm import tqdm

from dashprune.errors import note
from dashprune.training.state import Epoch

LINE_EVERY = 10
"""Epochs between plain lines; epochs that prune always get one."""


class Progress:
    """Context manager around a training, or several at once; call `show` after each epoch of each.

    Args:
        name: of the run, shown at the start of the line.
        epochs: of the whole training.
        done: epochs already done when this process starts.
    """

    def __init__(self, name: str, epochs: int, done: int) -> None:
        self.name, self.epochs, self.shown = name, epochs, done
        terminal = sys.stderr.isatty() and multiprocessing.current_process().name == "MainProcess"
        self.bar = tqdm(total=epochs, initial=done, desc=name, unit="epoch", dynamic_ncols=True) if terminal else None
        if done:
            self._line(f"resuming after epoch {done} of {epochs}")

    def show(self, row: Epoch) -> None:
        """Show the epoch just finished, unless another training has finished it before."""
        if row.epoch <= self.shown:
            return
        self.shown = row.epoch
        validation = "" if row.validation is None else f"validation {row.validation:.3g}, "
        state = f"loss {row.loss:.3g}, {validation}sparsity {row.sparsity:.4f}"
        if self.bar is not None:
            self.bar.set_postfix_str(state, refresh=False)
            self.bar.update()
        elif row.pruned or row.epoch % LINE_EVERY == 0 or row.epoch in (1, self.epochs):
            self._line(f"epoch {row.epoch} of {self.epochs}: {state}{', pruned' if row.pruned else ''}")

    def note(self, text: str) -> None:
        """Say something that is no epoch."""
        self._line(text)

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(f"{self.name}: {text}", file=sys.stderr)
        else:
            note(f"{self.name}: {text}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
