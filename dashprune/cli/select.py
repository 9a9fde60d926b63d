"""`dashprune select`: choose options such as lambda from a sweep, without looking at the truth."""

from __future__ import annotations

from pathlib import Path

from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, put, say

DESCRIPTION = """\
Choose the options of a strategy, such as lambda, from a sweep: by validation error and sparsity alone.

For each dataset, model, pruner and other setting, the candidates are the runs below ROOT that differ in numbers of the
pruner's options; their validation errors and sparsities are means over the seeds that all have. The rule:

1. A candidate must be sparse enough: --sparsity, or else within 0.005 of the sparsest candidate.
2. As good as the best is whose validation error is at most one standard error above the lowest. The standard error
   is that of the mean difference, paired by seed; with a single seed, 5 % of the lowest error takes its place.
3. Of those as good, the sparsest (within 0.005) are kept; of these, those that give the prior the largest weight (sum
   of lambdas): where the data cannot tell candidates apart, what is known of the network decides. Of these, the one
   with the lowest validation error is chosen.

Gold standard and test set play no part; how far the choice is from the best by truth is printed as information. Each
choice is written to ROOT/selected/NAME.yaml, and the command that uses it is printed.
"""

EXAMPLES = """\
examples:
  dashprune run -m pruner=dash pruner.lambda_1=0.5,0.75,0.95 pruner.lambda_2=0.5,0.75,0.95 seed=0,1,2
  dashprune select outputs
  dashprune select outputs --sparsity 0.9    the lowest validation error at 90 % sparsity or more
  dashprune run --config-dir outputs +selected=sim350_phoenix_dash seed=3    a run with what was chosen
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune select",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_root()
    parser.add_argument("--sparsity", type=float, metavar="S", help="least sparsity, 0 to 1 (default: see above)")
    chosen = parser.parse_args(words)
    root = parser.existing(chosen.root)
    if chosen.sparsity is not None and not 0 <= chosen.sparsity <= 1:
        raise DashpruneError(f"--sparsity {chosen.sparsity:g} is not a fraction; give one from 0 to 1, such as 0.95")
    return _select(root, chosen.sparsity)


def _select(root: Path, sparsity: float | None) -> int:
    from dashprune.analysis import choose_lambda
    from dashprune.runs import results

    rows = results.collect(root)
    sweeps, without = choose_lambda.sweeps(rows)
    if unvalidated := choose_lambda.unvalidated(rows):
        reason = (
            f"no choice among runs of {', '.join(unvalidated)} that held out nothing to validate on: the training "
            f"error prefers what fits noise best; sweep with dataset.validation"
        )
        if not sweeps:
            raise DashpruneError(reason)
        say(reason)
    if not sweeps:
        raise DashpruneError(
            f"nothing to choose from below '{root}': no two runs of a seed differ in numbers of their pruner's options "
            "alone; sweep some: dashprune run -m pruner=dash pruner.lambda_1=0.5,0.75 seed=0,1,2"
        )
    if without:
        say(f"nothing to choose from: {', '.join(without)}")
    mistakes = 0
    for sweep in sweeps:
        try:
            choice = choose_lambda.choose(sweep.candidates, sparsity)
            use = choose_lambda.write(root, sweep, choice)
            put(f"{choose_lambda.markdown(sweep, choice)}\n\nTo use it: {use}\n")
        except DashpruneError as error:
            mistakes += 1
            say(f"{sweep}: {error}")
    return 2 if mistakes else 0
