"""Numbering and chaining committed entries, and signing where the chain stands.

Entries are inserted by many transactions at once and numbered afterwards by one sequencer per chain, so that no deed
waits for another's lock. Rolled-back deeds leave no gap, because only committed rows are numbered.
"""

import logging
from datetime import UTC
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from ipaas.audit.models import PLATFORM_CHAIN, AuditChain, AuditCheckpoint, AuditEntry
from ipaas.audit.signing import sign
from ipaas.audit.verifier import CONTENT, checkpoint_statement, content_digest, first_hash, link
from ipaas.core.clock import now

BATCH = 2000
log = logging.getLogger("ipaas.audit.checkpoint")

_NUMBER = """
UPDATE audit_entry e SET seq = c.seq, prev_hash = c.prev_hash, digest = c.digest, hash = c.hash
FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[]) AS c(id, seq, prev_hash, digest, hash)
WHERE e.id = c.id
"""


def chain_of(workspace_id: UUID | None) -> UUID:
    """The chain of a workspace; the platform's own for None."""
    return workspace_id or PLATFORM_CHAIN


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """What an entry's digest covers, as the verifier reads it from an export."""
    content = {name: getattr(entry, name) for name in CONTENT}
    content["id"] = str(entry.id)
    content["workspace_id"] = str(entry.workspace_id or "")
    content["created_at"] = entry.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return content


@transaction.atomic
def sequence_batch(workspace_id: UUID | None, *, limit: int = BATCH) -> int:
    """Number and chain up to ``limit`` entries of one chain; returns how many. Any number of callers may race."""
    chain = _locked(chain_of(workspace_id))
    pending = AuditEntry.objects.of_workspace(workspace_id).filter(seq__isnull=True).order_by("id")[:limit]
    rows: list[tuple[UUID, int, bytes, bytes, bytes]] = []
    seq, last = chain.seq, bytes(chain.hash)
    for entry in pending:
        seq, before, digest = seq + 1, last, content_digest(content_of(entry))
        last = link(before, seq, digest)
        rows.append((entry.id, seq, before, digest, last))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_NUMBER, [list(column) for column in zip(*rows, strict=True)])
        AuditChain.objects.filter(workspace_id=chain.workspace_id).update(seq=seq, hash=last)
    return len(rows)


def sequence_pending() -> int:
    """Number everything committed so far in all chains (the scheduler calls this every second)."""
    waiting = AuditEntry.objects.filter(seq__isnull=True).order_by().values_list("workspace_id", flat=True).distinct()
    return sum(sequence_all(workspace_id) for workspace_id in list(waiting))


def sequence_all(workspace_id: UUID | None) -> int:
    """Number everything committed so far in one chain."""
    total = 0
    while numbered := sequence_batch(workspace_id):
        total += numbered
    return total


@transaction.atomic
def write_checkpoint(workspace_id: UUID | None) -> AuditCheckpoint | None:
    """Sign where a chain stands; None when nothing was added since the last one.

    The checkpoint also goes into the log as one record, and so to wherever logs are kept: outside this database.
    """
    chain = _locked(chain_of(workspace_id))
    last = AuditCheckpoint.objects.filter(chain_id=chain.workspace_id).order_by("-seq").first()
    if chain.seq <= (last.seq if last else 0):
        return None
    moment = now()
    statement = checkpoint_statement(str(chain.workspace_id), chain.seq, bytes(chain.hash).hex(), moment.isoformat())
    signed = sign(statement)
    made = AuditCheckpoint.objects.create(
        chain_id=chain.workspace_id,
        seq=chain.seq,
        hash=bytes(chain.hash),
        created_at=moment,
        key_id=signed.key_id,
        signature=signed.signature,
    )
    transaction.on_commit(lambda: log.info("audit checkpoint", extra={"checkpoint": checkpoint_record(made)}))
    return made


def write_checkpoints() -> int:
    """Sign every chain that grew (the scheduler calls this every few minutes); returns how many did."""
    chains = list(AuditChain.objects.values_list("workspace_id", flat=True))
    return sum(write_checkpoint(None if chain == PLATFORM_CHAIN else chain) is not None for chain in chains)


def checkpoint_record(checkpoint: AuditCheckpoint) -> dict[str, Any]:
    """A checkpoint in the form the verifier reads."""
    return {
        "record": "checkpoint",
        "chain": str(checkpoint.chain_id),
        "seq": checkpoint.seq,
        "hash": bytes(checkpoint.hash).hex(),
        "created_at": checkpoint.created_at.astimezone(UTC).isoformat(),
        "key_id": checkpoint.key_id,
        "signature": bytes(checkpoint.signature).hex(),
    }


def _locked(chain_id: UUID) -> AuditChain:
    head = AuditChain(workspace_id=chain_id, hash=first_hash(str(chain_id)))
    AuditChain.objects.bulk_create([head], ignore_conflicts=True)
    return AuditChain.objects.select_for_update().get(workspace_id=chain_id)
