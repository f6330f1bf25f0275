"""The commands of the pages about compose: what they name is there, and takes what it is given."""

from __future__ import annotations

import re
import shlex
import subprocess

import click
import pytest
import typer

from backend.cli.main import app
from backend.settings import Settings, variable_name
from tests.unit.containers.installation import OVERLAYS, ROOT, Installation, environment_of

PAGES = (
    *("docker/README.md", "docs/containers.md", "docs/updates.md", "docs/backup.md"),
    *("docs/postgres.md", "docs/monitoring.md", "docs/operate.md"),
)
#: Options of `docker compose run` and `exec` that the pages use, with whether a value follows.
OPTIONS = {"--rm": False, "--no-deps": False, "-T": False, "--user": True, "-v": True, "-w": True}
OPTIONS |= {"-e": True, "--entrypoint": True}


def _commands(start: str) -> list[str]:
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        lines = [line.split("  #")[0].strip() for line in blocks.splitlines()]
        found += [line for line in lines if line.startswith(start)]
        found += [code for code in re.findall(r"`([^`\n]+)`", text) if code.startswith(start)]
    return sorted(set(found))


@pytest.mark.parametrize("command", _commands("docker compose"))
def test_a_compose_command_names_what_is_there(installation: Installation, command: str) -> None:
    """Its subcommand is compose's, its services are ours, and what follows is taken by `firstpass`."""
    words = [word for word in shlex.split(command, comments=True)[2:] if word != "..."]
    subcommand, rest = words[0], words[1:]
    assert installation.compose(subcommand, "--help").returncode == 0
    services = installation.config()["services"]
    if subcommand not in ("run", "exec"):
        named = [word for word in rest if not word.startswith("-") and not word.isdigit()]
        assert set(named) <= services.keys()
        return

    given, (service, *arguments) = _options(rest)
    assert service in services
    if given.get("--entrypoint") is None:
        if subcommand == "exec":
            assert arguments.pop(0) == "firstpass"
        _parse(arguments)


def test_every_setting_is_one_of_env_or_named_as_none(installation: Installation) -> None:
    """What stands in .env comes to some container of ours; the page lists the settings that do not."""
    page = (ROOT / "docs" / "containers.md").read_text()
    exceptions = page.partition("\nNot set here, ")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(FIRSTPASS_[A-Z_]+)`", exceptions))
    names = {variable_name(field) for field in Settings.model_fields}
    installation.set(dict.fromkeys(names, "7"))

    config = installation.config()

    told = {
        name
        for service in ("web", "courier", "worker")
        for name, value in environment_of(config, service).items()
        if value == "7"
    }
    assert names - told == named & names


def test_no_command_names_a_compose_file() -> None:
    """With `-f` compose does not heed COMPOSE_FILE, and so starts GPU workers on the CPU and Label Studio on SQLite."""
    texts = [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docker").glob("*.*"),
        *(ROOT / "backend").rglob("*.py"),
    ]

    assert [p for p in texts if re.search(r"docker compose -f \S", p.read_text())] == []


def test_prometheus_is_given_the_password_that_web_has(installation: Installation) -> None:
    """By the line of docs/monitoring.md, as make-env.sh writes passwords, quotes and all."""
    page = (ROOT / "docs" / "monitoring.md").read_text()
    (line,) = re.findall(r"^\(umask .*$", page, re.MULTILINE)

    subprocess.run(["bash", "-euc", line], cwd=installation.docker / "monitoring", check=True)

    found = (installation.docker / "monitoring" / "firstpass-password").read_text()
    assert found == installation.values()["FIRSTPASS_BASIC_AUTH_PASS"]


@pytest.mark.parametrize("command", _commands("./make-env.sh"))
def test_an_option_of_make_env_is_one(installation: Installation, command: str) -> None:
    """It gets beyond its options: files named by the page need not be here."""
    words = shlex.split(command, comments=True)[1:]
    if words == ["--subnet"]:  # the sentence goes on with what to give
        words.append("10.99.0.0/24")

    done = installation.make_env(*words)

    assert done.returncode == 0 or "there is no file" in done.stderr


@pytest.mark.parametrize("command", _commands("make "))
def test_a_target_of_make_is_one(command: str) -> None:
    """Named with variables that the Makefile knows."""
    text = (ROOT / "Makefile").read_text()
    _, target, *variables = shlex.split(command)

    assert re.search(rf"^{target}:", text, re.MULTILINE)
    for variable in variables:
        name = variable.split("=")[0]
        assert re.search(rf"\b{name}\b", text), variable


def test_every_variable_of_the_compose_files_is_on_the_page(installation: Installation) -> None:
    """Except those that make-env.sh keeps to itself and those of docs/settings.md."""
    listed = (ROOT / "docs" / "containers.md").read_text()
    settings = (ROOT / "docs" / "settings.md").read_text()
    kept = {"LABEL_STUDIO_USERNAME", "LABEL_STUDIO_PASSWORD", "LABEL_STUDIO_USER_TOKEN"}

    for values in OVERLAYS.values():
        installation.set(values)
    installation.config(*OVERLAYS)
    rows = installation.compose("config", "--variables").stdout.splitlines()[1:]

    assert rows
    for name in {row.split()[0] for row in rows} - kept:
        assert f"`{name}`" in listed or f"`{name}`" in settings, name


def _options(words: list[str]) -> tuple[dict[str, str | None], list[str]]:
    given: dict[str, str | None] = {}
    words = list(words)
    while words and words[0].startswith("-"):
        name = words.pop(0)
        given[name] = words.pop(0) if OPTIONS[name] else ""
    return given, words


def _parse(arguments: list[str]) -> None:
    """Raises `click.UsageError` for what the command line of `firstpass` does not take."""
    command: click.Command = typer.main.get_command(app)  # type: ignore[assignment]
    parent = None
    while isinstance(command, click.Group):
        parent = command.make_context(command.name, list(arguments), parent=parent)
        _, found, arguments = command.resolve_command(parent, arguments)
        assert found is not None
        command = found
    command.make_context(command.name, list(arguments), parent=parent)
