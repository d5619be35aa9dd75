"""One run as its page, its live fragment and its download show it."""

import hashlib
from dataclasses import asdict
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from ipaas.accounts.models import Environment
from ipaas.core.actor import Actor
from ipaas.core.errors import IpaasError
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow, FlowVersion
from ipaas.flows.plan import CallBlock, EmitBlock, Plan
from ipaas.runtime.deed_previews import DeedOnRun, Known, known_of
from ipaas.runtime.edges import BLOCKED_CODE
from ipaas.runtime.models import DeadLetter, Effect, Run, StepRun
from ipaas.runtime.reading import business_ids_of
from ipaas.runtime.replays import replays_of
from ipaas.runtime.showing import ShownRun
from ipaas.web.i18n.errors import told
from ipaas.web.i18n.language import SOURCE
from ipaas.web.pages.impacts import deed_impacts
from ipaas.web.pages.run_timeline import (
    WITHOUT_FAULT,
    Axis,
    Deeds,
    Timeline,
    axis_of,
    outer_item,
    read_steps,
    step_key,
)
from ipaas.web.pages.wording import plan_or_none, remedy_of, short_id, step_title, trigger_word, with_item, words
from ipaas.web.readmodels import Effect as EffectView
from ipaas.web.readmodels import ErrorView, Impact, Link, Option, RunDetail, StepView
from ipaas.web.rendering import number as grouped

MOST_POINTS = 60
STOPPED = (Run.Status.DEAD, Run.Status.NEEDS_OPERATOR)


def run_version(run: Any) -> str:
    """Changes whenever something that the page shows changes; of a run ``with_steps_digest``."""
    rows = [run.status, run.finished_at, run.cancel_reason, run.error_code, run.steps_digest]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def story_url(slug: str, name: str, value: str) -> str:
    """The page of a business id; empty for one that no address can hold."""
    try:
        return reverse("runtime:story", args=[slug, name, value])
    except NoReverseMatch:
        return ""


