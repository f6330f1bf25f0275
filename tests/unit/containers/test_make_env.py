"""make-env.sh: what it writes, what it finds, and what it says of bad input."""

from __future__ import annotations

import ast
import ipaddress
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.unit.containers.installation import ROOT, Installation, environment_of

SECRETS = {
    "LABEL_STUDIO_PASSWORD",
    "REDIS_PASSWORD",
    "FIRSTPASS_BASIC_AUTH_PASS",
    "FIRSTPASS_WEBHOOK_SECRET",
    "LABEL_STUDIO_API_KEY",
}


def test_the_file_is_for_its_owner_and_each_has_other_secrets(
    bare: Installation, installation: Installation
) -> None:
    """Nobody else on the machine reads it."""
    first = installation.values()
    installation.env.unlink()
    assert bare.make_env().returncode == 0
    second = bare.values()

    assert bare.env.stat().st_mode & 0o777 == 0o600
    assert all(first[name] != second[name] and len(first[name]) >= 24 for name in SECRETS)


def test_run_again_it_changes_nothing(installation: Installation) -> None:
    """Secrets that are in use stay."""
    before = installation.env.read_bytes()

    done = installation.make_env()

    assert done.returncode == 0
    assert "nothing changed" in done.stdout
    assert installation.env.read_bytes() == before


def test_after_an_update_it_adds_what_is_new(installation: Installation) -> None:
    """A file of an earlier release, without quotes and without a subnet, keeps what it holds."""
    installation.env.write_text("REDIS_PASSWORD=abc\nLABEL_STUDIO_API_KEY=def")

    done = installation.make_env()

    found = installation.values()
    assert done.returncode == 0
    assert "SUBNET" in done.stdout
    assert "REDIS_PASSWORD" not in done.stdout
    assert (found["REDIS_PASSWORD"], found["LABEL_STUDIO_API_KEY"]) == ("abc", "def")
    installation.config()


def test_options_are_written_and_may_be_changed_later(bare: Installation) -> None:
    """Each is changed where it stands; everything else stays."""
    bare.make_env("--model", "tiny", "--cpu", "me@example.com")
    first = bare.values()
    bare.make_env("--gpu", "--workers", "2", "--email", "you@example.com")
    second = bare.values()

    assert (first["FIRSTPASS_MODEL"], first["COMPOSE_FILE"]) == ("tiny", "compose.yaml")
    assert first["LABEL_STUDIO_USERNAME"] == "me@example.com"
    assert second["COMPOSE_FILE"] == "compose.yaml:compose.gpu.yaml"
    assert second["FIRSTPASS_WORKERS"] == "2"
    assert second["LABEL_STUDIO_USERNAME"] == "you@example.com"
    assert first.items() - second.items() == {
        ("COMPOSE_FILE", "compose.yaml"),
        ("LABEL_STUDIO_USERNAME", "me@example.com"),
    }
    bare.make_env("--cpu")
    assert bare.values()["COMPOSE_FILE"] == "compose.yaml"


def test_where_there_are_gpus_workers_compute_on_them(bare: Installation) -> None:
    """One worker for each that nvidia-smi lists."""
    bare.tool("nvidia-smi", "echo 'GPU 0: A'; echo 'GPU 1: B'")

    bare.make_env()

    found = bare.values()
    assert found["COMPOSE_FILE"] == "compose.yaml:compose.gpu.yaml"
    assert found["FIRSTPASS_WORKERS"] == "2"


@pytest.mark.parametrize("text", ["o'brien+a$b@example.com", 'a"b\\c#`d`@example.com'])
def test_what_is_given_is_what_containers_get(bare: Installation, text: str) -> None:
    """No sign means anything to compose."""
    bare.make_env("--email", text)

    assert environment_of(bare.config(), "label-studio")["LABEL_STUDIO_USERNAME"] == text


