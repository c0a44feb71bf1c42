"""Pictures painted anew from what one layer of an encoder keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import impasto
from impasto import Encoder, Style
from impasto.functional.losses import STATISTICS
from impasto.networks import check_layers, content_layer, style_layers

from .objective import Scene, Term, content_terms, smoothness_terms, style_terms
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
        default=0.1,
        low=0,
        high=1e6,
        help="weight of the squared differences of neighbours, which takes away grain and then detail",
    )
    what: str = impasto.param(
        default="content",
        choices=("content", "style"),
        help="content: its features; style: Gram matrices of the style layers up to it, the first of each block",
    )
    layer: str = impasto.param(
        default="",
        help="layer of the encoder, relu1_1 to relu5_1 (vgg19: relu5_4); empty: where it compares content, relu4_1",
    )

    def layers(self, encoder: Encoder) -> tuple[str, ...]:
        """Return the layer; for style also the style layers before it, as in figure 1 of the paper."""
        layer = self.layer or content_layer(encoder)
        check_layers(self.name, encoder, [layer], "layer")
        if self.what == "content":
            return (layer,)
        before = encoder.layers[: encoder.layers.index(layer)]
        return (*(shallower for shallower in style_layers(encoder) if shallower in before), layer)

    def terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return the terms of content or style, and smoothness."""
        layers = self.layers(encoder)
        if self.what == "content":
            terms = content_terms(encoder, scene.content, layers, 1.0)
        else:
            shares = dict.fromkeys(layers, 1 / len(layers))
            terms = style_terms(encoder, [Style(scene.content)], None, shares, statistic=STATISTICS["gram"])
        return [*terms, *smoothness_terms(self.smoothness)]
