"""Photographs in the manner of photographs: WCT in one pass, with what pooling drops handed on to the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import impasto
from impasto import Encoder, ParameterError, StageError, Style, Weights
from impasto.files import write_atomically
from impasto.networks import CONVOLUTIONS, SLIM19, Decoder, by_region, check_pair, decoders, fit, load_decoders, shrunk
from impasto.optim import Soap
from impasto.stage import remember
from impasto.training import Crops, Task, Trainer, pictures
from impasto.weights import find

from .networks import level_encoder
from .transfer import TRANSFORMS, recoloured, wct

PHOTO_DECODER = Weights(
    name="wct-photo-slim19.safetensors",
    sha256="f6fcd6f0ca621e7ebb7ddb9102bb7b518a101c651535c16b0f81c3902d9c94ac",
    size=451_734,
    licence="MIT",
    origin="trained by the Impasto project, see its model card",
    expects="a decoder for relu4_1 of slim19 with wavelet pooling, and the details of three blocks",
    file="impasto_wct/networks/wct-photo-slim19.safetensors",
)

LAYER = "relu4_1"
DETAILS = ("relu3_1", "relu2_1", "relu1_1")
"""The blocks whose details go to the decoder, by their first layers."""
TRANSFORMED_WEIGHT = 0.25
"""Of the error of transformed features beside natural ones: no picture may have them."""
PIXEL_WEIGHT = 10.0
"""Of the mean squared error of sRGB beside the relative squared error of features: about even."""
SAMPLES = 32
"""Crops for the least squares that the decoder begins with."""

Watch = Callable[[str, Tensor], Tensor]
"""From a layer's name and its features to what goes on in their place."""


def unchanged(layer: str, features: Tensor) -> Tensor:
    """Return features as they are."""
    return features


# ------------------------------------------------------------------------------------------- wavelets as pooling


def haar(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of 2×2 blocks, and what they lack: the sum of Haar's three bands of detail.

    Args:
        x: (B, C, H, W), of even sides.

    Returns:
        (B, C, H/2, W/2) and (B, C, H, W); the first, each value repeated, plus the second is `x`.

    Example:
        >>> import torch
        >>> coarse, detail = haar(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]))
        >>> coarse.item(), detail.flatten().tolist()
        (4.0, [-3.0, -1.0, 1.0, 3.0])
    """
    coarse = F.avg_pool2d(x, 2)
    return coarse, x - F.interpolate(coarse, scale_factor=2.0)


def analysed(encoder: Encoder, image: Tensor, watch: Watch = unchanged) -> dict[str, Tensor]:
    """Return what a decoder needs: the features at relu4_1, and the details that three poolings took away.

    Args:
        encoder: of VGG-19's plan; where it pools, only means go on.
        image: (B, 3, H, W), sRGB in [0, 1]; sides are multiples of 8.
        watch: called with each layer's name and features, shallow to deep; what it returns goes on.

    Returns:
        The features by `relu4_1`, and the details of each block by its first layer, (B, C, h, w).
    """
    network, found = encoder.network, {}
    x = (image - network.mean) / network.std
    for name in CONVOLUTIONS[: CONVOLUTIONS.index(LAYER.removeprefix("relu")) + 1]:
        convolution = network.get_submodule(f"conv{name}")
        assert isinstance(convolution, nn.Conv2d)
        if name == "1_1":
            mode = "constant" if encoder.padding == "zeros" else encoder.padding
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), convolution.weight, convolution.bias)
        else:
            if name.endswith("_1"):
                x, found[f"relu{int(name[0]) - 1}_1"] = haar(x)
            x = convolution(x)
        x = watch(f"relu{name}", F.relu(x))
    return found | {LAYER: x}


def seen(encoder: Encoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of some layers of an encoder that pools by wavelets."""
    found: dict[str, Tensor] = {}

    def keep(layer: str, x: Tensor) -> Tensor:
        if layer in layers:
            found[layer] = x
        return x

    analysed(encoder, image, keep)
    return found


# -------------------------------------------------------------------------------------------------- the stage


