"""``python3 manage.py bench NAME``: one of the benchmarks; each says more with ``--help``."""

import importlib
import sys

BENCHMARKS = {
    "chaos": "kill processes at random moments while orders come in, and hold the outcome against the vendors' books",
    "net": "the HTTP client beside the floor",
}


def main(argv: list[str]) -> int:
    """Run the benchmark that the first word names."""
    if not argv or argv[0] not in BENCHMARKS:
        print("manage.py bench NAME …, where NAME is one of")
        print("\n".join(f"  {name:<8} {text}" for name, text in BENCHMARKS.items()))
        return 2
    module = importlib.import_module(f"bench.{argv[0]}")
    sys.argv = [f"manage.py bench {argv[0]}", *argv[1:]]
    return int(module.main() or 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
