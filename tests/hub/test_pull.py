"""`firstpass models pull` as people expect it: resumed, compared, told as it goes."""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import IO

import pytest

from models.registry import fingerprint, resolve
from tests.hub.machine import Machine, cache_folder
from tests.hub.make_repositories import CLIP, FLORENCE
from tests.hub.serve_hub import Fault, StandInHub

WEIGHTS = "/model.safetensors"
WAIT_S = 120


def flip(path: Path, at: int) -> None:
    """One byte of a file in the cache is another now."""
    with path.resolve().open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


def whole(machine: Machine, hub: StandInHub) -> bool:
    """Whether every file of florence-2-base that is here is, byte for byte, what the hub has."""
    here = list(machine.florence.iterdir())
    theirs = hub.root / FLORENCE
    return len(here) == 11 and all(
        path.read_bytes() == (theirs / path.name).read_bytes() for path in here
    )


def test_what_is_pulled_is_found_by_us_and_by_the_hubs_own_library(
    machine: Machine, hub: StandInHub
) -> None:
    """Both halves of one operation agree on the files, and nobody asks the hub again."""
    assert machine.run("models", "pull").returncode == 0
    before = len(hub.asked)

    names = {path.name for path in machine.florence.iterdir()}
    assert {"model.safetensors", "config.json", "merges.txt"} <= names
    assert "README.md" not in names
    assert "flax_model.msgpack" not in {path.name for path in machine.clip.iterdir()}
    check = machine.run("models", "check", "clip-vit-b-32", "--verify")
    assert check.returncode == 0, check.stderr
    assert "clip-vit-b-32: 8 files as the hub has them" in check.stdout
    assert len(hub.asked) == before


def test_the_cache_is_as_the_hubs_own_library_makes_it(
    machine: Machine, hub: StandInHub, tmp_path: Path
) -> None:
    """Same names of contents, same links; so each finds what the other fetched."""
    theirs = Machine(tmp_path / "theirs", hub.url)
    assert machine.run("models", "pull", "clip-vit-b-32").returncode == 0
    assert theirs.library(CLIP) == theirs.clip

    links = {path.name: os.readlink(path) for path in machine.clip.iterdir()}
    assert links == {path.name: os.readlink(path) for path in theirs.clip.iterdir()}
    asked = len(hub.asked)
    assert machine.library(CLIP, local_files_only=True) == machine.clip
    assert len(hub.asked) == asked


def test_what_the_library_fetched_needs_no_pull(machine: Machine, hub: StandInHub) -> None:
    """Whoever has the weights already fetches nothing again."""
    machine.library(CLIP)
    hub.sent.clear()

    done = machine.run("models", "pull", "clip-vit-b-32")

    assert done.returncode == 0
    assert "was here, 8 compared" in done.stdout
    assert hub.sent == {}


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_pull_that_is_stopped_goes_on_in_mid_file(
    machine: Machine, hub: StandInHub, ending: signal.Signals
) -> None:
    """At once, with exit code 130, and no byte is fetched twice."""
    fault = Fault(f"GET /cdn/{FLORENCE}{WEIGHTS}", hold_after=2_000_000)
    hub.faults.append(fault)
    with machine.start("models", "pull", "florence-2-base") as process:
        assert fault.held.wait(WAIT_S)
        until_written(machine, 2_000_000)
        process.send_signal(ending)
        _, said = process.communicate(timeout=WAIT_S)
    if ending != signal.SIGKILL:
        assert process.returncode == 130
        assert "Stopped." in said
        assert "Traceback" not in said
    hub.faults.clear()
    fault.go_on.set()
    (partial,) = machine.incomplete()
    kept = partial.stat().st_size
    assert "in part" in machine.run("models", "list").stdout

    again = machine.run("models", "pull", "florence-2-base")

    assert again.returncode == 0, again.stderr
    assert "of them are here" in again.stderr
    ranges = [one.range for one in hub.asked if one.path.endswith(WEIGHTS) and one.range]
    assert set(ranges) == {f"bytes={kept}-"}
    tokenizers = [one for one in hub.asked if one.path.endswith("/tokenizer.json")]
    assert len(tokenizers) == 1
    assert machine.incomplete() == []
    assert whole(machine, hub)


