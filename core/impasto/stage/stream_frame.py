"""A frame of a stream, as a stage that looks back sees it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class PreviousFrame:
    """The frame before the present one: pictures (1, 3, H, W) in [0, 1]; a run refuses a stage that writes into them.

    A stylizer sees them where it sees the present frame: the part around the mask, padded in the same way.  Other
    stages see the whole frame.

    Args:
        content: the user's own frame.
        given: as it came to the stage.
        painted: as it left the stage: under a mask, what was painted inside, and around it the frame as it came.

    Example:
        >>> import torch
        >>> frame = PreviousFrame(*torch.rand(3, 1, 3, 16, 16))
        >>> frame.part(lambda picture: picture[..., :8, :]).painted.shape
        torch.Size([1, 3, 8, 16])
    """

    content: Tensor
    given: Tensor
    painted: Tensor

    @property
    def versions(self) -> tuple[int, ...]:
        """How often each of its pictures was written into, parts of them too."""
        return self.content._version, self.given._version, self.painted._version

    def part(self, crop: Callable[[Tensor], Tensor]) -> PreviousFrame:
        """Return a part of the frame, cut out of each of its pictures by a function."""
        return PreviousFrame(crop(self.content), crop(self.given), crop(self.painted))


@dataclass(frozen=True, eq=False)
class Frame:
    """The present frame of a stream, for a stage that is `stateful`: `impasto.stage.current_run().frame`.

    Outside a stream it is an empty one: a picture by itself.

    Args:
        number: in the stream, from 1.
        time: in the stream, in seconds; None where the stream does not say.
        cut: whether a new shot begins here, so that nothing is kept of the frames before.
        memory: what the stage keeps from frame to frame under names of its own, tensors and plain values; empty in the
            first frame and after a cut.  One dictionary for each stage of the pipeline, and for each region that a
            stylizer paints by itself.
        previous: the frame before; None in the first one and after a cut.

    Example:
        >>> from impasto.stage import current_run
        >>> frame = current_run().frame
        >>> frame.number, frame.cut, frame.memory, frame.previous
        (1, False, {}, None)
    """

    number: int = 1
    time: Fraction | None = None
    cut: bool = False
    memory: dict[str, Any] = field(default_factory=dict)
    previous: PreviousFrame | None = None
    _regions: dict[Hashable, dict[str, Any]] = field(default_factory=dict, repr=False)

    def part(self, crop: Callable[[Tensor], Tensor]) -> Frame:
        """Return the same frame for a part of the picture, which a function cuts out."""
        return self if self.previous is None else replace(self, previous=self.previous.part(crop))

    def region(self, region: Hashable) -> Frame:
        """Return the same frame with the memory of one region."""
        return replace(self, memory=self._regions.setdefault(region, {}))
