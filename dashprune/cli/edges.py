"""`dashprune edges`: a probability per edge, from runs that differ only in seed and bootstrap sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, put, say

if TYPE_CHECKING:
    from dashprune.analysis.edge_probability import Consensus

DESCRIPTION = """\
Say how probable each edge is, by the agreement of runs that differ only in seed and bootstrap sample.

For each dataset, model, pruner and other setting with at least two runs below ROOT it writes, to
ROOT/edges/DATASET.MODEL.PRUNER[.N].tsv, a line per edge of any of their networks or of the prior:

  source, target
  effect        mean over runs, 0 where a run cut the edge
  sign          + or -; ? if runs disagree, or if none kept the edge
  probability   mean over runs of what the strategy gives (dash_edge), 0 where a run cut the edge; of a strategy that
                gives none, the share of the runs that kept the edge
  in_prior      1 if the edge is in the prior, else 0
  novel         1 if probability >= 0.5 and the edge is not in the prior
  contradicted  1 if the edge is in the prior, but probability < 0.5
  runs          how many runs kept the edge

Novel edges come first, the most probable on top; then contradicted ones, the least probable on top; then all others. A
gene's edge to itself is neither, as its decay explains it, too. Where the network follows from the seed, as that of a
generated sim350 does, only runs of the same network are put together.

A summary is printed and written to the .md beside it. With a gold standard it says which share of the edges of some
probability is real, and draws it as .png and .pdf: as information, the probabilities do not use it. Runs that differ
in seed only see the same measurements (but for sim350), and so agree more than these warrant: use bootstrap samples.
"""

EXAMPLES = """\
examples:
  dashprune run -m model=phoenix_edge pruner=dash_edge bootstrap=1,2,3,4,5 vectorize=true
  dashprune edges outputs
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune edges",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_root()
    root = parser.existing(parser.parse_args(words).root)

    from dashprune.analysis import edge_probability

    found = edge_probability.find(root)
    if not found.groups and not found.mistakes:
        raise DashpruneError(
            f"no two runs below '{root}' differ only in seed or bootstrap sample (on the same network); make some: "
            f"{edge_probability.MORE}"
        )
    if found.alone:
        say(f"a single run, left out: {', '.join(found.alone)}")
    for mistake in found.mistakes:
        say(str(mistake))
    mistakes = len(found.mistakes)
    for group, title, stem in edge_probability.named(found.groups, root):
        try:
            _write(edge_probability.consensus(group, title, stem))
        except DashpruneError as error:
            mistakes += 1
            say(f"{title}: {error}")
    return 2 if mistakes else 0


def _write(found: Consensus) -> None:
    from dashprune import figures
    from dashprune.analysis import edge_probability

    edge_probability.write(found)
    if found.calibration and found.calibration.bins:
        figures.save(figures.calibration(found.calibration.bins, found.title, found.runs), found.stem)
    put(f"{edge_probability.markdown(found)}\n")
    say(f"written to {found.stem}.tsv")
