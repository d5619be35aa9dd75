"""Adding entries from code that speaks SQL itself (psycopg, server-side ``unnest``)."""

import json
from collections.abc import Sequence
from typing import Any

from ipaas.audit.recording import EntryRow

COLUMNS = EntryRow._fields
_TYPES = ("uuid", "uuid", "timestamptz", *["text"] * 10, "jsonb")

ENTRY_INSERT = (
    f"INSERT INTO audit_entry ({', '.join(COLUMNS)}) "  # noqa: S608 - column names are constants of this module
    f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in _TYPES)})"
)
"""One INSERT for any number of entries; its parameters come from ``entry_columns``."""


def entry_columns(rows: Sequence[EntryRow]) -> list[list[Any]]:
    """The parameters of ``ENTRY_INSERT``: one array per column."""
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in COLUMNS]
    columns[-1] = [json.dumps(details, ensure_ascii=False) for details in columns[-1]]
    return columns


def entry_insert(rows: Sequence[EntryRow]) -> tuple[str, list[list[Any]]]:
    """The statement and its parameters; rows come from ``audit.recording.entry_row``."""
    return ENTRY_INSERT, entry_columns(rows)
