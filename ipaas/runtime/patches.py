"""One correction for many inputs: a JSON Patch (RFC 6902) of ``add``, ``replace`` and ``remove``.

``move``, ``copy`` and ``test`` are refused: they would carry a masked value to a place where it is readable, or answer
guesses about it.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jsonpatch
from jsonpointer import JsonPointerException

from ipaas.core import jsonio
from ipaas.core.actor import Actor
from ipaas.core.errors import InvalidInput
from ipaas.core.phrases import said
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.replays import InputGone, correct_and_replay
from ipaas.runtime.values import read_values
from ipaas.vault.payloads import sealer_for

OPERATIONS = ("add", "replace", "remove")
MOST_OPERATIONS = 50
MOST_BYTES = 64_000
_AAD = b"runtime/changes"
_KEPT = "sealed_changes"


@dataclass(frozen=True, slots=True)
class Changes:
    """Operations that were checked; ``paths`` may be shown, values may not."""

    operations: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, given: Any) -> "Changes":
        """Raises ``InvalidInput`` that names the operation at fault."""
        if not isinstance(given, list) or not 0 < len(given) <= MOST_OPERATIONS:
            raise _refused("changes", said("give a list of 1 to {most} changes", most=MOST_OPERATIONS))
        if len(jsonio.dumps(given)) > MOST_BYTES:
            raise _refused("changes", said("the changes may have {most:,} bytes in all", most=MOST_BYTES))
        return cls([_operation(number, one) for number, one in enumerate(given)])

    @property
    def paths(self) -> list[str]:
        return [f"{one['op']} {one['path']}" for one in self.operations]

    def applied(self, body: Any) -> Any:
        """The changed copy of an input; raises ``InvalidInput`` where the input has no such place."""
        try:
            return jsonpatch.apply_patch(body, [dict(one) for one in self.operations])
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, ValueError, KeyError, IndexError):
            for number in range(len(self.operations)):
                if not _applies(body, self.operations[: number + 1]):
                    path = self.operations[number]["path"]
                    raise _refused(
                        f"changes/{number}", said("this input has no place {path!r} to change", path=path)
                    ) from None
            raise


def _applies(body: Any, operations: Sequence[Mapping[str, Any]]) -> bool:
    try:
        jsonpatch.apply_patch(body, [dict(one) for one in operations])
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, ValueError, KeyError, IndexError):
        return False
    return True


def _operation(number: int, one: Any) -> dict[str, Any]:
    where = f"changes/{number}"
    if not isinstance(one, Mapping) or one.get("op") not in OPERATIONS:
        raise _refused(where, said("each change has an op, one of {operations}", operations=", ".join(OPERATIONS)))
    path = one.get("path")
    if not isinstance(path, str) or (path and not path.startswith("/")) or len(path) > 500:
        raise _refused(where, said("the path is a JSON Pointer such as /order/address/postal_code"))
    if one["op"] == "remove":
        if path == "":
            raise _refused(where, said("the whole input can not be removed"))
        return {"op": "remove", "path": path}
    if "value" not in one:
        raise _refused(where, said("{op} needs a value", op=one["op"]))
    return {"op": one["op"], "path": path, "value": one["value"]}


def seal_changes(workspace_id: UUID, changes: Changes) -> dict[str, Any]:
    """The options of a bulk job that hold changes: paths readable, values sealed."""
    sealed = sealer_for(workspace_id).seal(jsonio.dumps(list(changes.operations)), _AAD)
    return {"changes": changes.paths, _KEPT: base64.b64encode(sealed).decode()}


def open_changes(workspace_id: UUID, options: Mapping[str, Any]) -> Changes:
    """The changes of a bulk job's options."""
    sealed = base64.b64decode(options[_KEPT])
    return Changes(jsonio.loads(sealer_for(workspace_id).open(sealed, _AAD)))


def correct_by_changes(*, actor: Actor, letter: DeadLetter, changes: Changes, reason: str) -> Run:
    """Replay a dead letter's run with its stored input changed; what is done already is not done again."""
    trigger = read_values(Run.objects.get(id=letter.run_id)).get("trigger")
    if trigger is None:
        raise InputGone
    body = changes.applied(trigger.get("body"))
    return correct_and_replay(actor=actor, letter=letter, input=body, reason=reason)


def _refused(where: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": where, "code": "changes.invalid", "message": message}])