def test_a_key_file_and_authorities_are_laid_over(bare: Installation, tmp_path: Path) -> None:
    """By their full names, and no token is made."""
    key, authorities = tmp_path / "it's $my key", tmp_path / "authorities.pem"
    key.write_text("token")
    authorities.write_text("certificates")

    done = bare.make_env("--key-file", str(key), "--ca-file", str(authorities))

    assert done.returncode == 0, done.stderr
    config = bare.config()
    assert config["secrets"]["label_studio_api_key"]["file"].replace("$$", "$") == str(key)
    assert "LABEL_STUDIO_API_KEY" not in bare.values()
    sources = [volume.get("source") for volume in config["services"]["worker"]["volumes"]]
    assert str(authorities) in sources


def test_a_postgres_is_laid_over_what_was_chosen_before(bare: Installation) -> None:
    """With a password of its own, which Label Studio is given and which stays."""
    bare.make_env("--gpu")

    done = bare.make_env("--postgres")
    password = bare.values()["POSTGRE_PASSWORD"]
    again = bare.make_env("--postgres")

    assert done.returncode == again.returncode == 0, done.stderr
    assert bare.values()["COMPOSE_FILE"] == "compose.yaml:compose.gpu.yaml:compose.postgres.yaml"
    assert bare.values()["POSTGRE_PASSWORD"] == password != ""
    config = bare.config()
    assert environment_of(config, "label-studio")["POSTGRE_PASSWORD"] == password
    assert environment_of(config, "postgres")["POSTGRES_PASSWORD"] == password


@pytest.mark.parametrize(
    "name",
    [
        "SUBNET",
        "SUBNET_BANS",
        "LABEL_STUDIO_USERNAME",
        "LABEL_STUDIO_PASSWORD",
        "REDIS_PASSWORD",
        "FIRSTPASS_BASIC_AUTH_PASS",
        "FIRSTPASS_WEBHOOK_SECRET",
        "FIRSTPASS_MODEL",
        "COMPOSE_FILE",
    ],
)
@pytest.mark.parametrize("value", [None, "", '""', "''  # later"])
def test_what_is_missing_or_empty_is_filled_in(
    installation: Installation, name: str, value: str | None
) -> None:
    """Compose sends people here for each of them, so here it must come, and the rest stay."""
    before = installation.values()
    lines = installation.env.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(f"{name}=")]
    changed = [] if value is None else [f"{name}={value}"]
    installation.env.write_text("\n".join([*kept, *changed]) + "\n")

    done = installation.make_env()

    assert done.returncode == 0, done.stderr
    assert installation.config()["name"] == "firstpass"
    after = installation.values()
    assert after[name]
    assert {**after, name: ""} == {**before, name: ""}
    if not name.endswith(("PASSWORD", "PASS", "SECRET")):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    "line", ["export REDIS_PASSWORD=mine", "  REDIS_PASSWORD = mine", "REDIS_PASSWORD: mine"]
)
def test_what_compose_reads_is_kept_however_it_is_written(bare: Installation, line: str) -> None:
    """Another secret behind it would count in its place."""
    bare.env.write_text(f"{line}\n")

    assert bare.make_env().returncode == 0

    assert bare.values()["REDIS_PASSWORD"] == "mine"
    assert bare.env.read_text().startswith(f"{line}\n")


