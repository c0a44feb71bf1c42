"""What the plugin's stages promise together: the conformance kit, and pipelines that people type."""

import importlib
import threading

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
import impasto.testing
from impasto.testing import parametrize_checks
from impasto_segment import (
    FeatherMask,
    FeatherRegions,
    FillMask,
    GrowMask,
    InvertMask,
    MaskFile,
    MaskRectangle,
    MatchRegions,
    MatteMask,
    SegmentRegions,
    ShrinkMask,
)

HEIGHT, WIDTH = 37, 53  # the kit's pictures


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """A mask and a label picture over the kit's pictures."""
    monkeypatch.chdir(tmp_path)
    disc = np.hypot(np.arange(HEIGHT)[:, None] - 18, np.arange(WIDTH) - 20) < 12
    Image.fromarray(disc.astype(np.uint8) * 255).save("mask.png")
    Image.fromarray(np.where(disc[..., None], (255, 0, 0), (0, 0, 255)).astype(np.uint8)).save("labels.png")


@parametrize_checks(
    MaskRectangle(),
    MaskRectangle(left=0.0, top=0.0, right=1.0, bottom=1.0),
    MaskFile(path="mask.png"),
    MaskFile(path="labels.png", labels=("cat=#ff0000", "rest=*"), paint=("cat",)),
)
def test_conformance(stage, check):
    check(stage)


@parametrize_checks(
    GrowMask(),
    ShrinkMask(radius=2.0),
    FeatherMask(radius=4.0),
    FeatherMask(radius=4.0, side="inside"),
    FeatherMask(radius=4.0, side="outside"),
    FillMask(),
    FillMask(largest=3),
    InvertMask(),
    MatteMask(band=3.0),
    before=[MaskRectangle()],
)
def test_conformance_of_tools(stage, check):
    check(stage)


@parametrize_checks(
    FeatherRegions(),
    MatchRegions(),
    before=[SegmentRegions(count=3, target="both")],
)
def test_conformance_of_tools_for_regions(stage, check):
    check(stage)


class Red(impasto.Stylizer, name="red-for-tests"):
    """Paint everything red."""

    style = "optional"

    def stylize(self, content, styles, guides):
        """Return red."""
        return torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand_as(content)


def test_tools_chain_on_one_line():
    pipe = impasto.Pipeline.parse(
        "mask-rectangle:left=0.4:right=0.6, grow-mask:radius=5, fill-mask, feather-mask:radius=8, invert-mask"
    )
    cat = impasto.samples.content("cat", 96)
    painted = impasto.Pipeline(*pipe.stages, Red())(cat, device="cpu").tensor
    assert torch.equal(painted[0, :, 32, 48], cat[0, :, 32, 48])  # inverted: the middle stays to the bit
    assert torch.equal(painted[0, :, 2, 2], torch.tensor([1.0, 0.0, 0.0]))
    between = painted[0, 0, 32, :]
    assert len(between.unique()) > 20


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (torch.zeros(1, 1, 64, 96), "the mask selects nothing"),
        (torch.ones(1, 1, 64, 96), None),
        (torch.zeros(1, 1, 64, 96).index_fill(3, torch.arange(40, 45), 1), None),
    ],
    ids=["empty", "all white", "five pixels wide"],
)
def test_unusual_masks_behave_and_say_what_they_do(mask, says):
    cat = impasto.samples.content("cat", 96)
    if says:
        with pytest.raises(impasto.StageError, match=says):
            impasto.Pipeline(Red())(cat, mask=mask)
        return
    painted = impasto.Pipeline(GrowMask(radius=2), FeatherMask(radius=2), Red())(cat, mask=mask, device="cpu").tensor
    grown = torch.nn.functional.max_pool2d(mask, 9, 1, 4)
    assert torch.equal(painted[grown.expand_as(cat) == 0], cat[grown.expand_as(cat) == 0])
    assert (painted[0, 0] == 1).any()


def test_a_mask_of_one_pixel_is_painted_and_pointed_out():
    cat = impasto.samples.content("cat", 96)
    mask = torch.zeros(1, 1, 64, 96)
    mask[..., 30, 40] = 1
    with pytest.warns(UserWarning, match="selects 1 pixel"):
        painted = impasto.Pipeline(Red())(cat, mask=mask, device="cpu").tensor
    assert int((painted != cat).any(1).sum()) == 1
    with pytest.warns(
        UserWarning, match=r"feather-mask: the mask is thinner than its new edge is soft, and paints 2 % at most"
    ):
        impasto.Pipeline(FeatherMask(radius=8), Red())(cat, mask=mask, device="cpu")


def test_hook_offers_the_stages():
    stages = impasto.get_host().preprocessors
    assert stages["mask-file"] is MaskFile
    assert stages["match-regions"] is MatchRegions
    assert stages["feather-mask"] is FeatherMask


CAT = impasto.samples.content("cat", 48)[0]
UNKNOWN = np.full(CAT.shape[-2:], -1, np.int8)
UNKNOWN[:, :4] = 0
UNKNOWN[12:20, 20:28] = 1
STROKES = (UNKNOWN + 1).clip(0, 2).astype(np.uint8)


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        ("regions", "segmentation.felzenszwalb", lambda module: module.felzenszwalb(CAT)),
        ("regions", "segmentation.watershed", lambda module: module.watershed(CAT)),
        ("regions", "morphology.h_minima", lambda module: module.watershed(CAT)),
        ("superpixels", "segmentation.slic", lambda module: module.slic(CAT, 20)),
        ("random_walk", "random_walker", lambda module: module.random_walk(CAT, STROKES)),
        ("grabcut", "maximum_flow", lambda module: module.grabcut(CAT, UNKNOWN)),
        ("tools", "reconstruction", lambda module: module.fill_holes(CAT[None, :1])),
    ],
)
def test_what_takes_seconds_in_a_library_runs_where_an_interruption_need_not_wait_for_it(
    module, name, call, monkeypatch
):
    module = importlib.import_module(f"impasto_segment.{module}")
    room, _, name = name.rpartition(".")
    owner = getattr(module, room) if room else module
    compute, threads = getattr(owner, name), []

    def noted(*args, **options):
        threads.append(threading.current_thread())
        return compute(*args, **options)

    monkeypatch.setattr(owner, name, noted)
    call(module)
    assert threads
    assert threading.main_thread() not in threads