class WCTPhoto(impasto.Stylizer, name="wct-photo"):
    """Give a photograph the colours and light of another, every line in its place (Yoo et al. 2019)."""

    multiple: ClassVar[int] = 8
    regional: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = (SLIM19, PHOTO_DECODER)

    alpha: float = impasto.param(default=1.0, low=0, high=1, help="how far towards the style; 0 changes nothing")
    levels: tuple[int, ...] = impasto.param(
        default=(1, 2, 3, 4), low=1, high=4, help="at which layers, in one pass shallow to deep: 4 is relu4_1"
    )
    transform: str = impasto.param(
        default="zca", choices=tuple(TRANSFORMS), help="which linear map between covariances; transport moves least"
    )
    identity: str = impasto.param(
        default="both",
        choices=("none", "content", "both"),
        help="covariances that the identity is added to; without it faint noise becomes coloured grain",
    )
    encoder: str = impasto.param(
        reads=True, default="slim19", help="network that looks: slim19, or the path of a checkpoint"
    )
    decoder: str = impasto.param(
        reads=True, default="", help="network that paints, as wct-photo-decoder trains it; empty: ours for slim19"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.levels:
            raise ParameterError(f"{self.name}: levels = () changes nothing\n  what would work: levels=(1, 2, 3, 4)")
        if self.encoder != "slim19" and not self.decoder:
            raise ParameterError(
                f"{self.name}: encoder = {self.encoder!r} needs a decoder that was trained for it\n"
                f"  what to type: {type(self).__name__}(encoder={self.encoder!r}, decoder='decoder.safetensors'),\n"
                f"  or to train one: impasto train wct-photo-decoder --encoder {self.encoder} --images …"
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of what ships, where it is used."""
        return (*((SLIM19,) if self.encoder == "slim19" else ()), *(() if self.decoder else (PHOTO_DECODER,)))

    def networks(self, like: Tensor) -> tuple[Encoder, Decoder]:
        """Return the encoder and the decoder on a tensor's device."""
        encoder = level_encoder(self.encoder, 4, like.device)
        file = self.decoder or find(PHOTO_DECODER)
        decoder = decoders(file, like.device).get(LAYER)
        if decoder is None or set(decoder.layers) != {LAYER, *DETAILS}:
            raise StageError(
                f"{self.name}: {file} holds no decoder for {LAYER} that takes the details of every block\n"
                "  what would work: the decoder that ships, decoder='', or one trained by\n"
                "  impasto train wct-photo-decoder; decoders of wct and adain have no place for details"
            )
        check_pair(f"{self.name}: the decoder {file}", decoder, encoder)
        return encoder, decoder

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the content, changed by what the decoder makes of the change of its features."""
        encoder, decoder = self.networks(content)
        layers = tuple(f"relu{level}_1" for level in self.levels)
        how = ((content.shape[-2], content.shape[-1]), 1.0, self.multiple)
        sized = [remember(style, ("resized", *how), partial(shrunk, style, *how)) for style in styles]
        told = [
            remember(style, ("features", encoder, layers), partial(seen, encoder, style.image, layers))
            for style in sized
        ]
        change = partial(recoloured, transform=self.transform, identity=self.identity)

        def towards(layer: str, features: Tensor) -> Tensor:
            if layer not in layers:
                return features
            x = features.float()
            return x.lerp(by_region(x, guides, sized, [one[layer] for one in told], change), self.alpha)

        watches: Sequence[Watch] = (towards, unchanged)
        painted, plain = (decoder(analysed(encoder, content, watch)).float().clamp(0, 1) for watch in watches)
        # What the decoder loses of the content is given back.
        restored: Tensor = painted + (content - plain)
        return restored.clamp(0, 1)


# -------------------------------------------------------------------------------------------------- the recipe


class WCTPhotoDecoder(Trainer, name="wct-photo-decoder"):
    """Teach a decoder to paint from features and the details that pooling took away (Yoo et al. 2019)."""

    steps = 5_000
    precision = "bf16"

    images: str = impasto.param(help="folder of photographs")
    encoder: str = impasto.param(reads=True, default="slim19", help="encoder to paint from: a name or a file")
    start: str = impasto.param(default="", help="file of a decoder to go on from; empty begins by least squares")
    size: int = impasto.param(default=128, low=64, help="side of the crops in pixels, a multiple of 8")
    batch: int = impasto.param(default=4, low=2, help="crops in a step; each is also a style for the next")
    learning_rate: float = impasto.param(default=3e-3, low=0, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Synthesis:
        """Return the task."""
        return Synthesis(
            impasto.encoder(self.encoder, device=device),
            pictures(self.images),
            start=load_decoders(self.start)[LAYER] if self.start else None,
            size=self.size,
            batch=self.batch,
            learning_rate=self.learning_rate,
            device=device,
            seed=seed,
        )


class Synthesis(Task):
    """Teach a decoder to undo the analysis, of photographs and of features changed towards another photograph.

    Of changed features no picture is known, but the encoder must find in it what the decoder was asked for.
    """

    def __init__(
        self,
        encoder: Encoder,
        photographs: Sequence[Path],
        *,
        start: Decoder | None = None,
        size: int = 128,
        batch: int = 4,
        learning_rate: float = 3e-3,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoder, self.device, self.count = encoder, torch.device(device), batch
        self.photographs = Crops(photographs, size, aspect=1.1)
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        decoder = start or inverted(encoder, self.photographs.draw(SAMPLES, rng).to(self.device))
        decoder.to(self.device).to(memory_format=torch.channels_last)
        self.networks = {LAYER: decoder}
        self.optimisers = {LAYER: Soap(decoder, lr=learning_rate)}

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs."""
        return self.photographs.draw(self.count, rng)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the errors of pixels, of what the encoder finds again, and of what it finds of changed features."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            natural, moved = self.see(image), self.see(image, self.towards(image.roll(1, 0)))
        asked = {layer: torch.cat([natural[layer], moved[layer]]) for layer in natural}
        painted = networks[LAYER](asked).float()
        again = self.see(painted)
        count = len(image)
        errors = [
            torch.stack([relative(again[layer][part], asked[layer][part]) for layer in asked]).mean()
            for part in (slice(count), slice(count, None))
        ]
        yield (
            LAYER,
            {
                "pixels": PIXEL_WEIGHT * (painted[:count] - image).square().mean(),
                "features": errors[0],
                "transformed": TRANSFORMED_WEIGHT * errors[1],
            },
        )

    def see(self, image: Tensor, watch: Watch = unchanged) -> dict[str, Tensor]:
        """Return what the encoder gives of pictures, computed in bfloat16, in float32."""
        with torch.autocast(self.device.type, torch.bfloat16):
            return {layer: x.float() for layer, x in analysed(self.encoder, image, watch).items()}

    @torch.no_grad()
    def towards(self, style: Tensor) -> Watch:
        """Return what gives the features of each block's first layer the mean and covariance of style pictures'."""
        layers = (*DETAILS, LAYER)
        with torch.autocast(self.device.type, torch.bfloat16):
            goal = seen(self.encoder, style, layers)
        return lambda layer, x: wct(x, goal[layer]) if layer in layers else x

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a row of photographs, and below what the decoder makes of them and of their changed features."""
        image = self.shown.to(self.device)
        watches: Sequence[Watch] = (unchanged, self.towards(image.roll(1, 0)))
        rows = [image, *(networks[LAYER](self.see(image, watch)).float() for watch in watches)]
        return torch.cat([torch.cat(list(row.clamp(0, 1)), dim=-1) for row in rows], dim=-2)[None]

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoder in fp16."""
        from safetensors.torch import save_file

        tensors = {key: x.half().contiguous().cpu() for key, x in sorted(networks[LAYER].state_dict().items())}
        file = folder / "decoder.safetensors"
        write_atomically(file, partial(save_file, tensors))
        return [file]


def relative(estimate: Tensor, truth: Tensor) -> Tensor:
    """Return the squared error of features relative to their power."""
    return (estimate - truth).square().sum() / truth.square().sum().clamp_min(1e-12)


@torch.no_grad()
def inverted(encoder: Encoder, images: Tensor) -> Decoder:
    """Return a decoder whose convolutions, deep to shallow, were fitted by least squares.

    Each learns to give what its twin in the encoder was given; details come in as they were.

    Args:
        encoder: of VGG-19's plan.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from; sides are multiples of 8.
    """
    decoder = Decoder.mirroring(encoder, LAYER, DETAILS).to(images.device)
    for layer in DETAILS:
        nn.init.dirac_(decoder.get_parameter(f"{layer.replace('relu', 'skip')}.weight"))
    sources = [f"relu{name}" for name in decoder.convolutions[1:]]
    given = seen(encoder, images, sources)
    found = analysed(encoder, images)
    x, rng = found[LAYER], torch.Generator().manual_seed(0)
    for name, source in zip(decoder.convolutions, (*sources, None), strict=True):
        wanted = images if source is None else given[source]
        if name.endswith("_1") and source is not None:
            wanted, _ = haar(wanted)
        x = fit(decoder, name, x, wanted, rng)
        if name.endswith("_1") and source is not None:
            x = x + found[f"relu{int(name[0]) - 1}_1"]
    return decoder
