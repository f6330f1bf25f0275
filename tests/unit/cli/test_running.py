"""Commands take what they were not given from the Firstpass that runs, and say so in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from typer.testing import CliRunner

from backend import __version__
from backend.cli.main import app
from backend.cli.running import ANSWERS, IMAGES, LABEL_STUDIO, OURS, as_it_runs
from backend.queue.keys import INSTALLATION
from backend.settings import Settings, load_settings
from backend.status.installation import SHOWN, InstallationCard

RUNNING = load_settings(
    model="tiny",
    port=9191,
    label_studio_url="http://ls:8080",
    score_threshold=0.4,
    image_allow="a:1",
)
ALL = (*ANSWERS, *LABEL_STUDIO, *OURS, *IMAGES)

Take = Callable[..., tuple[Settings, list[str]]]


@pytest.fixture
def run(redis_connection: redis.Redis) -> Callable[[InstallationCard], None]:
    """Has an installation show this."""

    def show(card: InstallationCard) -> None:
        redis_connection.set(INSTALLATION, json.dumps(asdict(card)))

    return show


@pytest.fixture
def take(redis_url: str) -> Take:
    """The settings of a command, and what it said."""

    def given(*names: str, **settings: Any) -> tuple[Settings, list[str]]:
        said: list[str] = []
        ours = load_settings(redis_url=SecretStr(redis_url), **settings)
        return as_it_runs(ours, names or ALL, said.append), said

    return given


def test_each_setting_that_commands_take_is_shown() -> None:
    assert sorted(ALL) == sorted(SHOWN)


def test_what_was_not_given_is_as_it_runs_and_said_in_one_line(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    run(InstallationCard.of(RUNNING))

    settings, said = take()

    assert all(getattr(settings, name) == getattr(RUNNING, name) for name in ALL)
    assert said == [
        "As the Firstpass that runs at http://127.0.0.1:9191: model tiny, threshold 0.4, "
        "Label Studio http://ls:8080, image allow a:1."
    ]


def test_only_what_the_command_is_about_is_taken(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    run(InstallationCard.of(RUNNING))

    settings, said = take(*LABEL_STUDIO)

    assert (settings.label_studio_url, settings.port) == ("http://ls:8080", 9090)
    assert said == [
        "As the Firstpass that runs at http://127.0.0.1:9191: Label Studio http://ls:8080."
    ]


def test_what_was_given_counts_and_what_differs_is_said(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    """A variable that says the same as what runs is not worth a line."""
    run(InstallationCard.of(RUNNING))

    settings, said = take(*ANSWERS, model="florence-2-base", score_threshold=0.4)

    assert (settings.model, settings.score_threshold) == ("florence-2-base", 0.4)
    assert said == [
        "FIRSTPASS_MODEL is florence-2-base, since it was given here; the Firstpass that runs has tiny."
    ]


PROD = load_settings(
    label_studio_url="http://prod:8080",
    label_studio_browser_url="https://labels.prod",
    public_url="http://fp.prod:9090",
    port=9191,
)


@pytest.mark.parametrize(
    "given",
    [
        {"label_studio_url": "http://staging:8080"},
        {"label_studio_browser_url": "https://labels.staging"},
    ],
)
def test_no_label_studio_is_made_of_two(
    run: Callable[[InstallationCard], None], take: Take, given: dict[str, str]
) -> None:
    """With the other's address for people, its project 3 would be taken for one of this."""
    run(InstallationCard.of(PROD))

    settings, said = take(*LABEL_STUDIO, *OURS, **given)

    assert [getattr(settings, name) for name in LABEL_STUDIO if name not in given] == [None]
    assert settings.public_url == PROD.public_url
    assert any("since it was given here" in line for line in said)


@pytest.mark.parametrize(
    "given", [{"port": 9999}, {"host": "10.0.0.7"}, {"public_url": "http://fp.staging:9090"}]
)
def test_no_firstpass_is_made_of_two(
    run: Callable[[InstallationCard], None], take: Take, given: dict[str, Any]
) -> None:
    """`connect` would tell Label Studio of one and ask the other."""
    run(InstallationCard.of(PROD))

    settings, _ = take(*LABEL_STUDIO, *OURS, **given)

    usual = load_settings(**given)
    assert [getattr(settings, name) for name in OURS] == [getattr(usual, name) for name in OURS]
    assert settings.label_studio_url == PROD.label_studio_url