def until_written(machine: Machine, count: int) -> None:
    """What was sent is in the file, but for what is on its way."""
    deadline = time.monotonic() + WAIT_S
    while sum(path.stat().st_size for path in machine.incomplete()) < count - 100_000:
        assert time.monotonic() < deadline, "the bytes were not kept"
        time.sleep(0.05)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    machine: Machine, hub: StandInHub
) -> None:
    """By the same pull."""
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", cut_after=1_000_000, times=2))

    done = machine.run("models", "pull", "florence-2-base")

    assert done.returncode == 0, done.stderr
    assert whole(machine, hub)
    size = (hub.root / FLORENCE / "model.safetensors").stat().st_size
    assert hub.sent["model.safetensors"] == size


def test_a_hub_that_knows_no_parts_sends_the_whole(machine: Machine, hub: StandInHub) -> None:
    """The file is begun anew, not spoilt."""
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", cut_after=1_000_000, times=1))
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", ignores_range=True))

    done = machine.run("models", "pull", "florence-2-base")

    assert done.returncode == 0, done.stderr
    assert whole(machine, hub)


@pytest.mark.parametrize(
    ("status", "headers"), [(206, {"Content-Range": "bytes 0-1/2"}), (206, {}), (416, {})]
)
def test_a_part_that_was_not_asked_for_is_not_taken(
    machine: Machine, hub: StandInHub, status: int, headers: dict[str, str]
) -> None:
    """Bytes of another place would spoil the file, or come for ever a few at a time."""
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", cut_after=1_000_000, times=1))
    hub.faults.append(
        Fault(f"/cdn/{FLORENCE}{WEIGHTS}", status=status, headers=headers, body="no", times=1)
    )

    done = machine.run("models", "pull", "florence-2-base")

    assert done.returncode == 0, done.stderr
    assert whole(machine, hub)


def test_trouble_that_passes_is_waited_out(machine: Machine, hub: StandInHub) -> None:
    """Too many requests, a hub that restarts."""
    hub.faults.append(Fault("/api/models", status=503, times=2))
    hub.faults.append(Fault("/config.json", status=429, times=2))

    done = machine.run("models", "pull", "clip-vit-b-32")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_flipped_byte_is_found_and_the_remedy_mends_it(
    machine: Machine, hub: StandInHub, name: str
) -> None:
    """`check --verify` names the file and `pull`; `pull` names it too, and fetches that file alone."""
    assert machine.run("models", "pull", "florence-2-base").returncode == 0
    hub.sent.clear()
    flip(machine.florence / name, at=100)

    refused = machine.run("models", "check", "florence-2-base", "--verify")
    assert refused.returncode == 2
    assert f"{name} of florence-2-base" in refused.stderr
    assert "`firstpass models pull florence-2-base`" in refused.stderr
    mended = machine.run("models", "pull", "florence-2-base")
    assert mended.returncode == 0, mended.stderr
    assert f"{name} is damaged" in mended.stderr
    assert "1 files fetched, 11 compared" in mended.stdout
    assert set(hub.sent) == {name}
    assert whole(machine, hub)


def test_a_damaged_file_is_kept_until_the_hub_can_be_asked(
    machine: Machine, hub: StandInHub
) -> None:
    """Without network a file that may still do is not thrown away; it is said that it is damaged."""
    assert machine.run("models", "pull", "clip-vit-b-32").returncode == 0
    flip(machine.clip / "merges.txt", at=100)

    refused = machine.run("models", "pull", "clip-vit-b-32", HF_HUB_OFFLINE="1")

    assert refused.returncode == 2
    assert "merges.txt is damaged" in refused.stderr
    assert "HF_HUB_OFFLINE" in refused.stderr
    assert (machine.clip / "merges.txt").is_file()


def test_a_link_that_leads_on_is_compared_by_its_first_name(
    machine: Machine, hub: StandInHub, tmp_path: Path
) -> None:
    """A store shared between repositories names contents by other digests."""
    assert machine.run("models", "pull", "clip-vit-b-32").returncode == 0
    blob = (machine.clip / "pytorch_model.bin").resolve()
    store = tmp_path / ("e" * 64)
    blob.rename(store)
    blob.symlink_to(store)
    hub.sent.clear()

    done = machine.run("models", "pull", "clip-vit-b-32")

    assert "was here, 8 compared" in done.stdout
    assert hub.sent == {}


