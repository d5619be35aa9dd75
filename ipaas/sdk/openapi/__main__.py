"""``python -m ipaas.sdk.openapi``: read a description in a process of its own, within limits; see ``apart``."""

import resource
import sys
from typing import Any

from ipaas.core import jsonio
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.sdk.openapi.apart import CPU_S, MEMORY_BYTES, packed
from ipaas.sdk.openapi.importing import Imported, import_openapi


def main() -> int:
    """A line of JSON and the description on standard input; lines of progress and the packed outcome on output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    head = jsonio.loads(sys.stdin.buffer.readline())
    try:
        _give(import_openapi(sys.stdin.buffer.read(), **head, progress=_progress))
    except InvalidInput as error:
        _line({"failed": type(error).__name__, "errors": error.errors, "params": error.params})
    except IpaasError as error:
        _line({"failed": type(error).__name__, "params": error.params})
    except MemoryError:
        _line({"failed": "memory"})
    return 0


def _give(made: Imported) -> None:
    _line({"phase": "packing", "done": 0, "total": 0})
    outcome = packed(made)
    _line({"bytes": len(outcome)})
    sys.stdout.buffer.write(outcome)
    sys.stdout.buffer.flush()


def _progress(phase: str, done: int, total: int) -> None:
    _line({"phase": phase, "done": done, "total": total})


def _line(value: dict[str, Any]) -> None:
    sys.stdout.buffer.write(jsonio.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    raise SystemExit(main())