@pytest.mark.parametrize(
    "given",
    [
        {"label_studio_url": "http://prod:8080"},
        {"label_studio_browser_url": "https://labels.prod"},
        {"public_url": "http://fp.prod:9090"},
        {"port": 9191},
        {"host": "0.0.0.0"},
    ],
)
def test_what_is_of_the_same_place_is_filled_up(
    run: Callable[[InstallationCard], None], take: Take, given: dict[str, Any]
) -> None:
    run(InstallationCard.of(PROD))

    settings, _ = take(*LABEL_STUDIO, *OURS, **given)

    names = {*LABEL_STUDIO, *OURS} - given.keys()
    assert {n: getattr(settings, n) for n in names} == {n: getattr(PROD, n) for n in names}


def test_an_address_that_the_running_one_lacks_may_be_given(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    """As messages advise it: the address of Label Studio in browsers, or ours as Label Studio reaches it."""
    run(InstallationCard.of(RUNNING))

    settings, _ = take(
        *LABEL_STUDIO, *OURS, label_studio_browser_url="https://ls.test", public_url="http://fp"
    )

    assert settings.label_studio_url == "http://ls:8080"
    assert settings.port == 9191


def test_a_relative_folder_is_that_of_the_one_that_runs(
    run: Callable[[InstallationCard], None],
    take: Take,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From another folder by its whole path; from the same one as it is written, for models are asked by name."""
    revision = "clip-vit-b-32@" + 40 * "0"
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    model = f"build/tiny, named,/data/florence,tiny,{revision}"
    run(InstallationCard.of(load_settings(model=model, local_files_root="files")))

    here, _ = take()
    monkeypatch.chdir(tmp_path / "ours")
    there, said = take()
    alike, _ = take(*ANSWERS, model=model)

    assert (here.model, here.local_files_root) == (model, Path("files"))
    theirs = tmp_path / "theirs"
    assert there.local_files_root == theirs / "files"
    assert there.model == (f"{theirs}/build/tiny,{theirs}/named,/data/florence,tiny,{revision}")
    assert f"model {theirs}/build/tiny" in said[0]
    assert alike.model == model


def test_where_none_runs_the_own_settings_count(take: Take) -> None:
    """The usual model is said, one that was given is known to who gave it."""
    settings, said = take()
    assert settings.model == "florence-2-base,clip-vit-b-32"
    assert said == [
        "No Firstpass runs here: the usual model is meant, florence-2-base,clip-vit-b-32."
    ]

    assert take(model="tiny")[1] == []
    assert take(*LABEL_STUDIO)[1] == []


def test_a_redis_that_does_not_answer_is_named_as_why() -> None:
    said: list[str] = []
    settings = load_settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))

    assert as_it_runs(settings, ANSWERS, said.append) == settings
    assert said[0].startswith("Redis does not answer (ConnectionError): the usual model is meant")


def test_settings_of_another_version_are_not_guessed_at(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    """What cannot be meant here, and what is not there."""
    card = InstallationCard.of(RUNNING)
    run(replace(card, settings={**card.settings, "gate": "sometimes"}))
    settings, said = take()
    assert settings.model == "florence-2-base,clip-vit-b-32"
    assert said == [
        "The Firstpass at http://127.0.0.1:9191 is of another version: its settings are not read here."
    ]

    run(replace(card, settings={"model": "tiny", "later": 1}))
    settings, said = take()
    assert (settings.model, settings.port) == ("tiny", 9090)


def test_another_version_is_said(run: Callable[[InstallationCard], None], take: Take) -> None:
    """Its settings count where they can be read."""
    run(replace(InstallationCard.of(RUNNING), version="9.9"))

    settings, said = take(*ANSWERS)

    assert settings.model == "tiny"
    assert said[-1] == (
        f"It is Firstpass 9.9 and this command {__version__}: they may answer differently."
    )


def test_what_would_steer_a_terminal_is_shown_and_not_obeyed(
    run: Callable[[InstallationCard], None], take: Take
) -> None:
    run(InstallationCard.of(load_settings(model="ti\x1b[2Jny")))

    _, said = take()

    assert said == ["As the Firstpass that runs at http://127.0.0.1:9090: model ti\ufffd[2Jny."]


def test_a_command_says_it_beside_what_it_prints(
    run: Callable[[InstallationCard], None], redis_url: str
) -> None:
    """By `plan`, whose version then is that of the installation."""
    run(InstallationCard.of(RUNNING))

    done = CliRunner().invoke(app, ["plan", "label_config/demo.xml", "--redis-url", redis_url])

    assert done.exit_code == 0, done.output
    assert done.stderr.count("As the Firstpass that runs") == 1
    assert "model_version tiny-" in done.stdout
    assert "Firstpass that runs" not in done.stdout