def test_copies_without_links_are_compared_by_pull(machine: Machine, hub: StandInHub) -> None:
    """As `cp -rL` leaves a cache: no names tell the digests, the hub's list does."""
    assert machine.run("models", "pull", "florence-2-base").returncode == 0
    copied = machine.hf_home.with_name("copied")
    shutil.copytree(machine.hf_home, copied)
    shutil.rmtree(cache_folder(copied, FLORENCE).parents[1] / "blobs")
    there = Machine(copied, hub.url)
    flip(there.florence / "model.safetensors", at=2_000_000)
    hub.sent.clear()

    mended = there.run("models", "pull", "florence-2-base")

    assert mended.returncode == 0, mended.stderr
    assert "model.safetensors is damaged" in mended.stderr
    assert set(hub.sent) == {"model.safetensors"}


def test_a_disk_without_links_holds_the_files_themselves(machine: Machine, hub: StandInHub) -> None:
    """As the hub's library does there; the next pull compares them with the hub's list."""
    machine.more["PYTHONPATH"] = str(machine.hf_home.parent)
    (machine.hf_home.parent / "sitecustomize.py").write_text(
        "import pathlib\n"
        "def refuse(self, target): raise PermissionError(1, 'Operation not permitted')\n"
        "pathlib.Path.symlink_to = refuse\n"
    )

    assert machine.run("models", "pull", "florence-2-base").returncode == 0
    assert whole(machine, hub)
    assert not any(path.is_symlink() for path in machine.florence.iterdir())
    hub.sent.clear()
    again = machine.run("models", "pull", "florence-2-base")
    assert "was here, 11 compared byte for byte" in again.stdout
    assert hub.sent == {}


def test_links_may_be_forbidden(machine: Machine, hub: StandInHub) -> None:
    """By the setting of the hub's library; a cache is to be copied to where there are none."""
    done = machine.run("models", "pull", "clip-vit-b-32", HF_HUB_DISABLE_SYMLINKS="1")

    assert done.returncode == 0, done.stderr
    assert len(list(machine.clip.iterdir())) == 8
    assert not any(path.is_symlink() for path in machine.clip.iterdir())
    hub.sent.clear()
    again = machine.run("models", "pull", "clip-vit-b-32", HF_HUB_DISABLE_SYMLINKS="1")
    assert "was here, 8 compared byte for byte" in again.stdout
    assert hub.sent == {}


def test_bytes_that_change_on_the_way_are_thrown_away(machine: Machine, hub: StandInHub) -> None:
    """Nothing of them is taken for the model, and the next pull mends it."""
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", flip_at=500_000))

    refused = machine.run("models", "pull", "florence-2-base")

    assert refused.returncode == 2
    assert "model.safetensors that came are not what the hub says" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert machine.incomplete() == []
    assert "in part" in machine.run("models", "list").stdout
    hub.faults.clear()
    assert machine.run("models", "pull", "florence-2-base").returncode == 0
    assert whole(machine, hub)


def test_a_half_fetched_file_that_is_wrong_is_begun_anew(machine: Machine, hub: StandInHub) -> None:
    """What an earlier start left may be damaged, too."""
    hub.faults.append(Fault(f"/cdn/{FLORENCE}{WEIGHTS}", status=403))
    assert machine.run("models", "pull", "florence-2-base").returncode == 2
    hub.faults.clear()
    (partial,) = machine.incomplete()
    partial.write_bytes(b"\0" * 1_000_000)

    done = machine.run("models", "pull", "florence-2-base")

    assert done.returncode == 0, done.stderr
    assert whole(machine, hub)


def test_two_pulls_at_a_time_fetch_a_file_once(machine: Machine, hub: StandInHub) -> None:
    """The second says that it waits."""
    fault = Fault(f"/cdn/{FLORENCE}{WEIGHTS}", hold_after=1_000_000, times=1)
    hub.faults.append(fault)
    with (
        machine.start("models", "pull", "florence-2-base") as first,
        machine.start("models", "pull", "florence-2-base") as second,
    ):
        assert fault.held.wait(WAIT_S)
        streams = [stream for process in (first, second) if (stream := process.stderr)]
        said = ""
        while "waiting for it" not in said:
            more = written_within(streams, WAIT_S)
            assert more, said
            said += more
        fault.go_on.set()
        outs = [process.communicate(timeout=WAIT_S)[0] for process in (first, second)]

    assert [process.returncode for process in (first, second)] == [0, 0]
    assert all("florence-2-base" in out for out in outs)
    size = (hub.root / FLORENCE / "model.safetensors").stat().st_size
    assert hub.sent["model.safetensors"] == size


