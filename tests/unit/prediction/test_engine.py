"""The engine as every process knows it: its name for people."""

from __future__ import annotations

from backend.prediction.engine import engine_for


def test_another_revision_shows_by_its_first_digits() -> None:
    """In the name; all of them count in the fingerprint."""
    first, second = (engine_for(f"tiny-florence2,clip-vit-b-32@01234567{end * 32}") for end in "ab")

    assert first.name == second.name == "tiny-florence2+clip-vit-b-32@01234567"
    assert first.fingerprint != second.fingerprint


def test_the_pinned_revision_written_out_is_the_model_itself() -> None:
    pinned = "clip-vit-b-32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"

    assert engine_for(pinned).fingerprint == engine_for("clip-vit-b-32").fingerprint
    assert [entry.name for entry in engine_for(pinned).entries] == ["clip-vit-b-32"]
