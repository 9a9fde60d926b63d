"""The contract of datasets."""

from __future__ import annotations

from abc import ABC, abstractmethod

from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Problem


class Dataset(ABC):
    """Where a problem comes from: files, a simulator, or both.

    A dataset is a frozen dataclass whose fields are the keys of its yaml; making one reads nothing. What is drawn at
    random follows from a field, such as `seed`. So the same fields and the same fingerprint give the same problem, to
    the byte.
    """

    @abstractmethod
    def fingerprint(self) -> str:
        """Identity of the data beyond the fields: the version of the code and the content of the files that it reads.

        With the configuration it decides the id of a run. It takes no longer than reading the files.

        Raises:
            DashpruneError: if a file is missing or cannot be read.
        """

    @abstractmethod
    def load(self) -> Problem:
        """Read or simulate the data and split them.

        Raises:
            DashpruneError: if a file is missing or damaged, or the fields do not fit the data; in one line, by file,
                row and column.
        """

    def knockouts(self) -> Knockouts | None:
        """Knock-outs to score models by, none of which is trained on; None where none are known.

        Raises:
            DashpruneError: as `load`.
        """
        return None
