"""Going through the steps of a flow document."""

from collections.abc import Iterator
from typing import Any

Step = dict[str, Any]


def walk(content: dict[str, Any]) -> Iterator[tuple[Step, str]]:
    """Every step of a valid document with its JSON pointer, outermost first, in reading order."""
    for key in ("steps", "on_failure"):
        yield from walk_steps(content.get(key, ()), f"/{key}")


def walk_steps(steps: Any, path: str) -> Iterator[tuple[Step, str]]:
    for index, step in enumerate(steps):
        place = f"{path}/{index}"
        yield step, place
        for inner, inner_path in inner_lists(step, place):
            yield from walk_steps(inner, inner_path)


def inner_lists(step: Step, path: str) -> Iterator[tuple[list[Step], str]]:
    """The lists of steps directly inside a step, with their pointers."""
    for index, case in enumerate(step.get("branch", ())):
        yield case["steps"], f"{path}/branch/{index}/steps"
    if "else" in step:
        yield step["else"]["steps"], f"{path}/else/steps"
    for index, branch in enumerate(step.get("parallel", {}).get("branches", ())):
        yield branch["steps"], f"{path}/parallel/branches/{index}/steps"
    if "for_each" in step:
        yield step["for_each"]["steps"], f"{path}/for_each/steps"
    if "on_failure" in step:
        yield step["on_failure"].get("steps", []), f"{path}/on_failure/steps"
