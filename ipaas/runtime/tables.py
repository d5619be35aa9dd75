"""The run tables' definition; see ``runtime.models`` for what each holds."""

from ipaas.core.partitions import PartitionedTable, register_partitioned

RUN_TABLES = (
    PartitionedTable("runtime_run", fillfactor=65),
    PartitionedTable("runtime_businessid"),
    PartitionedTable("runtime_steprun", fillfactor=90),
    PartitionedTable("runtime_attempt"),
    PartitionedTable("runtime_payload"),
)
BREACH = PartitionedTable("runtime_breach")
EFFECT = PartitionedTable("runtime_effect", monthly=True, fillfactor=65)
PARTITIONED = (*RUN_TABLES, EFFECT)
register_partitioned(*PARTITIONED, BREACH)

FORWARD = """
CREATE TABLE runtime_work (
  id uuid PRIMARY KEY,
  kind smallint NOT NULL,
  lane smallint NOT NULL,
  workspace_id uuid NOT NULL,
  group_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  fence integer NOT NULL DEFAULT 0,
  leased boolean NOT NULL DEFAULT false,
  wakes integer NOT NULL DEFAULT 0,
  crashes smallint NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.0,
        autovacuum_analyze_threshold = 20000);
CREATE INDEX runtime_work_due ON runtime_work (lane, group_id, due_at);

CREATE TABLE runtime_run (
  id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  flow_id uuid NOT NULL,
  version_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  root_run_id uuid NOT NULL,
  status text NOT NULL,
  abnormal text,
  lane smallint NOT NULL,
  trigger text NOT NULL,
  receipt_id uuid,
  parent_run_id uuid,
  replay_of uuid,
  replay jsonb,
  trace_id text NOT NULL,
  business_key text NOT NULL,
  deadline_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  error_class text,
  error_code text,
  error_message text,
  error_step text,
  cancel_reason text,
  PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX runtime_run_recent ON runtime_run (workspace_id, id);
CREATE INDEX runtime_run_flow ON runtime_run (flow_id, id);
CREATE INDEX runtime_run_abnormal ON runtime_run (workspace_id, abnormal, id) WHERE abnormal IS NOT NULL;
CREATE INDEX runtime_run_replays ON runtime_run (replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX runtime_run_children ON runtime_run (parent_run_id) WHERE parent_run_id IS NOT NULL;

CREATE TABLE runtime_businessid (
  run_id uuid NOT NULL,
  name text NOT NULL,
  workspace_id uuid NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (run_id, name)
) PARTITION BY RANGE (run_id);
CREATE INDEX runtime_businessid_value ON runtime_businessid (workspace_id, value, run_id);

CREATE TABLE runtime_steprun (
  run_id uuid NOT NULL,
  seq integer NOT NULL,
  path text NOT NULL,
  item text NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  compensates boolean NOT NULL,
  attempts integer NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  due_at timestamptz,
  reason text,
  error_class text,
  error_code text,
  error_message text,
  detail jsonb,
  PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

CREATE TABLE runtime_attempt (
  run_id uuid NOT NULL,
  seq integer NOT NULL,
  number integer NOT NULL,
  outcome text NOT NULL,
  started_at timestamptz NOT NULL,
  duration_ms double precision NOT NULL,
  http_status integer,
  error_class text,
  error_code text,
  error_message text,
  connection_id uuid,
  verdicts jsonb NOT NULL,
  PRIMARY KEY (run_id, seq, number)
) PARTITION BY RANGE (run_id);

CREATE TABLE runtime_payload (
  run_id uuid NOT NULL,
  seq integer NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

CREATE TABLE runtime_effect (
  root_run_id uuid NOT NULL,
  path text NOT NULL,
  item text NOT NULL,
  generation smallint NOT NULL,
  workspace_id uuid NOT NULL,
  run_id uuid NOT NULL,
  fence integer NOT NULL,
  attempt integer NOT NULL,
  state text NOT NULL,
  request_hash bytea NOT NULL,
  result bytea,
  PRIMARY KEY (root_run_id, path, item, generation)
) PARTITION BY RANGE (root_run_id);

CREATE TABLE runtime_inboundkey (
  flow_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  key text NOT NULL,
  input_sha256 bytea NOT NULL,
  run_id uuid NOT NULL,
  PRIMARY KEY (flow_id, environment_id, key)
);
CREATE INDEX runtime_inboundkey_age ON runtime_inboundkey USING brin (run_id);

-- Raises when any of the claims was lost to another worker; the locks hold until the end of the transaction.
CREATE FUNCTION runtime_own(ids uuid[], fences integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE held uuid[];
BEGIN
  SELECT array_agg(w.id) INTO held FROM (
    SELECT w.id FROM unnest(ids, fences) AS c(id, fence)
    JOIN runtime_work w ON w.id = c.id AND w.fence = c.fence
    ORDER BY w.id FOR NO KEY UPDATE OF w) w;
  IF coalesce(cardinality(held), 0) <> cardinality(ids) THEN
    RAISE EXCEPTION 'claim lost' USING ERRCODE = 'IP001', DETAIL = coalesce(array_to_string(held, ','), '');
  END IF;
END $$;
"""
BACKWARD = """
DROP FUNCTION runtime_own(uuid[], integer[]);
DROP TABLE runtime_inboundkey, runtime_effect, runtime_payload, runtime_attempt, runtime_steprun,
  runtime_businessid, runtime_run, runtime_work;
"""

BREACH_FORWARD = """
CREATE TABLE runtime_breach (
  run_id uuid NOT NULL,
  edge text NOT NULL,
  workspace_id uuid NOT NULL,
  flow_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  contract text NOT NULL,
  mode text NOT NULL,
  place text NOT NULL,
  keyword text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (run_id, edge)
) PARTITION BY RANGE (run_id);
CREATE INDEX runtime_breach_recent ON runtime_breach (workspace_id, run_id);
"""
BREACH_BACKWARD = "DROP TABLE runtime_breach;"
