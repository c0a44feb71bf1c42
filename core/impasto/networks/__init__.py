"""Networks: VGG encoders and decoders, what feed-forward methods share, perceptual losses, and how ours were made."""

from .convolutions import (
    FewChannels,
    binomial_blur,
    block_conv2d,
    conv2d_relu,
    depth_to_space,
    fill_halo,
    pad2d,
    upsample_conv2d,
)
from .decoder_checkpoints import CHECKPOINT_SUFFIXES, SEQUENTIAL_LAYOUTS, cached_decoders, load_decoders
from .decoder_fitting import fit_convolution, fit_decoder
from .decoders import decoder
from .distillation import Distillation, Slim19
from .encoder_decoder import check_pair, encoder_for_checkpoint, require_decoder, starting_decoders, trained_padding
from .encoders import encoder
from .feature_transform import (
    FeatureTransform,
    Joinable,
    RegionSummaries,
    Summary,
    TargetSummary,
    affine_map,
    style_summaries,
    stylize_features,
)
from .linear_fit import choose_channels, ridge_regression
from .perceptual import PerceptualLoss, loss_autocast, perceptual_features
from .pretrained import (
    PRETRAINED,
    SLIM19,
    SLIM19_HALF,
    VGG19,
    decoder_families,
    load_slim19,
    load_slim19_half,
    load_vgg19,
    records,
)
from .protocols import (
    Decoder,
    Encoder,
    check_layers,
    content_layer,
    encoder_memory,
    largest_stride,
    loss_layers,
    radius_of,
    style_layers,
)
from .regional import FeatureMap, fill_empty, map_by_region, region_masks
from .tiles import Span, Tile, map_tiles, receptive_radius, small_tiles, tile_grid
from .vgg import CONVOLUTIONS, FIRST_LAYERS, VGG, WIDTHS, Padding, Pooling
from .vgg_checkpoints import load_vgg
from .vgg_decoder import VGGDecoder, decoder_convolutions
from .vgg_encoder import VGGEncoder, require_vgg

__all__ = [
    "CHECKPOINT_SUFFIXES",
    "CONVOLUTIONS",
    "FIRST_LAYERS",
    "PRETRAINED",
    "SEQUENTIAL_LAYOUTS",
    "SLIM19",
    "SLIM19_HALF",
    "VGG",
    "VGG19",
    "WIDTHS",
    "Decoder",
    "Distillation",
    "Encoder",
    "FeatureMap",
    "FeatureTransform",
    "FewChannels",
    "Joinable",
    "Padding",
    "PerceptualLoss",
    "Pooling",
    "RegionSummaries",
    "Slim19",
    "Span",
    "Summary",
    "TargetSummary",
    "Tile",
    "VGGDecoder",
    "VGGEncoder",
    "affine_map",
    "binomial_blur",
    "block_conv2d",
    "cached_decoders",
    "check_layers",
    "check_pair",
    "choose_channels",
    "content_layer",
    "conv2d_relu",
    "decoder",
    "decoder_convolutions",
    "decoder_families",
    "depth_to_space",
    "encoder",
    "encoder_for_checkpoint",
    "encoder_memory",
    "fill_empty",
    "fill_halo",
    "fit_convolution",
    "fit_decoder",
    "largest_stride",
    "load_decoders",
    "load_slim19",
    "load_slim19_half",
    "load_vgg",
    "load_vgg19",
    "loss_autocast",
    "loss_layers",
    "map_by_region",
    "map_tiles",
    "pad2d",
    "perceptual_features",
    "radius_of",
    "receptive_radius",
    "records",
    "region_masks",
    "require_decoder",
    "require_vgg",
    "ridge_regression",
    "small_tiles",
    "starting_decoders",
    "style_layers",
    "style_summaries",
    "stylize_features",
    "tile_grid",
    "trained_padding",
    "upsample_conv2d",
]
