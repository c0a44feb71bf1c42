"""Every look that ships: known to the host, made of stages that there are, and painted."""

import warnings

import pytest
import torch

import impasto
from impasto import cli
from impasto_looks import impasto_looks

LOOKS = impasto_looks()
QUICK = {"steps": 1, "scales": 1, "size": "64x48", "block": 16}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_paints(name):
    pipeline = impasto.Pipeline.look(name)
    assert repr(pipeline) == repr(impasto.Pipeline.parse(LOOKS[name].stages))
    for index, stage in enumerate(pipeline.stages):
        values = {key: value for key, value in QUICK.items() if key in stage.parameters() and stage.kind == "stylizer"}
        if stage.name in ("gatys", "nnst", "quilt"):
            pipeline = pipeline.replace(index, **values)
    content = None if name == "wallpaper" else impasto.samples.content("cat", 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of so small a picture
        painted = pipeline(content, impasto.samples.style("wave", 48), device="cpu")
    assert painted.size == ((48, 64) if content is None else (43, 64))
    assert torch.isfinite(painted.tensor).all()


def test_a_black_and_white_photograph_stays_grey_where_colours_are_kept():
    grey = impasto.samples.content("cat", 64).mean(1, keepdim=True).expand(1, 3, -1, -1)
    painted = impasto.Pipeline.look("colors-kept")(grey, impasto.samples.style("wave", 48), device="cpu").tensor
    assert (painted.amax(1) - painted.amin(1)).mean() < 2 / 255
    assert (painted - grey).abs().mean() > 5 / 255


def test_they_are_listed_and_explained(capsys):
    assert cli.main(["looks"]) == 0
    assert "drawing       Ink, pencil, charcoal or woodcut" in capsys.readouterr().out
    assert cli.main(["looks", "wallpaper"]) == 0
    out = capsys.readouterr().out
    assert "what to type: impasto paint painting.jpg -o out.png --look wallpaper" in out
    assert "not for   pictures of one thing" in out
