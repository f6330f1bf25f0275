"""One project: its label config, our ML backend as Label Studio sees it, versions and webhook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.errors import FirstpassError, LabelConfigError, QueueUnavailable
from backend.label_config.named_heads import without_heads
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend, Project, Webhook
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.projects.finding import Finding, Level
from backend.projects.our_backend import OurBackend
from backend.projects.our_web import OurWeb
from backend.projects.refusals import forbids_address, remedy

__all__ = [
    "CheckedConfig",
    "check_backend",
    "check_config",
    "check_versions",
    "check_web_version",
    "check_webhook",
]


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """What predicts for a project, `None` when nothing of its label config is served; and a finding per tag.

    Without `knows_version` its version is not that of the predictions: nobody can say what was learned.
    """

    predictor: Predictor | None
    findings: list[Finding]
    knows_version: bool = True


def check_config(project: Project, predictors: PredictorSettings) -> CheckedConfig:
    """Plans the label config. What was learned is left out of it while Redis does not answer, with a word."""
    unknown: list[Finding] = []
    try:
        predictor = predictors.for_label_config(project.label_config)
    except QueueUnavailable:
        predictor = predictors.for_label_config(without_heads(project.label_config))
        what = "the label config names what was learned (model_head), which is not looked for: Redis has it"
        unknown.append(Finding(Level.SKIPPED, what))
    except LabelConfigError as error:
        fix = "see label_config/README.md for the tags that are served, and `firstpass plan` for what becomes of a config"
        return CheckedConfig(None, [Finding(Level.ERROR, str(error), fix)])
    served = ", ".join(
        f"{step.control.kind} {step.control.name!r}" for step in predictor.plan.steps
    )
    findings = [Finding(Level.OK, f"the label config is served: {served}")]
    findings += [
        Finding(Level.OK if tag.is_wanted else Level.WARNING, tag.note)
        for tag in predictor.plan.unserved
    ]
    learn = f"`firstpass learn --project {project.id} --apply` learns anew, with --forget in place of --apply it is forgotten"
    findings += [Finding(Level.WARNING, complaint, learn) for complaint in predictor.complaints]
    return CheckedConfig(predictor, findings + unknown, knows_version=not unknown)


def check_web_version(web: OurWeb, project: Project, version: str) -> Finding:
    """Whether the web process gives the version that the settings here give."""
    answered = web.version(project.label_config)
    if answered == version:
        return Finding(Level.OK, f"the web process answers as {version}, as the settings here do")
    return Finding(
        Level.ERROR,
        f"the web process answers as {answered}, the settings here as {version}",
        "give all processes the same FIRSTPASS_MODEL, FIRSTPASS_SCORE_THRESHOLD, FIRSTPASS_NUM_BEAMS, "
        "FIRSTPASS_MAX_NEW_TOKENS and FIRSTPASS_GATE, and the same Firstpass",
    )


def check_backend(
    api: LabelStudioApi, ours: OurBackend, project: int, backends: Sequence[Backend]
) -> Iterator[Finding]:
    """Whether Label Studio reaches us, which it has just tried, and asks us and nobody else."""
    there = ours.among(backends)
    connect = f"`firstpass connect --project {project}`"
    if not there:
        others = ", ".join(f"{one.title} ({one.url})" for one in backends)
        yield Finding(
            Level.ERROR,
            f"no ML backend of the project is at {ours.url}; there {f'is {others}' if others else 'are none'}",
            f"{connect}; if that address is not ours as Label Studio reaches us, set FIRSTPASS_PUBLIC_URL",
        )
        yield from _objection(api, ours, project)
        return
    backend = there[0]
    if backend.state == "CO":
        yield Finding(Level.OK, f"Label Studio reaches us at {ours.url}")
    else:
        said = f": {backend.error_message}" if backend.error_message else ""
        yield Finding(
            Level.ERROR,
            f"Label Studio does not get on with us at {ours.url}: {backend.readable_state}{said}",
            f"{connect} says why and gives it our credentials",
        )
        yield from _objection(api, ours, project)
    if backends[0].id != backend.id:
        first = backends[0]
        yield Finding(
            Level.ERROR,
            f"Label Studio asks the first ML backend alone, which is {first.title!r} ({first.url})",
            "remove that one under Settings > Model",
        )


def _objection(api: LabelStudioApi, ours: OurBackend, project: int) -> Iterator[Finding]:
    """What Label Studio's protection says to our address.

    It is asked to take us in a way that it cannot: it judges the address before it misses the rest.
    """
    try:
        made = api.create_backend(project, url=ours.url, auth_method="BASIC_AUTH")
        api.delete_backend(made.id)
        hook = api.create_webhook(project, url=ours.webhook_url, actions=["NO_SUCH_ACTION"])
        api.delete_webhook(hook.id)
    except FirstpassError as error:
        if forbids_address(error) or "resolve hostname" in str(error):
            yield Finding(Level.ERROR, str(error), remedy(error, ours.url))


def check_versions(
    ours: OurBackend, project: Project, backends: Sequence[Backend], version: str
) -> Finding:
    """Whether backend, rows and scores go by one version."""
    there = ours.among(backends)
    title = there[0].title if there else None
    shown = project.model_version
    if not there:
        return Finding(Level.SKIPPED, "versions are not compared: we are not connected")
    if not project.show_collab_predictions:
        what = "the project does not show predictions to annotators"
    elif title != version:
        what = f"the backend is named {title!r}, its predictions {version}: scores do not show"
    elif shown != version:
        what = f"the project shows {shown or 'no version'}, our predictions are {version}: scores do not show"
    else:
        return Finding(Level.OK, f"name, predictions and the version shown are all {version}")
    return Finding(Level.ERROR, what, f"`firstpass connect --project {project.id}`")


def check_webhook(ours: OurBackend, webhooks: Sequence[Webhook], project: int) -> Finding:
    """Whether events reach us."""
    there = ours.webhooks_among(webhooks)
    fix = f"`firstpass connect --project {project}`"
    if not there:
        return Finding(Level.WARNING, f"no webhook calls {ours.webhook_url}", fix)
    if ours.auth is not None and ours.webhook_secret is None:
        return Finding(
            Level.WARNING,
            "webhooks carry no credentials, so Firstpass refuses them",
            f"set FIRSTPASS_WEBHOOK_SECRET for the web process and here, then {fix}",
        )
    if amiss := ours.webhook_amiss(there[0]):
        return Finding(Level.WARNING, f"the webhook to us is not right: {', '.join(amiss)}", fix)
    return Finding(Level.OK, f"a webhook calls {ours.webhook_url}")
