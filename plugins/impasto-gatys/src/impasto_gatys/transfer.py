"""Style transfer and texture synthesis: the style is a statistic of features, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

import impasto
from impasto import Encoder, ParameterError, Preset, StageError, Style
from impasto.functional.resizing import Size, size_of
from impasto.networks import FIRST_LAYERS, PRETRAINED, check_layers, content_layer, style_layers
from impasto.stage import TextureSynthesis, resized_style

from .correspondence import align
from .objective import Objective, Scene, Term, content_terms, photorealism_terms, smoothness_terms, style_terms
from .optimisation import Optimisation
from .recoloring import recolor

SHARES = {"slim19": (1.0, 1.0, 2.0, 2.0, 0.3), "slim19-half": (1.0, 1.0, 2.0, 2.0, 0.3)}
"""Shares of those layers that suit an encoder.  The thin ones know VGG-19's relu5_1 least: trusting it less lowers
the Gram error under VGG-19 by a seventh at equal content.  For VGG-19 itself all count alike."""

WHOLE = 1 << 30
"""Pixels, more than a picture has on a side."""

PUBLISHED_SHARES = (0.0004, 0.04, 0.015, 0.9445, 0.0001)
"""What each style layer counts in sums of squares divided by the number of channels to the fourth, as the paper's
squared differences of Gram matrices are: of VGG-19, nearly the same for all paintings."""


class StyleOptimisation(Optimisation):
    """An optimisation whose style is a statistic of features, layer by layer."""

    stroke: ClassVar[int] = 10

    statistic: str = impasto.param(
        default="wasserstein2",
        choices=lambda: impasto.get_host().statistics,
        help="what of the style's features is imitated; plugins offer more",
    )
    style_layers: tuple[str, ...] = impasto.param(
        default=(), help="where style is measured; deeper layers hold larger forms; empty: the encoder's style layers"
    )
    style_layer_weights: tuple[float, ...] = impasto.param(
        default=(), low=0, high=1e6, help="share of each style layer, in order; empty takes what suits the encoder"
    )
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    histogram_weight: float = impasto.param(
        default=0.0,
        low=0,
        high=1e6,
        help="weight of the histogram loss, which steadies contrast, on top",
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        layers, weights = self.style_layers, self.style_layer_weights
        known = layers or (FIRST_LAYERS if self.encoder in PRETRAINED else weights)
        if weights and (len(weights) != len(known) or not sum(weights)):
            raise ParameterError(
                f"{self.name}: style_layers = {layers!r} and style_layer_weights = {weights!r} do not go"
                " together\n  what would work: as many weights as layers, not all 0;"
                " or style_layer_weights=() for equal ones"
            )

    def layers_of_style(self, encoder: Encoder) -> tuple[str, ...]:
        """Return where style is measured."""
        layers = self.style_layers or style_layers(encoder)
        check_layers(self.name, encoder, layers, "style_layers")
        if self.style_layer_weights and len(self.style_layer_weights) != len(layers):
            raise StageError(
                f"{self.name}: style_layer_weights = {self.style_layer_weights!r} are not as many as the style layers"
                f" of the encoder {encoder.name}\n  it has: {', '.join(layers)}\n"
                "  what would work: as many weights as layers; or () for what suits the encoder"
            )
        return layers

    def style_terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return the terms that imitate the styles."""
        chosen = self.layers_of_style(encoder)
        suited = SHARES.get(self.encoder) if chosen == FIRST_LAYERS else None
        shares = self.style_layer_weights or suited or (1.0,) * len(chosen)
        layers = {layer: share / sum(shares) for layer, share in zip(chosen, shares, strict=True) if share}
        return style_terms(
            encoder,
            [self.scaled(style, size_of(scene.content)) for style in scene.styles],
            scene.guides,
            layers,
            statistic=impasto.get_host().statistic(self.statistic),
            histogram_weight=self.histogram_weight,
            generator=self.generator(scene.styles[0].image.device) if scene.styles else None,
        )

    def scaled(self, style: Style, size: Size) -> Style:
        """Return a style whose strokes have the size that they should have in a picture of `size`."""
        return resized_style(style, size, self.style_scale, smallest=self.smallest)


