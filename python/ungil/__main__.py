"""`python -m ungil`: the command line."""

import sys

from ungil.cli import main

__all__ = ()

if __name__ == "__main__":
    sys.exit(main())
