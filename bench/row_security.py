"""What row-level security of PostgreSQL would cost: the pages' queries with and without a policy, turn by turn.

Needs ``DATABASE_URL`` of a server where a role and a schema may be made; both are gone afterwards.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import psycopg

ROLE, SCHEMA = "ipaas_bench_reader", "ipaas_bench_rls"
SET_UP = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
SET search_path = {SCHEMA};
CREATE TABLE open_run (id uuid PRIMARY KEY, workspace_id uuid NOT NULL, flow_id uuid NOT NULL, status text NOT NULL,
  started_at timestamptz NOT NULL, business_key text NOT NULL);
INSERT INTO open_run SELECT gen_random_uuid(), ('00000000-0000-0000-0000-' || lpad((n %% 20)::text, 12, '0'))::uuid,
  ('11111111-0000-0000-0000-' || lpad((n %% 100)::text, 12, '0'))::uuid, (ARRAY['done','dead','waiting'])[1 + n %% 3],
  now() - n * interval '1 second', 'order-' || n FROM generate_series(1, %(rows)s) n;
CREATE INDEX ON open_run (workspace_id, started_at DESC);
CREATE INDEX ON open_run (workspace_id, business_key);
CREATE TABLE guarded_run (LIKE open_run INCLUDING ALL);
INSERT INTO guarded_run SELECT * FROM open_run;
ALTER TABLE guarded_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded_run USING (workspace_id = (SELECT current_setting('ipaas.workspace')::uuid));
"""  # noqa: S608 - put together from constants of the module
GRANTS = f"""
DROP ROLE IF EXISTS {ROLE};
CREATE ROLE {ROLE};
GRANT USAGE ON SCHEMA {SCHEMA} TO {ROLE};
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {SCHEMA} TO {ROLE};
"""
MINE = "00000000-0000-0000-0000-000000000007"
QUERIES = {
    "newest 50": "SELECT * FROM {t} WHERE workspace_id = %(mine)s ORDER BY started_at DESC LIMIT 50",
    "by business id": "SELECT * FROM {t} WHERE workspace_id = %(mine)s AND business_key = 'order-4007'",
    "one by id": "SELECT * FROM {t} WHERE workspace_id = %(mine)s AND id = %(one)s",
    "count by status": "SELECT status, count(*) FROM {t} WHERE workspace_id = %(mine)s GROUP BY status",
    "insert 1": "INSERT INTO {t} VALUES (gen_random_uuid(), %(mine)s, gen_random_uuid(), 'done', now(), 'new')",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of 20 workspaces")
    parser.add_argument("--turns", type=int, default=2_000, help="of each query and table")
    given = parser.parse_args()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        try:
            _prepare(connection, given.rows)
            _compare(connection, given.turns)
        finally:
            connection.execute("RESET ROLE")
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
    return 0


def _prepare(connection: psycopg.Connection, rows: int) -> None:
    for statement in SET_UP.split(";\n"):
        if statement.strip():
            connection.execute(statement % {"rows": rows} if "%" in statement else statement)
    for statement in GRANTS.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"ANALYZE {SCHEMA}.open_run")
    connection.execute(f"ANALYZE {SCHEMA}.guarded_run")
    connection.execute(f"SET ROLE {ROLE}")


def _compare(connection: psycopg.Connection, turns: int) -> None:
    connection.execute("SELECT set_config('ipaas.workspace', %s, false)", [MINE])
    found = connection.execute("SELECT id FROM open_run WHERE workspace_id = %s LIMIT 1", [MINE]).fetchone()
    values = {"mine": MINE, "one": found[0] if found else None}
    foreign = connection.execute("SELECT count(*) FROM guarded_run WHERE workspace_id <> %s", [MINE]).fetchone()
    print(f"foreign rows that the policy lets through: {foreign[0] if foreign else '?'}")
    print(f"{'query':<16}{'open ms':>10}{'policy ms':>11}{'more':>8}")
    for name, query in QUERIES.items():
        runs = {table: _timer(connection, query.format(t=table), values) for table in ("open_run", "guarded_run")}
        spent: dict[str, list[float]] = {table: [] for table in runs}
        for turn in range(turns if "count" not in name else max(turns // 10, 1)):
            for table in sorted(runs, reverse=bool(turn % 2)):
                spent[table].append(runs[table]())
        plain, guarded = (statistics.median(spent[table]) * 1000 for table in ("open_run", "guarded_run"))
        print(f"{name:<16}{plain:>10.3f}{guarded:>11.3f}{(guarded / plain - 1) * 100:>7.1f}%")
    name = "SELECT set_config('ipaas.workspace', %s, false)"
    each = [_timer(connection, name, [MINE])() for _ in range(turns)]
    print(f"{'naming the workspace, once a request':<40}{statistics.median(each) * 1000:.3f} ms")


def _timer(connection: psycopg.Connection, query: str, values: object) -> Callable[[], float]:
    def run() -> float:
        begun = time.perf_counter()
        cursor = connection.execute(query, values)  # type: ignore[arg-type]
        if cursor.description is not None:
            cursor.fetchall()
        return time.perf_counter() - begun

    return run


if __name__ == "__main__":
    raise SystemExit(main())