def test_compose_files_are_added_to_those_that_are_there(installation: Installation) -> None:
    """Whether a comment or the line end of another system follows them."""
    text = installation.env.read_text()
    named = 'COMPOSE_FILE="compose.yaml:compose.postgres.yaml"'
    for ending in (" # mine", "\r"):
        installation.env.write_text(text.replace('COMPOSE_FILE="compose.yaml"', named + ending))

        done = installation.make_env("--gpu")

        assert done.returncode == 0, done.stderr
        assert (
            'COMPOSE_FILE="compose.yaml:compose.postgres.yaml:compose.gpu.yaml"\n'
            in installation.env.read_text()
        )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--workers", "two"), "expected --workers to be a number from 0 to 999, got two"),
        (("--workers", "-1"), "expected --workers to be a number from 0 to 999, got -1"),
        (("--workers", "99999999999999"), "a number from 0 to 999, got 99999999999999"),
        (("--workers", "007"), "a number from 0 to 999, got 007"),
        (("--workers",), "expected a value behind --workers"),
        (("--model", ""), "expected a value behind --model"),
        (("--email", "nobody"), "expected an e-mail address, got nobody"),
        (("--email", "a@b\nX=1"), "line break"),
        (("--key-file", "/nowhere/key"), "there is no file /nowhere/key"),
        (("--subnet", "10.9.8.0"), "expected --subnet like 10.99.0.0/24"),
        (("--subnet", "10.9.256.0/24"), "expected --subnet like 10.99.0.0/24"),
        (("--subnet", "10.09.8.0/24"), "expected --subnet like 10.99.0.0/24"),
        (("--subnet", "10.9.8.7/24"), "such as 10.9.8.0/24, got 10.9.8.7/24"),
        (("--subnet", "10.9.8.0/31"), "from /16 to /28"),
        (("--subnet", "8.8.8.0/24"), "in a private range"),
        (("--turbo",), "there is no option --turbo"),
    ],
)
def test_bad_input_writes_nothing(
    bare: Installation, options: tuple[str, ...], reason: str
) -> None:
    """One sentence says what was expected."""
    done = bare.make_env(*options)

    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert not bare.env.exists() or "X=1" not in bare.env.read_text()


def test_a_subnet_in_use_is_passed_over(bare: Installation) -> None:
    """The next free one is taken when nobody names one."""
    bare.tool("ip", "echo '172.31.0.0/16 dev eth0 proto kernel'; echo 'default via 172.31.0.1'")

    bare.make_env()

    assert bare.values()["SUBNET"] == "172.30.254.0/24"


def test_a_named_subnet_in_use_is_refused_by_who_uses_it(bare: Installation) -> None:
    """Routes and Docker's networks are looked at."""
    bare.tool("ip", "echo '10.8.0.0/16 dev tun0'")
    bare.tool(
        "docker",
        """case "$*" in *ls*) echo "1 firstpass_private"; echo "2 other_default" ;;
        *inspect*1) echo "10.1.0.0/24 " ;; *inspect*2) echo "10.2.0.0/16 " ;; esac""",
    )

    said = {
        subnet: bare.make_env("--subnet", subnet).stderr
        for subnet in ("10.8.7.0/24", "10.2.3.0/24", "10.1.0.0/24")
    }

    assert "10.8.7.0/24 is in use: a route of this machine (10.8.0.0/16)" in said["10.8.7.0/24"]
    assert "10.2.3.0/24 is in use: the Docker network other_default" in said["10.2.3.0/24"]
    assert said["10.1.0.0/24"] == ""


@pytest.mark.parametrize(
    "subnet", ["172.31.254.0/24", "10.0.0.0/16", "192.168.255.240/28", "100.64.0.0/20"]
)
def test_label_studio_goes_on_refusing_all_it_refuses_but_our_subnet(
    bare: Installation, subnet: str
) -> None:
    """Its own list less our network, address for address."""
    assert bare.make_env("--subnet", subnet).returncode == 0
    config = bare.config()

    banned = environment_of(config, "label-studio")["USER_ADDITIONAL_BANNED_SUBNETS"].split(",")
    ours = ipaddress.ip_network(subnet)
    expected: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for network in map(ipaddress.ip_network, _label_studios_own_list()):
        if isinstance(network, ipaddress.IPv4Network) and ours.subnet_of(network):  # type: ignore[arg-type]
            expected += network.address_exclude(ours)  # type: ignore[arg-type]
        else:
            expected.append(network)

    assert config["networks"]["private"]["ipam"]["config"] == [{"subnet": subnet}]
    assert sorted(map(str, map(ipaddress.ip_network, banned))) == sorted(map(str, expected))


def _label_studios_own_list() -> list[str]:
    """From the source of the Label Studio that the project is tried with."""
    found = list(
        (ROOT / ".venv-label-studio").glob("lib/*/site-packages/label_studio/core/utils/io.py")
    )
    if not found:
        missing("no Label Studio in .venv-label-studio: make setup")
    for node in ast.walk(ast.parse(found[0].read_text())):
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "default_banned_subnets"
        ):
            value: list[str] = ast.literal_eval(node.value)
            return value
    raise AssertionError("Label Studio keeps its list elsewhere now")
