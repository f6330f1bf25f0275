"""What a run remembers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from backend.errors import Failure, ImageUnreachable, InferenceFailed, LabelStudioRefuses
from backend.runs.ledger import Ledger, Listed, Result
from backend.runs.ledger_file import LedgerUnusable, RunKey, open_ledger

KEY = RunKey("folder /data/images", "tiny-0123456789")
#: The ledger does not look into it.
NOTHING = "{}"
GONE = Failure("ImageNotFound", "it is gone", transient=False)


def note(ledger: Ledger, *tasks: str | int, stamp: str = "1") -> None:
    ledger.note(Listed(task, stamp) for task in tasks)


def test_a_second_start_knows_what_the_first_one_did(tmp_path: Path) -> None:
    """Done and failed tasks wait no more; the others do, in order."""
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, "a", "b", "c", "d")
        ledger.done([Result("b", NOTHING, '{"result": []}')])
        ledger.fail([("c", GONE)])
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, "a", "b", "c", "d")

        assert ledger.start == 2
        assert ledger.waiting(10) == ["a", "d"]
        assert ledger.waiting(10, after="a") == ["d"]
        assert list(ledger.texts()) == [("b", '{"result": []}')]


def test_another_version_or_selection_is_another_run(tmp_path: Path) -> None:
    names = {
        KEY.name,
        RunKey(KEY.source, "tiny-9999999999").name,
        RunKey(KEY.source, KEY.model_version, "ids 1-5").name,
        RunKey("folder /data", KEY.model_version).name,
    }

    assert len(names) == 4


def test_a_task_with_another_stamp_waits_again(tmp_path: Path) -> None:
    """The file was replaced: its old prediction is not given away any more."""
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, "a", "b")
        ledger.done([Result("a", NOTHING, "1"), Result("b", NOTHING, "2")])
        note(ledger, "a", stamp="2")

        assert ledger.waiting(10) == ["a"]
        assert list(ledger.texts()) == [("b", "2")]


def test_what_a_start_does_not_note_is_not_part_of_it(tmp_path: Path) -> None:
    """An image that was deleted is in neither figures nor file; it is known still, if it comes back."""
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, "a", "b")
        ledger.done([Result("a", NOTHING, "1"), Result("b", NOTHING, "2")])
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, "a")

        assert ledger.count() == 1
        assert len(list(ledger.outcomes(this_start=True))) == 1
        assert ledger.stored() == 2
        assert [task for task, _ in ledger.texts()] == ["a"]


def test_figures_come_back_as_they_were_given_and_failures_with_their_reason(
    tmp_path: Path,
) -> None:
    with open_ledger(tmp_path, KEY) as ledger:
        ledger.done([Result(7, "any [text")])
        ledger.fail([(8, GONE)])

        assert list(ledger.outcomes()) == [(7, "any [text"), (8, GONE)]
        assert ledger.stored() == 1


def test_failed_tasks_are_known_and_wait_again_when_told_to(tmp_path: Path) -> None:
    """Then they are known as tasks that failed before, not as ones that failed for good."""
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, 1, 2, 3)
        ledger.fail([(2, GONE)])
        assert ledger.failed_of([1, 2, 3]) == {2: True}

        assert ledger.forget_failures() == 1
        assert ledger.failed_of([1, 2, 3]) == {2: False}
        assert ledger.waiting(10) == [1, 2, 3]


def test_what_the_image_is_not_to_blame_for_may_be_tried_again_alone(tmp_path: Path) -> None:
    """A network that was down, a token that was revoked; a broken image stays failed."""
    with open_ledger(tmp_path, KEY) as ledger:
        ledger.fail(
            [
                (1, GONE),
                (2, Failure.of(ImageUnreachable("no answer in time"))),
                (3, Failure.of(LabelStudioRefuses("401", 401))),
                (4, Failure.of(InferenceFailed("out of luck"))),
            ]
        )
        assert [task for task, _ in ledger.outcomes()] == [1, 2, 3, 4]

        assert ledger.forget_failures(passing=True) == 2
        assert ledger.waiting(10) == [2, 3]
        assert ledger.left() == 2


def test_a_start_may_take_over_what_earlier_ones_noted(tmp_path: Path) -> None:
    with open_ledger(tmp_path, KEY) as ledger:
        note(ledger, 1, 2)
        ledger.done([Result(1, NOTHING)])
    with open_ledger(tmp_path, KEY) as ledger:
        assert (ledger.count(), ledger.waiting(10)) == (0, [])
        ledger.adopt()

        assert (ledger.count(), ledger.waiting(10)) == (2, [2])


def test_rows_handed_over_are_unsettled_until_their_outcome_is_known(tmp_path: Path) -> None:
    """A start that died while Label Studio was storing leaves them for the next one to ask about."""
    with open_ledger(tmp_path, KEY) as ledger:
        ledger.write([Result(task, NOTHING) for task in (1, 2, 3)])
        ledger.done([Result(1, NOTHING)])
    with open_ledger(tmp_path, KEY) as ledger:
        assert ledger.unsettled() == [2, 3]
        ledger.settle({2: True, 3: False})

        assert ledger.unsettled() == []
        assert ledger.stored() == 2


def test_seconds_add_up_over_the_starts(tmp_path: Path) -> None:
    """Only those between opening and the last thing noted: the time in between the starts is not work."""
    with open_ledger(tmp_path, KEY) as ledger:
        path = ledger.path
    for _ in range(2):
        database = sqlite3.connect(path)
        ledger = Ledger(database, path, ("", "", ""), clock=iter([100.0, 103.0, 104.5]).__next__)
        ledger.done([Result(1, NOTHING)])
        ledger.fail([(2, GONE)])
        seconds = ledger.seconds
        database.close()

    assert seconds == pytest.approx(9.0)


def test_two_processes_do_not_share_a_ledger(tmp_path: Path) -> None:
    """The second is told so; when the first has ended, however it did, the ledger is free."""
    script = (
        "import sys; from pathlib import Path; from backend.runs.ledger_file import *\n"
        f"with open_ledger(Path({str(tmp_path)!r}), RunKey({KEY.source!r}, {KEY.model_version!r})):\n"
        "  print('open', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with (
            pytest.raises(LedgerUnusable, match="another `firstpass prelabel`"),
            open_ledger(tmp_path, KEY),
        ):
            pass
        process.kill()
        process.wait()
    with open_ledger(tmp_path, KEY) as ledger:
        assert ledger.start == 2


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(LedgerUnusable, match="FIRSTPASS_HOME"), open_ledger(tmp_path / "home", KEY):
        pass


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    """Not taken for an empty one, and not overwritten."""
    with open_ledger(tmp_path, KEY) as ledger:
        path = ledger.path
    path.write_bytes(b"not a database, whatever it was" * 50)

    with pytest.raises(LedgerUnusable, match=KEY.name), open_ledger(tmp_path, KEY):
        pass
