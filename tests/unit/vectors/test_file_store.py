from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.errors import BadRequest
from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexUnusable
from backend.vectors.records import FailedItem, SaidOfImage
from backend.vectors.rows import IndexRows
from backend.vectors.vector_file import vectors_file
from tests.unit.vectors.made_rows import image, place_in, region, unit


def test_what_was_put_is_read_again_as_it_was(tmp_path):
    place = place_in(tmp_path)
    said = (SaidOfImage("scene", "night", "annotation", 9),)
    put = [image(1, region(11), region(12, "bus", score=0.75)), image(2, split="val", said=said)]
    with open_writer(place) as writer:
        writer.put(put)
        assert writer.stamps() == {"1": "stamp 1", "2": "stamp 2"}
    index = FileIndex(place)
    images, regions = index.images(), index.regions()
    assert [replace(one, row=0) for one in images] == [one.what for one in put]
    assert [replace(one, row=0, image=0) for one in regions] == [one.what for one in put[0].regions]
    assert {one.image for one in regions} == {images[0].row}
    assert index.rows("images") == [one.row for one in images]
    np.testing.assert_allclose(
        index.vectors([regions[1].row, images[0].row]), [unit(12), unit(1)], atol=1e-3
    )
    assert index.thumbnail(regions[0].row) == b"crop 11"
    assert IndexRows(place).labels() == {"bus": 1, "car": 1}


def test_a_row_that_is_put_again_is_another_and_its_vector_is_the_new_one(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(1, region(11)), image(2)])
        before = FileIndex(place)
        old = before.images()[0].row
        writer.put([image(1, region(13), vector=unit(99))])
        # Who read before the change still has what was there then.
        np.testing.assert_allclose(before.vectors([old]), [unit(1)], atol=1e-3)
        before.refresh()
    with pytest.raises(KeyError):
        before.vectors([old])
    by_key = {one.key: one.row for one in before.images()}
    np.testing.assert_allclose(before.vectors([by_key["1"]]), [unit(99)], atol=1e-3)
    assert len(before.regions()) == 1


def test_search_finds_the_nearest_first_among_those_that_count(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(number) for number in range(1, 31)])
    index = FileIndex(place)
    rows = index.rows("images")
    (hits,) = index.search(np.array([unit(7)], np.float32), 3, "images")
    told = index.all_vectors("images") @ np.array(unit(7), np.float32)
    assert [hit.row for hit in hits] == [rows[place] for place in np.argsort(-told)[:3]]
    assert hits[0].cosine == pytest.approx(1, abs=1e-3)
    (few,) = index.search(np.array([unit(7)], np.float32), 3, "images", among=rows[20:22])
    assert {hit.row for hit in few} == set(rows[20:22])


def test_what_is_removed_is_gone_and_its_room_is_given_back(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(number, region(1000 + number)) for number in range(1, 1201)])
        writer.fail([FailedItem("1300", "", "ImageNotFound", "it is not there")])
        writer.remove([str(number) for number in range(1, 1101)])
        size = vectors_file(place.folder, 0).stat().st_size
        writer.tidy()
    assert not vectors_file(place.folder, 0).exists()
    assert vectors_file(place.folder, 1).stat().st_size < size / 4
    index = FileIndex(place)
    assert [one.task for one in index.images()] == list(range(1101, 1201))
    np.testing.assert_allclose(
        index.all_vectors("regions"),
        [unit(1000 + number) for number in range(1101, 1201)],
        atol=1e-3,
    )
    assert [one.key for one in IndexRows(place).failures()] == ["1300"]


def test_an_index_with_a_changed_byte_is_damaged_and_says_how_to_make_it_anew(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(1), image(2)])
    path = vectors_file(place.folder, 0)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        IndexUnusable,
        match="not as it was written; delete that folder, then `firstpass index --project 3`",
    ):
        FileIndex(place)
    with pytest.raises(IndexUnusable, match="damaged"), open_writer(place):
        pass


def test_an_index_cut_short_is_damaged(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(1), image(2)])
    path = vectors_file(place.folder, 0)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexUnusable, match="31 bytes where 32 were written"):
        FileIndex(place)


def test_vectors_that_were_written_but_not_noted_do_no_harm(tmp_path):
    """What a run leaves that is killed between the two."""
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(1)])
    with vectors_file(place.folder, 0).open("ab") as file:
        file.write(b"half a vector")
    with open_writer(place) as writer:
        writer.put([image(2)])
    np.testing.assert_allclose(
        FileIndex(place).all_vectors("images"), [unit(1), unit(2)], atol=1e-3
    )


def test_the_second_writer_is_told_who_is_the_first(tmp_path):
    place = place_in(tmp_path)
    with (
        open_writer(place),
        pytest.raises(IndexUnusable, match=r"at work on the same images: process \d+, since"),
        open_writer(place),
    ):
        pass


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, monkeypatch):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.put([image(1)])
        monkeypatch.setattr("backend.vectors.file_writer.add_at", _full)
        with pytest.raises(
            IndexUnusable,
            match="cannot be written: No space left on device; what was indexed before",
        ):
            writer.put([image(2)])
    assert [one.task for one in FileIndex(place).images()] == [1]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_without_an_index_one_is_told_to_make_it(tmp_path):
    with pytest.raises(BadRequest, match="no index yet: run `firstpass index --project 3`"):
        FileIndex(place_in(tmp_path))


def test_vectors_of_another_model_are_named_and_stay(tmp_path):
    with open_writer(place_in(tmp_path)) as writer:
        writer.put([image(1)])
    other = place_in(tmp_path, classifier="ba9876543210")
    with pytest.raises(
        BadRequest, match=r"another model \(0123456789ab\) than the one that is asked"
    ):
        FileIndex(other)
    assert len(FileIndex(place_in(tmp_path)).images()) == 1


@pytest.mark.parametrize("name", ["../../etc", "project-3-../x", "", "a/b", "A"])
def test_a_name_leads_to_no_other_folder(tmp_path, name):
    with pytest.raises(BadRequest, match="expected the name of an index"):
        place_in(tmp_path, name)


def test_an_empty_index_answers_with_nothing(tmp_path):
    place = place_in(tmp_path)
    with open_writer(place) as writer:
        writer.tidy()
    index = FileIndex(place)
    assert (index.images(), index.regions(), index.sample("images").shape[0]) == ([], [], 0)
