"""Running a function: apart, for each call anew, with what it takes and gives held against its schemas."""

import importlib.util
import math
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from ipaas.core import apart, jsonio
from ipaas.core.errors import ErrorClass
from ipaas.sdk.connector import Handler, HandlerCall, RequestView, ResponseView, Result
from ipaas.sdk.errors import ActionError
from ipaas.sdk.schemas import Validator, compile_schema, findings
from ipaas.sdk.transports.threads import Gate, in_thread

MEMORY_BYTES = 512 * 1024 * 1024
MAX_OUTPUT_BYTES = 10 * 1024 * 1024
USUAL_TIMEOUT_S = 30.0


def function_handlers(file: Path, names: Iterable[str]) -> dict[str, Handler]:
    """The handlers of a connector whose actions are functions of a file. The file is not executed here."""
    return {name: partial(_handle, file, name) for name in names}


async def _handle(file: Path, name: str, call: HandlerCall) -> Result:
    schema = call.action.response.schema
    timeout_s = call.action.timeout_s or USUAL_TIMEOUT_S
    work = partial(run_function, file, name, dict(call.params), timeout_s)
    output = await in_thread(Gate(call.io), work)
    check_output(schema, output)
    return Result(output, None, {}, RequestView("PYTHON", name, body=call.params), ResponseView(None, {}, output))


def run_function(file: Path, name: str, given: Any, timeout_s: float = USUAL_TIMEOUT_S) -> Any:
    """What a function makes of a value. Raises ActionError."""
    limits = apart.Limits(
        memory_bytes=MEMORY_BYTES,
        cpu_s=math.ceil(timeout_s),
        wall_s=timeout_s,
        output_bytes=MAX_OUTPUT_BYTES,
        readable=(str(file.parent),),
    )
    params = {"file": str(file), "function": name}
    try:
        return apart.answer(f"{__name__}:run_task", params, jsonio.dumps(given), limits, helper="functions")["output"]
    except apart.Refused as refused:
        told = refused.fields.get("params", {})
        raise ActionError(ErrorClass.BUSINESS_REJECTION, str(told.get("code")), str(told.get("message"))) from refused
    except apart.ApartLimit as error:
        memory, output = MEMORY_BYTES >> 20, MAX_OUTPUT_BYTES >> 20
        message = f"The function {name} takes more than {memory} MB of memory or {timeout_s:g} seconds, or gives more "
        message += f"than {output} MB."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "function_limit", message) from error
    except apart.ApartBusy as error:
        raise ActionError(ErrorClass.TRANSIENT, error.code, str(error)) from error
    except apart.ApartFailed as error:
        message = f"The function {name} failed: {error.params['name']} at {error.params['place']}."
        raise ActionError(ErrorClass.INTERNAL, "function_failed", message) from error


def run_task(params: dict[str, str], file: BinaryIO, give: apart.Give) -> None:
    """In the child: load the file, call the function, hand over what it returns."""
    given = jsonio.loads(file.read(), limits=jsonio.JsonLimits(max_bytes=MAX_OUTPUT_BYTES, max_string=MAX_OUTPUT_BYTES))
    path = Path(params["file"])
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("functions", path)
    if spec is None or spec.loader is None:
        raise ImportError
    module = importlib.util.module_from_spec(spec)
    sys.modules["functions"] = module
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    give({"output": getattr(module, params["function"])(given)})


def check_output(schema: Mapping[str, Any] | bool | None, output: Any) -> None:
    """Raises ActionError (contract violation) for what a function must not return."""
    found = findings(_compiled(jsonio.dumps(schema)), output) if schema is not None else []
    if found:
        message = f"The function's output breaks its schema: {found[0]['path'] or 'output'}: {found[0]['message']}."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "function_output", message)


@lru_cache(maxsize=256)
def _compiled(schema: bytes) -> Validator:
    return compile_schema(jsonio.loads(schema))
