"""`python -m dashprune` is `dashprune`."""

import sys

from dashprune.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
