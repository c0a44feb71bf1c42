"""The stage: one pass through the network."""

from typing import ClassVar

import impasto
from impasto.weights import cached, find

from .network import load_network

ONE_STYLE = impasto.Weights(
    name="one-style.safetensors",
    sha256="a7cd4f08f5277425c65fc3798063d91dab61f21eaa20ba0e3920c7254ef6e43f",
    size=73_640,
    licence="MIT; trained by losses of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by impasto train one-style, see the model card",
    expects="a network of 24 channels that paints in the style of the sample picture wave",
    file="impasto_one_style/networks/one-style.safetensors",
)


class OneStyle(impasto.Stylizer, name="one-style"):
    """Paint in the one style that a small network has learned (Johnson et al. 2016)."""

    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    style: ClassVar[str] = "ignored"
    known_weights: ClassVar[tuple[impasto.Weights, ...]] = (ONE_STYLE,)

    network: str = impasto.param(reads=True, default="", help="file of a network of your own; empty: ours, of wave")

    def weights(self):
        return () if self.network else (ONE_STYLE,)

    def stylize(self, content, styles, guides):
        return cached(load_network, self.network or find(ONE_STYLE), content.device)(content)
