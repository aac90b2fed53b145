"""``python -m deep_tree_echo``: the command line."""

import sys

from .cli import main

sys.exit(main())
