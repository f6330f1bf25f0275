"""How many images one batch may hold, learned from how long batches took. Pure."""

from __future__ import annotations

__all__ = ["BatchSizer"]


class BatchSizer:
    """Keeps one batch within `latency_s`, so that an opened image waits no longer than that.

    Starts at one image and at most doubles, so a slow processor is never given a large batch to learn
    from; a graphics card reaches `most` within a few batches. The estimate is seconds per image of
    recent batches, newer ones counting more: batching only makes an image cheaper, so it errs short.
    """

    #: Share of the newest measurement in the estimate.
    WEIGHT = 0.3

    def __init__(self, most: int, latency_s: float) -> None:
        self.most = most
        self.latency_s = latency_s
        self._image_s: float | None = None
        self._largest = 0

    @property
    def size(self) -> int:
        """Images that the next batch may hold: 1..most."""
        grown = max(1, 2 * self._largest)
        if self._image_s is None:
            return min(self.most, grown)
        fitting = int(self.latency_s / self._image_s) if self._image_s > 0 else self.most
        return max(1, min(self.most, grown, fitting))

    def measured(self, images: int, seconds: float) -> None:
        """Take note of a batch that the models ran: `images` >= 1 in `seconds`.

        >>> sizer = BatchSizer(most=16, latency_s=1.0)
        >>> sizer.measured(1, 0.25)
        >>> sizer.size
        2
        """
        image_s = seconds / images
        if self._image_s is not None and image_s > self._image_s and 2 * images < self.size:
            return  # a small batch pays the whole fixed cost, which says little about a full one
        if self._image_s is None:
            self._image_s = image_s
        else:
            self._image_s += self.WEIGHT * (image_s - self._image_s)
        self._largest = max(self._largest, images)
