"""``python3 manage.py bench [NAME]``: one of the benchmarks, or the product as a whole; each has ``--help``."""

import importlib
import sys

BENCHMARKS = {
    "product": "runs, latency, memory and growth of a whole instance beside the floor (what runs without a name)",
    "pages": "server time, queries and bytes of pages and API with many stored runs; paints; a hundred open live pages",
    "chaos": "kill processes at random moments while orders come in, and hold the outcome against the vendors' books",
    "row_security": "what row-level security of PostgreSQL would add to the pages' queries",
    "net": "the HTTP client beside the floor",
    "gateway": "a call through the gateway beside bare httpx and the floor, plain and TLS; fifty workers, one token",
    "schemas": "validation of 1 KB as the engine does it; compatibility checks of schemas of 5 to 5,000 nodes",
    "editor": "the mapping editor with 300 fields: opened and typed in by Chromium, answers of the server",
    "mapping": "mappings beside plain Python by hand, JSONata beside its reference in Node",
    "imports": "seconds and peak memory of reading OpenAPI documents of 50 KB to 10 MB, JSON and YAML",
}


def main(argv: list[str]) -> int:
    """Run the benchmark that the first word names."""
    name, rest = (argv[0], argv[1:]) if argv and not argv[0].startswith("-") else ("product", argv)
    if name not in BENCHMARKS:
        print("manage.py bench NAME …, where NAME is one of")
        print("\n".join(f"  {one:<8} {text}" for one, text in BENCHMARKS.items()))
        return 2
    module = importlib.import_module(f"bench.{name}")
    sys.argv = [f"manage.py bench {name}", *rest]
    return int(module.main() or 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
