def test_masks_of_our_own_encoder_are_read_back() -> None:
    """Runs of painted pixels, one of them longer than a length of the code can say."""
    size = ImageSize(700, 500)
    runs = [(3, 1), (900, 40), (10_000, 120_000), (349_999, 1)]

    mask = mask_of_rle(encoded_runs(runs, size), size)

    assert len(mask) == 700 * 500
    for first, count in runs:
        assert set(mask[first : first + count]) == {255}
        assert mask[first - 1] == 0
    assert mask.count(255) == sum(count for _, count in runs)
