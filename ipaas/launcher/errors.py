"""What can stop the launcher, in words for the person at the terminal."""


class LauncherError(Exception):
    """A problem with its remedy; printed without a traceback, exit code 1."""
