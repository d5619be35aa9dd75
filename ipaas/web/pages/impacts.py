"""What a replay will do outside, in words, before anybody asks for it."""

from typing import Any

from django.utils.translation import gettext as _

from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError, PermissionDenied
from ipaas.flows.plan import Plan
from ipaas.runtime.deed_previews import PERMISSIONS, DeedOnRun, preview_deed, reaching_out
from ipaas.runtime.models import Run
from ipaas.runtime.replays import ReplayPreview, preview_replay
from ipaas.web.i18n.errors import told
from ipaas.web.pages.wording import step_title, with_item
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
        return {"impacts": [], "impacts_problem": told(error)}
    return {"impacts": _impacts(plan, preview), "impacts_problem": ""}


def _impacts(plan: Plan | None, preview: ReplayPreview) -> list[Impact]:
    found: dict[str, Impact] = {}
    for place in preview.unknown:
        found[place] = Impact(
            _title(plan, place), "unknown", _("It is looked up where the vendor allows it, else the run stops.")
        )
    for place in preview.repeated:
        found[place] = Impact(_title(plan, place), "called_again", _("It happens a second time, under a new key."))
    for place in preview.recorded:
        found[place] = Impact(_title(plan, place), "recorded", _("The recorded answer is used."))
    taken = {place.partition("#")[0] for place in preview.taken}
    known = {place.partition("#")[0] for place in found} | taken
    for path in [] if plan is None else reaching_out(plan):
        if path not in known:
            found[path] = Impact(_title(plan, path), "called", _("It did not succeed so far."))
    order = {} if plan is None else {path: number for number, path in enumerate(plan.blocks)}
    ranked = sorted(found.items(), key=lambda pair: order.get(pair[0].partition("#")[0], len(order)))
    return _bounded([pair[1] for pair in ranked])


def deed_impacts(actor: Actor, run: Run, plan: Plan | None, deed: DeedOnRun, step: str = "") -> list[Impact]:
    """What resuming, skipping, settling or cancelling does outside; nothing where the deed makes no sense now."""
    if plan is None or not actor.may(PERMISSIONS[deed]):
        return []
    try:
        preview = preview_deed(actor=actor, run=run, plan=plan, deed=deed, step=step)
    except IpaasError:
        return []
    notes = (
        ("skipped", preview.skipped, _("It is left out; its output is empty.")),
        ("unknown", preview.looked_up, _("It is looked up where the vendor allows it, else the run stops.")),
        ("called", preview.called, _("It is called when the run gets there.")),
        ("running", preview.under_way, _("It is on its way: it is waited for and recorded.")),
        ("recorded", preview.recorded, _(_("The recorded answer is used."))),
        ("stays", preview.kept, _("It happened and stays as it is.")),
    )
    found = [Impact(_title(plan, place), mode, note) for mode, places, note in notes for place in places]
    return _bounded(found)


def _bounded(lines: list[Impact]) -> list[Impact]:
    if len(lines) <= MOST_LINES:
        return lines
    more = _("{count} more").format(count=len(lines) - MOST_LINES)
    return [*lines[:MOST_LINES], Impact(more, "recorded", _("Not shown here."))]


def _title(plan: Plan | None, place: str) -> str:
    path, _mark, item = place.partition("#")
    title = step_title(plan, path)
    return with_item(title, item)
