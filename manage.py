#!/usr/bin/env python3
"""Entry point: ``up``, ``down``, ``status``, ``doctor``, ``run``, ``test``, ``lint``, ``bench``, and Django's commands.

Works with nothing but Python: what is missing is set up beside this file, in ``.venv``.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python deserves a plain sentence
    sys.exit("Error: Python 3.11 or newer is needed; this is " + sys.version.split()[0])

from ipaas.launcher.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
