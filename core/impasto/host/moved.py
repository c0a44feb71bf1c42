"""Where names went when the host was built in wings, for plugins that were written against the flat host."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOVED: Mapping[str, str] = {
    "impasto.color": "impasto.functional.color",
    "impasto.completion": "impasto.cli.completion",
    "impasto.convolutions": "impasto.networks",
    "impasto.decoders": "impasto.networks",
    "impasto.demo": "impasto.cli.demo",
    "impasto.distillation": "impasto.networks.distillation; pictures and crops in impasto.training",
    "impasto.encoders": "impasto.networks",
    "impasto.feedforward": "impasto.networks",
    "impasto.filters": "impasto.functional.filters",
    "impasto.host()": "impasto.get_host()",
    "impasto.host.suggestion": "impasto.errors.suggestion",
    "impasto.inventory": "impasto.cli.listing",
    "impasto.inversion": "impasto.networks.decoder_fitting",
    "impasto.judge": "impasto.networks.perceptual",
    "impasto.losses": "impasto.functional.losses",
    "impasto.matting": "impasto.functional.matting",
    "impasto.memory": "impasto.device",
    "impasto.networks.Exchange": "impasto.networks.FeatureTransform",
    "impasto.networks.Goal": "impasto.networks.TargetMoments",
    "impasto.networks.Judge": "impasto.networks.PerceptualLoss",
    "impasto.networks.Known": "impasto.networks.RegionMoments",
    "impasto.networks.LAYERS": "impasto.networks.FIRST_LAYERS",
    "impasto.networks.Map": "impasto.networks.FeatureMap",
    "impasto.networks.PLANS": "impasto.networks.SEQUENTIAL_LAYOUTS",
    "impasto.networks.Pupil": "impasto.networks.distillation.Student",
    "impasto.networks.SUFFIXES": "impasto.networks.CHECKPOINT_SUFFIXES",
    "impasto.networks.Truth": "impasto.networks.distillation.TeacherFeatures",
    "impasto.networks.by_region": "impasto.networks.map_by_region, which takes a map for each region",
    "impasto.networks.cut": "impasto.networks.tile_grid",
    "impasto.networks.decoders": "impasto.networks.cached_decoders",
    "impasto.networks.doubled": "impasto.networks.upsample_conv2d",
    "impasto.networks.fit": "impasto.networks.fit_convolution",
    "impasto.networks.fitting_encoder": "impasto.networks.encoder_for_checkpoint",
    "impasto.networks.framed": "impasto.networks.fill_halo",
    "impasto.networks.initialise": "impasto.networks.distillation.initial_student",
    "impasto.networks.inverted": "impasto.networks.fit_decoder",
    "impasto.networks.linear": "impasto.networks.affine_map",
    "impasto.networks.mapped": "impasto.networks.map_tiles",
    "impasto.networks.mirrored": "impasto.networks.decoder_convolutions",
    "impasto.networks.narrowed": "impasto_adain.narrowing.narrow_decoder",
    "impasto.networks.own_padding": "impasto.networks.trained_padding",
    "impasto.networks.padded": "impasto.networks.pad2d",
    "impasto.networks.positions": "impasto.networks.SEQUENTIAL_LAYOUTS",
    "impasto.networks.quartered": "impasto.networks.block_conv2d",
    "impasto.networks.reach": "impasto.networks.receptive_radius",
    "impasto.networks.rectified": "impasto.networks.conv2d_relu",
    "impasto.networks.repainted": "impasto.networks.stylize_features",
    "impasto.networks.seen": "impasto.networks.feature_transform.encoder_radius",
    "impasto.networks.seen_by": "impasto.networks.perceptual_features",
    "impasto.networks.shrunk": "impasto.stage.resized_style",
    "impasto.networks.spread": "impasto.networks.depth_to_space",
    "impasto.networks.study": "impasto.networks.style_statistics",
    "impasto.optim.Size": "impasto.functional.resizing.Size",
    "impasto.optim.resize": "impasto.functional.resample; impasto.functional.resize clips as well",
    "impasto.optimise": "impasto.optim",
    "impasto.patches": "impasto.functional.patches",
    "impasto.picture.PictureError": "impasto.errors.PictureError",
    "impasto.pipeline.pick_device": "impasto.device.pick_device",
    "impasto.progress": "impasto.pipeline",
    "impasto.scaffold": "impasto.cli.scaffold",
    "impasto.soap": "impasto.optim",
    "impasto.stage.aligned": "impasto.stage.align_styles",
    "impasto.stage.blend": "impasto.stage.composite",
    "impasto.stage.check_image": "impasto.validation.check_image",
    "impasto.stage.check_maps": "impasto.validation.check_maps",
    "impasto.stage.once": "impasto.stage.remember, which takes an owner and a key",
    "impasto.stage.shape": "impasto.validation.shape",
    "impasto.stage.speaks": "impasto.stage.covers, or impasto.stage.covered_regions for the whole loop",
    "impasto.stage.watching": "impasto.stage.RunContext(watcher=...)",
    "impasto.stage.window": "impasto.stage.bounding_box",
    "impasto.statistics": "impasto.functional.statistics",
    "impasto.stream.interrupted": "impasto.stream.interrupted_path",
    "impasto.training.Recipe": "impasto.training.Trainer",
    "impasto.training.write_atomically": "impasto.files.write_atomically",
    "impasto.tuner": "impasto.notebook.tuner",
    "impasto.weights.hollow": "impasto.weights.empty_init",
    "impasto.weights.kept": "impasto.weights.cached",
    "impasto.weights.matched": "impasto.weights.check_state_dict",
}
"""By the name that a plugin asks for; CHANGELOG.md shows the same table."""

_MESSAGES = (
    re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"),
    re.compile(r"No module named '(?P<module>[\w.]+)'"),
    re.compile(r"No (?P<module>[\w.]+) attribute (?P<name>\w+)"),
    re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'"),
)


def moved_name(error: BaseException) -> str:
    """Return a line that says where the name went that an error misses, or nothing if it never was the host's.

    Example:
        >>> moved_name(ModuleNotFoundError("No module named 'impasto.statistics'"))
        '\\n  impasto.statistics is now impasto.functional.statistics: the plugin needs a newer version'
    """
    if not isinstance(error, (ImportError, AttributeError)):
        return ""
    for message in _MESSAGES:
        if match := message.search(str(error)):
            found = match.groupdict()
            name = ".".join(filter(None, (found["module"], found.get("name"))))
            if name in MOVED:
                return f"\n  {name} is now {MOVED[name]}: the plugin needs a newer version"
    return ""
