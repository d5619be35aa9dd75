"""What secrets and their fields may be called."""

import re

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
