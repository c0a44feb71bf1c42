"""Pictures painted anew from what one layer of an encoder keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

import impasto
from impasto import Encoder, Style
from impasto.functional.losses import STATISTICS

from .objective import FIRSTS, Term, content_terms, smoothness_terms, style_terms
from .optimisation import Optimisation


class Reconstruct(Optimisation, name="reconstruct"):
    """Paint the picture anew from what one layer of the encoder keeps of it, to show what that is."""

    demo: ClassVar[Mapping[str, Any]] = {"layer": "relu3_1", "encoder": "slim19", "steps": 40}
    style = "ignored"
    calibrated: ClassVar[bool] = False

    init: str = impasto.param(
        default="noise", choices=("noise", "grey", "file"), help="start from noise, grey, or init_file"
    )
    smoothness: float = impasto.param(
        default=0.1, low=0, high=1e6, help="weight of the total variation, which takes away grain and then detail"
    )
    what: str = impasto.param(
        default="content",
        choices=("content", "style"),
        help="content: its features; style: Gram matrices of the first layer of each block up to it",
    )
    layer: str = impasto.param(default="relu4_1", help="layer of the encoder, relu1_1 to relu5_1 (vgg19: relu5_4)")

    def layers(self) -> tuple[str, ...]:
        """Return the layer; for style also the first of each block before it, as in figure 1 of the paper."""
        if self.what == "content":
            return (self.layer,)
        return tuple(dict.fromkeys((*(first for first in FIRSTS if first[4:] < self.layer[4:]), self.layer)))

    def terms(self, encoder: Encoder, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return the terms of content or style, and smoothness."""
        if self.what == "content":
            terms = content_terms(encoder, content, self.layers(), 1.0)
        else:
            layers = self.layers()
            shares = dict.fromkeys(layers, 1 / len(layers))
            terms = style_terms(encoder, [Style(content)], None, shares, statistic=STATISTICS["gram"])
        return [*terms, *smoothness_terms(self.smoothness)]
