"""``python -m trainwheel``: the command."""

import sys

from trainwheel.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
