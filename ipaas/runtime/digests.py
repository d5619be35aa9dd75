"""Ended runs in the audit trail: one entry per workspace and batch of the journal, committed with the runs' ends.

An entry names the runs and how they ended, and holds a digest over their final state, so that neither can be changed
later without the chain telling. A run that is taken up again and ends anew stands in a later entry too.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from ipaas.audit.recording import entry_row
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.runtime.rows import EndedRow, Row, RunState


def ended_row(workspace_id: UUID, state: RunState) -> EndedRow:
    return EndedRow(
        workspace_id,
        state.id,
        state.status,
        state.finished_at or now(),
        state.error_class,
        state.error_code,
        state.error_step,
    )


def with_digests(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows of a batch with an audit entry for the runs that end in it."""
    by_workspace: dict[UUID, list[EndedRow]] = {}
    for row in rows.pop("ended", ()):
        ended = EndedRow(*row)
        by_workspace.setdefault(ended.workspace_id, []).append(ended)
    for workspace_id, ended_runs in by_workspace.items():
        entry = entry_row(
            "runs.journaled", actor=SYSTEM, workspace_id=workspace_id, details=details_of(ended_runs), correlation_id=""
        )
        rows.setdefault("audit", []).append((*entry[:-1], json.dumps(entry.details)))
    return rows


def details_of(ended: Sequence[EndedRow]) -> dict[str, Any]:
    """What an entry says of its runs."""
    return {
        "count": len(ended),
        "digest": digest_of(ended),
        "runs": {str(row.run_id): row.status for row in sorted(ended, key=lambda row: row.run_id)},
    }


def digest_of(ended: Iterable[EndedRow]) -> str:
    """SHA-256 over the runs in the order of their ids, as JSON lines of what ``EndedRow`` holds."""
    digest = hashlib.sha256()
    for row in sorted(ended, key=lambda row: row.run_id):
        moment = row.finished_at.astimezone(UTC).isoformat(timespec="microseconds")
        line = [str(row.run_id), row.status, moment, row.error_class, row.error_code, row.error_step]
        digest.update(json.dumps(line).encode() + b"\n")
    return digest.hexdigest()
