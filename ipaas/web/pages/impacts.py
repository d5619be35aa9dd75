"""What a replay will do outside, in words, before anybody asks for it."""

from typing import Any

from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError, PermissionDenied
from ipaas.flows.plan import CallBlock, EmitBlock, Plan, SubflowBlock
from ipaas.runtime.models import Run
from ipaas.runtime.replays import ReplayPreview, preview_replay
from ipaas.web.pages.wording import step_title
from ipaas.web.readmodels import Impact

MOST_LINES = 40


def replay_impacts(actor: Actor, run: Run, plan: Plan | None, *, from_key: str, new_effects: bool) -> dict[str, Any]:
    """``impacts``, and ``impacts_problem`` when such a replay is refused, with the reason."""
    path, mark, number = from_key.partition("#")
    item = int(number) if mark and number.isascii() and number.isdigit() and len(number) < 9 else None
    try:
        if new_effects and not actor.may("runs.replay_new_effects"):
            raise PermissionDenied(permission="runs.replay_new_effects")
        preview = preview_replay(actor=actor, run=run, from_step=path or None, item=item, new_effects=new_effects)
    except IpaasError as error:
        return {"impacts": [], "impacts_problem": f"{error.detail} {error.advice}".strip()}
    return {"impacts": _impacts(plan, preview), "impacts_problem": ""}


def _impacts(plan: Plan | None, preview: ReplayPreview) -> list[Impact]:
    found: dict[str, Impact] = {}
    for place in preview.unknown:
        found[place] = Impact(
            _title(plan, place), "unknown", "It is looked up where the vendor allows it, else the run stops."
        )
    for place in preview.repeated:
        found[place] = Impact(_title(plan, place), "called_again", "It happens a second time, under a new key.")
    for place in preview.recorded:
        found[place] = Impact(_title(plan, place), "recorded", "The recorded answer is used.")
    taken = {place.partition("#")[0] for place in preview.taken}
    known = {place.partition("#")[0] for place in found} | taken
    for path in [] if plan is None else _reaching_out(plan):
        if path not in known:
            found[path] = Impact(_title(plan, path), "called", "It did not succeed so far.")
    order = {} if plan is None else {path: number for number, path in enumerate(plan.blocks)}
    ranked = sorted(found.items(), key=lambda pair: order.get(pair[0].partition("#")[0], len(order)))
    lines = [impact for _, impact in ranked]
    if len(lines) > MOST_LINES:
        more = len(lines) - MOST_LINES
        return [*lines[:MOST_LINES], Impact(f"{more} more", "recorded", "Not shown here.")]
    return lines


def _reaching_out(plan: Plan) -> list[str]:
    """The blocks of the way forward that touch something outside."""
    return [
        path
        for path, block in plan.blocks.items()
        if isinstance(block, CallBlock | EmitBlock | SubflowBlock)
        and not path.endswith("~undo")
        and "on_failure/" not in path
        and not block.disabled
    ]


def _title(plan: Plan | None, place: str) -> str:
    path, _, item = place.partition("#")
    title = step_title(plan, path)
    return f"{title}, item {item}" if item else title