class Gatys(StyleOptimisation, name="gatys"):
    """Paint the content in the manner of the style by optimising the picture itself (Gatys et al. 2016)."""

    reflection_padding: ClassVar[int] = 8
    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}
    presets: ClassVar[Mapping[str, Preset]] = {
        "gentle": Preset("keeps buildings, figures and small things", content_weight=0.5),
        "face": Preset("keeps eyes and mouths where they are", content_weight=0.4, coarsest=256),
        "wild": Preset("lets things of the painting appear in the photograph", content_weight=0.02),
        "as-published": Preset(
            "network, losses and optimiser of the paper, at the weights of neural-style; slow",
            encoder="vgg19",
            statistic="gram",
            style_layer_weights=PUBLISHED_SHARES,
            content_weight=0.03,
            content_layers=("relu4_2",),
            smoothness=0.0,
            init="content",
            coarsest=65_536,
            steps=500,
            average=0.0,
        ),
    }

    content_weight: float = impasto.param(
        default=0.2, low=0, high=1e6, help="how much the content is kept; the style's weight is 1"
    )
    content_layers: tuple[str, ...] = impasto.param(
        default=(),
        help="where content is compared; deeper layers allow more freedom; empty: the encoder's content layer",
    )

    photorealism: float = impasto.param(
        default=0.0,
        low=0,
        high=1e6,
        help="weight of the matting Laplacian: a photograph in the style's light, whose straight lines stay straight",
    )
    points: tuple[float, ...] = impasto.param(
        default=(),
        low=0,
        high=1,
        help="pairs of points that belong together, such as eyes and mouths: x and y in the content, x and y in the"
        " style, as shares of width and height; there each feature of a face is as strong as in the style's",
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        found = len(self.points)
        if found % 4 or 0 < found < 12:
            raise ParameterError(
                f"{self.name}: points are {found} numbers, {found // 4} pairs of points and {found % 4} numbers over\n"
                "  what would work: four numbers a pair, at least three pairs, such as both eyes and the mouth"
            )

    @property
    def context(self) -> int:  # type: ignore[override]
        """Pixels around a mask that are seen: with points, which are shares of the whole picture, all there are."""
        return WHOLE if self.points else super().context

    def aligned(self, content: Tensor, styles: Sequence[Style]) -> Tensor | None:
        """Return the style bent until its points lie on the content's; None without points."""
        if not self.points:
            return None
        weighted = [style for style in styles if style.weight]
        if len(weighted) != 1:
            raise StageError(
                f"{self.name}: points lay one style over the content, and there are {len(weighted)}\n"
                "  what would work: one style, or one for each region; or points=()"
            )
        pairs = [self.points[start : start + 4] for start in range(0, len(self.points), 4)]
        try:
            style = self.scaled(weighted[0], size_of(content))
            return align(style.image, recolor(content, [Style(style.image)], None).clamp(0, 1), pairs)
        except ValueError as error:
            raise StageError(
                f"{self.name}: {error}\n  what would work: three points or more, such as both eyes and the mouth"
            ) from None

    def layers(self, encoder: Encoder) -> tuple[str, ...]:
        """Return the layers of content and style."""
        return tuple(dict.fromkeys((*self.layers_of_content(encoder), *self.layers_of_style(encoder))))

    def layers_of_content(self, encoder: Encoder) -> tuple[str, ...]:
        """Return where content is compared."""
        if not self.content_weight:
            return ()
        layers = self.content_layers or (content_layer(encoder),)
        check_layers(self.name, encoder, layers, "content_layers")
        return layers

    def terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return content, style, smoothness and photorealism."""
        layers = self.layers_of_content(encoder)
        return [
            *content_terms(encoder, scene.content, layers, self.content_weight, scene.aligned),
            *self.style_terms(encoder, scene),
            *smoothness_terms(self.smoothness),
            *photorealism_terms(scene.content, self.photorealism),
        ]


class Texture(StyleOptimisation, TextureSynthesis, name="texture"):
    """Paint a texture in the manner of the style, of a size of one's own or the content's, which is else ignored."""

    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}

    init: str = impasto.param(
        default="style-noise",
        choices=("style-noise", "noise", "grey", "file"),
        help="start from noise in the style's colours, plain noise, grey, or init_file",
    )

    def layers(self, encoder: Encoder) -> tuple[str, ...]:
        """Return the layers of the style."""
        return self.layers_of_style(encoder)

    def objective(self, encoder: Encoder, terms: Sequence[Term]) -> Objective:
        """Return the sum of the terms of one level, of a picture that repeats if it is to."""
        return Objective(encoder, terms, periodic=self.seamless)

    def terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return style and smoothness (Gatys, Ecker and Bethge 2015, "Texture synthesis using CNNs")."""
        return [*self.style_terms(encoder, scene), *smoothness_terms(self.smoothness)]
