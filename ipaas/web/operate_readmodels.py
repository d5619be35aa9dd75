"""What the templates of the operator's wider pages are given: saved filters, comparisons, stories, jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ipaas.web.readmodels import DiffRow, Effect, ErrorView


@dataclass(frozen=True)
class SavedFilterRow:
    """``owner`` is named where it is somebody else."""

    name: str
    url: str
    shared: bool
    owner: str = ""
    active: bool = False
    delete_url: str = ""