class RunView:
    """Gathers what is shown of a run; ``problem`` says why its data can not be shown, if so."""

    def __init__(self, run: Run, actor: Actor, workspace_slug: str) -> None:
        self.run, self.actor, self.slug = run, actor, workspace_slug
        self.plan: Plan | None = plan_or_none(run.version_id)
        self.problem = ""
        self.shown: ShownRun | None = None
        try:
            self.shown = ShownRun(run)
        except IpaasError as error:
            self.problem = " ".join((_("The data of this run can not be shown."), told(error))).strip()
        self.steps, self.left_out = read_steps(run)

    @cached_property
    def axis(self) -> Axis:
        return axis_of(self.run, self.steps)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(self.run, self.plan, self.shown, self.axis)

    def url(self, name: str, **query: str) -> str:
        return reverse(f"runtime:{name}", args=[self.slug, self.run.id])

    # -- parts ---------------------------------------------------------------------------------------------------

    def detail(self, version: str) -> RunDetail:
        run = self.run
        version_of = FlowVersion.objects.filter(id=run.version_id).select_related("document").defer("content", "text")
        made_by = version_of.first()
        flow = made_by.document if made_by is not None else Flow.objects.filter(id=run.flow_id).first()
        environment = Environment.objects.filter(id=run.environment_id).values_list("name", flat=True).first()
        parent = run.replay_of or run.parent_run_id
        return RunDetail(
            id=str(run.id),
            flow=flow.title if flow is not None else _("removed flow"),
            flow_url=self._flow_url(flow),
            flow_version=made_by.number if made_by is not None else 0,
            environment=environment or "",
            status=run.status,
            status_reason=self.status_reason(),
            business_ids=self.business_ids,
            stories=[(name, value, story_url(self.slug, name, value)) for name, value in self.business_ids],
            trace_id=run.trace_id,
            started_at=run.started_at or uuid7_time(run.id),
            finished_at=run.finished_at,
            duration_ms=self.axis.length_ms if run.started_at else None,
            window_ms=self.axis.length_ms,
            trigger=self._trigger(),
            steps=self.timeline.views(self.steps, self._deeds()),
            effects=self.effects(),
            input=self.shown.input if self.shown is not None else None,
            error=self._error(),
            version=version,
            live=not run.ended,
            poll_url=self.url("run_detail"),
            replay_of=self._run_link(parent) if parent else None,
            replays=[self._run_link(one.id) for one in replays_of(run.id)],
            replay_points=self.replay_points(),
            new_effects=self.actor.may("runs.replay_new_effects"),
            note=self._left_out_words(),
            **self._own_deeds(flow),
        )

    def _left_out_words(self) -> str:
        text = ngettext(
            "{count} more step, without fault, is left out.",
            "{count} more steps, all without fault, are left out.",
            self.left_out,
        )
        return text.format(count=grouped(self.left_out)) if self.left_out else ""

    def _own_deeds(self, flow: Flow | None) -> dict[str, str]:
        run, may = self.run, self.actor.may
        replayable = run.ended and may("runs.replay")
        going = not run.ended and run.status != Run.Status.COMPENSATING and run.cancel_reason is None
        cancellable = may("runs.cancel") and (going or run.status == Run.Status.NEEDS_OPERATOR)
        kept = self.shown is not None and self.shown.has_input
        return {
            "replay_url": self.url("run_replay") if replayable else "",
            "replay_preview_url": self.url("run_replay_preview") if replayable else "",
            "correct_url": self.correct_url() if run.ended and kept else "",
            "resume_url": self.url("run_resume") if run.status in STOPPED and may("runs.resume") else "",
            "cancel_url": self.url("run_cancel") if cancellable else "",
            "raw_url": self.url("run_data"),
            "print_url": f"{self.url('run_detail')}?view=print",
            "compare_url": self.url("run_compare"),
            "audit_url": self._audit_url() if may("audit.view") else "",
            "try_url": self._try_url(flow) if flow is not None and kept and may("flows.trigger", flow.id) else "",
        }

    def _try_url(self, flow: Flow) -> str:
        """To trying a step of the flow out with the data of this run: the one that stopped it, if any."""
        query = {"run": str(self.run.id)}
        if self.run.error_step and "~" not in self.run.error_step:
            query["step"] = self.run.error_step
        return f"{reverse('flows:flow_test', args=[self.slug, flow.slug])}?{urlencode(query)}"

    def _audit_url(self) -> str:
        """The entries that have this run as their subject."""
        query = urlencode({"subject_type": "run", "subject_id": str(self.run.id)})
        return f"{reverse('audit:entry_list', args=[self.slug])}?{query}"

    @cached_property
    def business_ids(self) -> list[tuple[str, str]]:
        return business_ids_of([self.run]).get(self.run.id, [])

    def correct_url(self) -> str:
        """To the dead letter while one is open, else to the correction of any ended run."""
        if not self.actor.may("deadletters.correct"):
            return ""
        letter = DeadLetter.objects.filter(run_id=self.run.id, state=DeadLetter.State.OPEN).first()
        if letter is not None:
            return reverse("runtime:dead_letter_detail", args=[self.slug, letter.id])
        return self.url("run_correct") if self.actor.may("runs.replay") else ""

    def _deeds(self) -> dict[str, Deeds]:
        """What may be done at each step: a replay from there, and at the one that stopped the run the rest."""
        run, may, found = self.run, self.actor.may, {}
        points = {option.value for option in self.replay_points()}
        for step in self.steps:
            key, stopped = step_key(step.path, step.item), run.status in STOPPED and step.path == run.error_step
            unsettled = step.status in (StepRun.Status.FAILED, StepRun.Status.UNKNOWN, StepRun.Status.RETRYING)
            unknown = run.status in STOPPED and step.status == StepRun.Status.UNKNOWN
            point = outer_item(self.plan, step) or step.path
            replay = f"{self.url('run_detail')}?dialog=replay&from={point}" if point in points else ""
            found[key] = Deeds(
                replay=replay,
                skip=self.url("run_skip") if stopped and unsettled and may("runs.skip") else "",
                settle=self.url("run_settle") if unknown and may("runs.resume") else "",
                compare=f"{self.url('run_compare')}?{urlencode({'step': key})}",
                if_happened=self.impacts("settle_happened", key) if unknown else (),
                if_not=self.impacts("settle_not_happened", key) if unknown else (),
            )
        return found

    @cached_property
    def known(self) -> Known:
        """What the previews of deeds go by."""
        return known_of(self.run) if self.shown is None else self.shown.known()

    def impacts(self, deed: DeedOnRun, step: str = "") -> list[Impact]:
        """What a deed on this run would do outside."""
        return deed_impacts(self.actor, self.run, self.plan, deed, step, known=self.known)

    def replay_points(self) -> list[Option]:
        """Where a replay may start from: blocks that ran, and single items of an outermost for-each."""
        if not self.run.ended or not self.actor.may("runs.replay"):
            return []
        points: dict[str, str] = {}
        for step in self.steps:
            if step.compensates or step.path.startswith("on_failure/") or "/on_failure/" in step.path:
                continue
            title = step_title(self.plan, step.path)
            if not step.item:
                points[step.path] = title
            elif key := outer_item(self.plan, step):
                path, _mark, number = key.partition("#")
                one = _("{step}: item {number} alone").format(step=step_title(self.plan, path), number=number)
                points.setdefault(key, one)
        return [Option(value, label) for value, label in list(points.items())[:MOST_POINTS]]

    def failed_step(self) -> StepView | None:
        """The step that stopped the run."""
        path = self.run.error_step or ""
        found = [step for step in self.steps if step.path == path]
        wrong = [step for step in found if step.status not in WITHOUT_FAULT]
        chosen = (wrong or found)[-1:]
        views = self.timeline.views(chosen, {}) if chosen else []
        return views[0] if views else None

    # -- words ---------------------------------------------------------------------------------------------------

    def status_reason(self) -> str:
        run = self.run
        if run.status == Run.Status.CANCELLED or (
            not run.ended and run.cancel_reason and run.status != Run.Status.NEEDS_OPERATOR
        ):
            text = _("Cancelled: {reason}") if run.ended else _("Stops before its next step: {reason}")
            return text.format(reason=run.cancel_reason)
        if run.status == Run.Status.DISCARDED and run.error_code == BLOCKED_CODE:
            return _("Its contract refuses what came in, so that nothing ran")
        if run.status == Run.Status.NEEDS_OPERATOR and run.error_class == "outcome_unknown":
            text = _("Nobody knows whether “{step}” took effect: look on the other side, then say so")
        else:
            text = {
                Run.Status.NEEDS_OPERATOR: _("“{step}” failed, so that not everything could be undone"),
                Run.Status.HELD: _("Its flow is paused; it starts when the flow is taken up again"),
                Run.Status.DEAD: _("“{step}” failed for good"),
                Run.Status.DISCARDED: _("“{step}” failed for good; the dead letter was discarded"),
                Run.Status.COMPENSATING: _("“{step}” failed; what was done is being undone"),
                Run.Status.COMPENSATED: _("“{step}” failed; what was done was undone"),
            }.get(Run.Status(run.status), "")
        return text.format(step=step_title(self.plan, run.error_step or ""))

    def _error(self) -> ErrorView | None:
        run = self.run
        if not run.error_class or run.status == Run.Status.SUCCEEDED:
            return None
        message = self.timeline.text(run.error_message) or words(run.error_code or "")
        return ErrorView(run.error_class, run.error_code or "", message, remedy=remedy_of(run.error_class))

    def _trigger(self) -> str:
        event = self.shown.trigger.get("event") if self.shown is not None and self.shown.has_input else ""
        return f"{trigger_word(self.run.trigger)}, {event}" if event else trigger_word(self.run.trigger)

    def _flow_url(self, flow: Flow | None) -> str:
        return f"{reverse('runtime:run_list', args=[self.slug])}?flow={flow.slug}" if flow is not None else ""

    def _run_link(self, run_id: UUID) -> Link:
        return Link(_("run {id}").format(id=short_id(run_id)), reverse("runtime:run_detail", args=[self.slug, run_id]))

    # -- outside -------------------------------------------------------------------------------------------------

    def effects(self) -> list[EffectView]:
        """What this run and its replays changed outside; a failed try changed nothing."""
        rows = sorted(self.known.effects, key=lambda one: (one.run_id, one.path, one.item))
        effects = [one for one in rows[:200] if one.state != Effect.State.FAILED]
        undone = {(one.path, one.item) for one in effects if one.state == Effect.State.DONE}
        place = {path: number for number, path in enumerate(self.plan.blocks if self.plan is not None else ())}
        effects.sort(key=lambda one: (place.get(one.path, len(place)), one.item))
        return [self._effect(one, undone) for one in effects if not one.path.endswith("~undo")]

    def _effect(self, effect: Effect, undone: set[tuple[str, str]]) -> EffectView:
        block = self.plan.blocks.get(effect.path) if self.plan is not None else None
        title = step_title(self.plan, effect.path)
        mode = "succeeded" if effect.state == Effect.State.DONE else "unknown"
        if (f"{effect.path}~undo", effect.item) in undone:
            mode = "compensated"
        return EffectView(
            with_item(title, effect.item),
            block.connection if isinstance(block, CallBlock) else _("event") if isinstance(block, EmitBlock) else "",
            self._reference(effect) if mode != "unknown" else _("no answer recorded"),
            mode,
        )

    def _reference(self, effect: Effect) -> str:
        """What the other side calls it: the ids of its answer."""
        output = self.shown.step(effect.path, effect.item).output if self.shown is not None else None
        if not isinstance(output, dict):
            return ""
        scalars = {name: str(value) for name, value in output.items() if isinstance(value, str | int)}
        ids = [
            value for name, value in scalars.items() if name == "id" or name.endswith(("_id", "number", "reference"))
        ]
        return ", ".join(ids[:3])

    # -- download ------------------------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """Everything about the run as one masked document, for programs and so in English."""
        with override(SOURCE):
            detail = asdict(self.detail(""))
        beside = ("version", "live", "window_ms", "stories")
        for name in [name for name in detail if name.endswith("_url") or name in beside]:
            del detail[name]
        detail["trigger_data"] = self.shown.trigger if self.shown is not None else None
        return detail
