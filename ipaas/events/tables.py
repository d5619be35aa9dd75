"""The receipt tables' definition: partitioned by day, with the dedup record apart."""

from ipaas.core.partitions import PartitionedTable, register_partitioned

RECEIPT = PartitionedTable("events_receipt", fillfactor=75)
PARTITIONED = (RECEIPT,)
register_partitioned(*PARTITIONED)

FORWARD = """
CREATE TABLE events_receipt (
  id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  delivery_id text,
  event text NOT NULL,
  state text NOT NULL,
  body_sha256 bytea NOT NULL,
  trace_id text NOT NULL,
  sealed bytea NOT NULL,
  run_ids uuid[],
  note text NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX events_receipt_endpoint ON events_receipt (endpoint_id, id);
CREATE TABLE events_delivery (
  endpoint_id uuid NOT NULL,
  delivery_id text NOT NULL,
  receipt_id uuid NOT NULL,
  body_sha256 bytea NOT NULL,
  PRIMARY KEY (endpoint_id, delivery_id)
);
CREATE INDEX events_delivery_age ON events_delivery USING brin (receipt_id);
"""
BACKWARD = "DROP TABLE events_delivery; DROP TABLE events_receipt;"