def written_within(streams: list[IO[str]], seconds: float) -> str:
    """What one of them holds, past its own buffer; empty if nothing comes."""
    ready, _, _ = select.select(streams, [], [], seconds)
    return os.read(ready[0].fileno(), 65_536).decode() if ready else ""


def test_the_token_goes_to_the_hub_and_nowhere_else(machine: Machine, hub: StandInHub) -> None:
    """Large files come from another host, which must not see it."""
    done = machine.run("models", "pull", "clip-vit-b-32", HF_TOKEN="hf_secret")

    assert done.returncode == 0, done.stderr
    ours = [
        one for one in hub.asked if CLIP.partition("/")[0] in one.path or "/api/models/" in one.path
    ]
    for one in ours:
        elsewhere = one.host.startswith("localhost")
        assert one.authorization == (None if elsewhere else "Bearer hf_secret"), one.path
    assert {one.host.partition(":")[0] for one in ours} == {"127.0.0.1", "localhost"}
    assert "hf_secret" not in done.stdout + done.stderr


def test_one_model_that_cannot_be_had_keeps_no_other_from_coming(
    machine: Machine, hub: StandInHub
) -> None:
    """Several names, with commas or spaces between; each is told of."""
    hub.faults.append(Fault("/api/models/florence-community", status=500))

    done = machine.run("models", "pull", "florence-2-base,clip-vit-b-32")

    assert done.returncode == 2
    assert "clip-vit-b-32: 8 files fetched" in done.stdout
    assert "florence-2-base was not fetched" in done.stderr


def test_a_whole_model_needs_no_hub(machine: Machine, hub: StandInHub) -> None:
    """Where the hub cannot be asked, what is here and whole is enough, and it is said."""
    assert machine.run("models", "pull", "clip-vit-b-32").returncode == 0

    for environment in ({"HF_ENDPOINT": "http://127.0.0.1:1"}, {"HF_HUB_OFFLINE": "1"}):
        done = machine.run("models", "pull", "clip-vit-b-32", **environment)
        assert done.returncode == 0, done.stderr
        assert "the hub was not asked" in done.stderr
        assert "8 compared byte for byte" in done.stdout


def test_another_revision_is_another_model(
    machine: Machine, hub: StandInHub, tmp_path: Path
) -> None:
    """`NAME@COMMIT` is pulled, listed, checked and named in the fingerprint like any other."""
    root = tmp_path / "root"
    shutil.copytree(hub.root, root)
    commit = "0123456789abcdef0123456789abcdef01234567"
    other = (root / CLIP).with_name(commit)
    shutil.copytree(root / CLIP, other)
    (other / "README.md").write_text("of another day\n")
    hub.root = root
    name = f"clip-vit-b-32@{commit}"

    pulled = machine.run("models", "pull", name, "clip-vit-b-32")

    assert pulled.returncode == 0, pulled.stderr
    assert hub.sent["pytorch_model.bin"] == (other / "pytorch_model.bin").stat().st_size
    assert name in machine.run("models", "list").stdout
    check = machine.run("models", "check", name)
    assert check.returncode == 0, check.stderr
    assert fingerprint(resolve(name)) in check.stdout
    assert fingerprint(resolve(name)) != fingerprint(resolve("clip-vit-b-32"))


@pytest.mark.parametrize("revision", ["0092abc", "main", "0092", ""])
def test_a_revision_must_be_a_whole_commit(machine: Machine, revision: str) -> None:
    """In a sentence that says what was expected and what came; nothing is asked of the hub."""
    refused = machine.run("models", "pull", f"florence-2-base@{revision}")

    assert refused.returncode == 2
    assert "40 hexadecimal digits" in refused.stderr
    assert f"got {revision!r}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_name_the_models_of_the_setting_are_pulled(machine: Machine) -> None:
    """And of FIRSTPASS_MODEL; a bundled one needs nothing."""
    done = machine.run("models", "pull", FIRSTPASS_MODEL="tiny,clip-vit-b-32")

    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "tiny-florence2",
        "tiny-clip",
        "clip-vit-b-32",
    ]
