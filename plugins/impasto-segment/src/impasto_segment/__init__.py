"""Where to paint, for Impasto: masks, label pictures, segmentation, and regions that correspond."""

from __future__ import annotations

import impasto
from impasto import Preprocessor

from .face_training import FacesTrainer
from .faces import FaceNetwork, MaskFaces
from .interactive import MaskGrabCut, MaskRandomWalker, SegmentScribbles
from .mask_file import MaskFile
from .match import MatchRegions
from .regions import SegmentRegions
from .saliency import Saliency
from .semantic import Semantic
from .superpixels import Superpixels
from .tools import (
    FeatherMask,
    FeatherRegions,
    FillMask,
    GrowMask,
    InvertMask,
    MaskRectangle,
    MatteMask,
    ShrinkMask,
)

__all__ = [
    "FaceNetwork",
    "FacesTrainer",
    "FeatherMask",
    "FeatherRegions",
    "FillMask",
    "GrowMask",
    "InvertMask",
    "MaskFaces",
    "MaskFile",
    "MaskGrabCut",
    "MaskRandomWalker",
    "MaskRectangle",
    "MatchRegions",
    "MatteMask",
    "Saliency",
    "SegmentRegions",
    "SegmentScribbles",
    "Semantic",
    "ShrinkMask",
    "Superpixels",
]


@impasto.hookimpl
def impasto_preprocessors() -> list[type[Preprocessor]]:
    """Offer the stages that set masks and guides."""
    return [
        FeatherMask,
        FeatherRegions,
        FillMask,
        GrowMask,
        InvertMask,
        MaskFaces,
        MaskFile,
        MaskGrabCut,
        MaskRandomWalker,
        MaskRectangle,
        MatchRegions,
        MatteMask,
        Saliency,
        SegmentRegions,
        SegmentScribbles,
        Semantic,
        ShrinkMask,
        Superpixels,
    ]


@impasto.hookimpl
def impasto_trainers() -> list[type[FacesTrainer]]:
    """Offer the training of the network that finds faces."""
    return [FacesTrainer]
