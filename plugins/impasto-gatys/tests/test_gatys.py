"""The optimisation family: what its stages promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor

import impasto
from impasto.functional import losses
from impasto.functional.losses import STATISTICS, Statistic
from impasto.functional.matting import MattingLaplacian
from impasto.functional.resizing import Size, size_of
from impasto.networks import VGG
from impasto.optim import pyramid
from impasto.stage import checkpoint as checkpoints
from impasto.testing import parametrize_checks
from impasto_gatys import (
    SHARES,
    Dream,
    Gatys,
    Reconstruct,
    Texture,
    correspondence,
    dreaming,
    memory,
    objective,
    optimisation,
)
from impasto_gatys.objective import Objective, smoothness_terms, style_terms

EYES_AND_MOUTH = (0.3, 0.3, 0.4, 0.3, 0.7, 0.3, 0.6, 0.35, 0.5, 0.8, 0.5, 0.7)
"""Three pairs of points: x and y in the content, x and y in the style."""


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow VGG with random weights that keep the signal's size: enough to test what does not need eyes."""
    torch.manual_seed(7)
    vgg = VGG((8, 12, 16, 16, 16), "5_1")
    state = vgg.state_dict()
    for name, value in state.items():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(value)
    for block, width in enumerate(vgg.widths, 1):
        state[f"metric{block}_1"] = torch.eye(width)
    path = tmp_path_factory.mktemp("network") / "narrow.pth"
    torch.save(state, path)
    return str(path)


@pytest.fixture(scope="session")
def narrow(network: str) -> impasto.Encoder:
    return impasto.encoder(network, calibrated=True)


def picture(seed: int, height: int = 48, width: int = 64, color: tuple[float, ...] = (0.5, 0.5, 0.5)) -> Tensor:
    """Soft blobs around a colour."""
    rng = torch.Generator().manual_seed(seed)
    blobs = torch.randn(1, 3, 6, 8, generator=rng)
    image = torch.nn.functional.interpolate(blobs, (height, width), mode="bicubic")
    return (torch.tensor(color).view(1, 3, 1, 1) + 0.2 * image).clamp(0, 1)


def paint(stage: impasto.Stage, content: Tensor, style: object = None, **options: object) -> Tensor:
    return impasto.Pipeline(stage)(content, style, precision="float32", **options).tensor


# ---------------------------------------------------------------------------------------------------- stages


@parametrize_checks(
    Gatys(steps=2),
    Gatys(steps=2, statistic="gram", optimiser="adam", init="content", average=0.0),
    Texture(steps=2),
    Gatys(steps=2, photorealism=1.0, points=EYES_AND_MOUTH),
    Reconstruct(steps=2),
    Dream(steps=2, octaves=2, jitter=3),
)
def test_stages_keep_their_promises(stage, check, network):
    check(type(stage)(**{**stage.values(), "encoder": network}))


@pytest.mark.parametrize("optimiser", ["adam", "l-bfgs"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_loss_falls(statistic: str, optimiser: str, network: str):
    seen: list[float] = []

    class Watch:
        @impasto.hookimpl
        def impasto_step(self, losses):
            seen.append(sum(loss.item() for loss in losses.values()))

    stage = Gatys(encoder=network, statistic=statistic, optimiser=optimiser, steps=25, coarsest=64, init="content")
    paint(stage, picture(4), picture(5, color=(0.7, 0.4, 0.2)), plugins=[Watch()])
    assert len(seen) == 25
    assert seen[-1] < 0.6 * seen[0]


@pytest.mark.parametrize("init", ["content", "recolored", "noise", "style-noise", "grey", "file"])
def test_it_starts_from_what_was_asked(init: str, network: str, tmp_path):
    content, style = picture(6), picture(7, color=(0.8, 0.3, 0.3))
    file = tmp_path / "start.png"
    impasto.read(content).save(file)
    stage = Gatys(encoder=network, init=init, init_file=str(file) if init == "file" else "")
    torch.manual_seed(0)
    seen = torch.nn.functional.pad(content, 4 * (stage.reflection_padding,), mode="reflect")
    start = stage.start(objective.Scene(seen, [impasto.Style(style)], None), size_of(seen))
    color = start.mean((0, 2, 3))
    expected = {"recolored": style, "style-noise": style, "content": content, "file": content}.get(init)
    wanted = torch.full((3,), 0.5) if expected is None else expected.mean((0, 2, 3))
    torch.testing.assert_close(color, wanted, atol=0.04, rtol=0)
    assert paint(stage_with(stage, steps=1), content, style).shape == content.shape


def stage_with(stage: impasto.Stage, **changes: object) -> impasto.Stage:
    return type(stage)(**{**stage.values(), **changes})


def test_an_init_file_of_another_shape_is_refused(network: str, tmp_path):
    impasto.read(picture(6, 64, 32)).save(tmp_path / "tall.png")
    stage = Gatys(encoder=network, init="file", init_file=str(tmp_path / "tall.png"))
    with pytest.raises(impasto.StageError, match="32×64"):
        paint(stage, picture(6), picture(7))


def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(impasto.ParameterError, match="init_file"):
        Gatys(init="file")
    with pytest.raises(impasto.ParameterError, match="style_layer_weights"):
        Gatys(style_layer_weights=(1.0, 2.0))


def test_without_shares_the_layers_count_as_suits_the_encoder():
    content, style = picture(8), picture(9, color=(0.8, 0.2, 0.2))
    stage = Gatys(encoder="slim19", steps=3)
    suited = stage_with(stage, style_layer_weights=SHARES["slim19"])
    equal = stage_with(stage, style_layer_weights=(1.0,) * 5)
    assert torch.equal(paint(stage, content, style), paint(suited, content, style))
    assert not torch.equal(paint(stage, content, style), paint(equal, content, style))


def test_a_style_without_weight_is_no_style(network: str):
    content, red, blue = picture(8), picture(9, color=(0.8, 0.2, 0.2)), picture(10, color=(0.2, 0.2, 0.8))
    stage = Gatys(encoder=network, steps=3)
    both = paint(stage, content, [impasto.Style(red, 1.0), impasto.Style(blue, 0.0)])
    assert torch.equal(both, paint(stage, content, red))
    half = paint(stage, content, [impasto.Style(red), impasto.Style(blue)])
    assert red.mean((0, 2, 3))[0] > half.mean((0, 2, 3))[0] > blue.mean((0, 2, 3))[0]


def test_weights_that_cancel_are_refused(network: str):
    styles = [impasto.Style(picture(9), 1.0), impasto.Style(picture(10), -1.0)]
    with pytest.raises(impasto.StageError, match="add up to nothing"):
        paint(Gatys(encoder=network, steps=1, init="content"), picture(8), styles)


@pytest.mark.parametrize("statistic", ["gram", "covariance", "wasserstein2"])
def test_each_region_takes_the_colours_of_its_own_style(statistic: str, network: str):
    content = picture(11, 64, 64)
    left = torch.zeros(1, 2, 64, 64)
    left[:, 0, :, :32] = 1
    left[:, 1, :, 32:] = 1
    red, blue = picture(12, 64, 64, (0.8, 0.2, 0.2)), picture(13, 64, 64, (0.2, 0.2, 0.8))
    nothing, everything = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    styles = [
        impasto.Style(red, guides=torch.cat([everything, nothing], 1)),
        impasto.Style(blue, guides=torch.cat([nothing, everything], 1)),
    ]
    stage = Gatys(
        encoder=network, statistic=statistic, style_layers=("relu1_1",), content_weight=0.0, smoothness=0.0,
        init="grey", steps=30, coarsest=64,
    )  # fmt: skip
    image = paint(stage, content, styles, guides=left)
    assert image[:, 0, :, :28].mean() > image[:, 2, :, :28].mean() + 0.15
    assert image[:, 2, :, 36:].mean() > image[:, 0, :, 36:].mean() + 0.15


def test_a_region_without_a_style_is_named(network: str):
    guides = torch.full((1, 2, 48, 64), 0.5)
    first = torch.zeros(1, 2, 48, 64)
    first[:, 0] = 1
    with pytest.warns(UserWarning, match="no style covers the region '2 of 2', which stays"):
        paint(Gatys(encoder=network, steps=1), picture(8), impasto.Style(picture(9), guides=first), guides=guides)


def test_the_same_seed_gives_the_same_bits(network: str):
    stage = Gatys(encoder=network, steps=3, init="noise", statistic="mmd-gaussian", histogram_weight=0.5)
    first = paint(stage, picture(14), picture(15), seed=3)
    assert torch.equal(first, paint(stage, picture(14), picture(15), seed=3))
    assert not torch.equal(first, paint(stage, picture(14), picture(15), seed=4))


def test_texture_ignores_the_content(network: str):
    stage, style = Texture(encoder=network, steps=3), picture(16)
    assert torch.equal(paint(stage, picture(17), style), paint(stage, picture(18), style))


def test_a_seamless_texture_goes_on_beyond_its_sides(network: str):
    style = picture(5, 64, 64, color=(0.4, 0.5, 0.7))
    for seamless in (False, True):
        stage = Texture(steps=20, encoder=network, size="64x48", coarsest=64, seamless=seamless)
        made = impasto.Pipeline(stage)(None, style, precision="float32").tensor
        across = torch.stack([(made.select(dim, -1) - made.select(dim, 0)).square().mean() for dim in (2, 3)])
        inside = torch.stack([made.diff(dim=dim).square().mean() for dim in (2, 3)])
        assert bool((across < 2 * inside).all()) == seamless


def test_the_last_row_and_column_of_a_periodic_picture_are_measured_where_no_stride_ends(narrow: impasto.Encoder):
    features = objective.periodic_features(narrow, picture(3, 35, 50), ["relu1_1", "relu2_1"])
    assert [size_of(maps) for maps in features.values()] == [(35, 50), (18, 25)]


def test_the_loss_of_a_periodic_picture_does_not_change_when_it_is_rolled(narrow: impasto.Encoder):
    image = picture(3, 32, 48)
    gram = impasto.get_host().statistic("gram")
    shares = {"relu1_1": 0.5, "relu2_1": 0.5}
    terms = [*style_terms(narrow, [impasto.Style(picture(9))], None, shares, statistic=gram), *smoothness_terms(1.0)]
    losses = Objective(narrow, terms, periodic=True)
    rolled = losses(torch.roll(image, (10, 22), (2, 3)))
    for name, loss in losses(image).items():
        torch.testing.assert_close(rolled[name], loss, rtol=1e-2, atol=0)  # a row and a column count twice


def test_shallow_layers_keep_the_picture_and_deep_ones_less(network: str):
    content = picture(19)

    def psnr(layer: str) -> float:
        stage = Reconstruct(encoder=network, layer=layer, steps=60, coarsest=64, optimiser="l-bfgs")
        return -10 * (paint(stage, content) - content).square().mean().log10().item()

    shallow, middle, deep = psnr("relu1_1"), psnr("relu3_1"), psnr("relu5_1")
    assert shallow > 26
    assert shallow > middle > deep


def test_reconstructing_style_keeps_statistics_and_not_places(network: str, narrow: impasto.Encoder):
    content = picture(20)
    stage = Reconstruct(encoder=network, what="style", layer="relu2_1", steps=60, coarsest=64)
    image = paint(stage, content)
    assert stage.layers(narrow) == ("relu1_1", "relu2_1")

    def gram(of: Tensor) -> Tensor:
        return losses.measure_gram(narrow.features(of, ["relu2_1"])["relu2_1"])[0]

    assert losses.relative_error(gram(image), gram(content)) < 0.1
    assert (image - content).abs().mean() > 0.05


# ---------------------------------------------------------------------------------------------- photorealism


def test_photorealism_keeps_the_photographs_edges_and_takes_the_styles_colours(network: str):
    content, style = picture(31), picture(32, color=(0.8, 0.4, 0.2))
    content[..., 32:] = 1 - content[..., 32:]
    stage = Gatys(encoder=network, steps=30, coarsest=64, smoothness=0.0)
    free, held = (paint(stage_with(stage, photorealism=weight), content, style) for weight in (0.0, 10.0))
    laplacian = MattingLaplacian(content)
    assert laplacian.energy(held) < 0.1 * laplacian.energy(free)
    torch.testing.assert_close(held.mean((0, 2, 3)), style.mean((0, 2, 3)), atol=0.08, rtol=0)


def test_a_linear_change_of_colours_costs_photorealism_nothing():
    content = picture(33)
    (term,) = objective.photorealism_terms(content, 1.0)
    mixing = torch.tensor([[0.5, 0.3, 0.1], [0.0, 0.6, 0.2], [0.1, 0.0, 0.7]])
    assert term.loss(torch.einsum("ij,bjhw->bihw", mixing, content) + 0.05) < 0.01
    noise = torch.randn(content.shape, generator=torch.Generator().manual_seed(1))
    assert term.loss(content + 0.1 * noise) > 0.5


# ---------------------------------------------------------------------------------------------- gain maps


def test_points_bend_the_style_as_scipys_thin_plate_spline_does():
    pairs = np.random.default_rng(1).random((7, 4))
    where = correspondence.spline(pairs.tolist(), (30, 40))
    y, x = (np.mgrid[:30, :40] + 0.5) / np.array([30, 40])[:, None, None]
    scale = np.array([1.0, 0.75])
    exact = RBFInterpolator(pairs[:, :2] * scale, pairs[:, 2:], kernel="thin_plate_spline", degree=1)
    expected = exact(np.stack([x, y], -1).reshape(-1, 2) * scale).reshape(30, 40, 2)
    np.testing.assert_allclose(where.numpy(), expected, atol=1e-4)


def test_points_lay_the_shades_of_a_painted_face_where_the_face_is(network: str):
    content, style = picture(41), torch.full((1, 3, 48, 64), 0.2)
    style[..., 16:32, 0:16] = torch.tensor([0.9, 0.5, 0.1]).view(3, 1, 1)  # a face on the left
    face = (0.5, 0.34, 0.0, 0.34, 0.75, 0.34, 0.25, 0.34, 0.5, 0.66, 0.0, 0.66)  # and the content's in the middle
    stage, styles = Gatys(encoder=network, points=face, init="recolored"), [impasto.Style(style)]
    start = stage.start(objective.Scene(content, styles, None, stage.aligned(content, styles)), (48, 64))
    assert start[:, 0, 18:30, 34:46].mean() > start[:, 2, 18:30, 34:46].mean() + 0.4
    assert abs(start[:, 0, :, :24].mean() - start[:, 2, :, :24].mean()) < 0.15


def test_gains_are_how_much_stronger_the_style_responds_within_bounds():
    features = torch.rand(1, 4, 9, 9, generator=torch.Generator().manual_seed(2)) + 0.1
    factors = torch.tensor([0.1, 1.0, 3.0, 50.0])
    found = correspondence.gains(factors.view(1, 4, 1, 1) * features, features)
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.tensor([0.7, 1.0, 3.0, 5.0]), atol=0.05, rtol=0)


def test_points_are_shares_of_the_whole_picture_behind_a_mask_too(network: str, monkeypatch):
    seen = []
    monkeypatch.setattr(objective, "gains", lambda style, content: seen.append(style) or torch.ones_like(content))
    content, style = picture(34, 64, 256), picture(35, 64, 256)
    stage = Gatys(encoder=network, steps=1, coarsest=256, points=EYES_AND_MOUTH, content_layers=("relu1_1",))
    mask = torch.zeros(1, 1, 64, 256)
    mask[..., :32] = 1
    paint(stage, content, style)
    paint(stage, content, style, mask=mask)
    whole, part = seen
    torch.testing.assert_close(part, whole)


def test_points_that_cannot_be_used_are_refused(network: str):
    with pytest.raises(impasto.ParameterError, match="points are 6 numbers, 1 pairs"):
        Gatys(points=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    line = (0.1, 0.1, 0, 0, 0.2, 0.2, 0.5, 0.5, 0.3, 0.3, 1, 0)
    with pytest.raises(impasto.StageError, match="lie on a line"):
        paint(Gatys(encoder=network, steps=1, points=line), picture(36), picture(37))
    with pytest.raises(impasto.StageError, match="there are 2"):
        paint(Gatys(encoder=network, steps=1, points=EYES_AND_MOUTH), picture(36), [picture(37), picture(38)])


# ---------------------------------------------------------------------------------------------- dreams


def test_the_layer_responds_more_to_a_dream(network: str):
    plain = impasto.encoder(network)
    for layer, channel in [("relu3_1", None), ("relu2_1", 3)]:
        seen = slice(None) if channel is None else slice(channel, channel + 1)

        def response(image: Tensor, layer: str = layer, seen: slice = seen) -> Tensor:
            return plain.features(image, [layer])[layer][:, seen].square().mean()

        stage = Dream(encoder=network, layer=layer, channel=channel, octaves=3, steps=5)
        assert response(paint(stage, picture(39))) > 1.5 * response(picture(39))


def test_a_dream_keeps_the_detail_of_the_picture_through_its_octaves(network: str):
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    dreamt = paint(Dream(encoder=network, octaves=4, octave_scale=1.2, steps=1, rate=1e-4), noise)
    assert (dreamt - noise).abs().mean() < 0.01


def test_a_dream_of_nothing_is_said_to_be_one(network: str, monkeypatch):
    with pytest.raises(impasto.StageError, match=r"channel = 99, and relu1_1 of .* has 8"):
        paint(Dream(encoder=network, layer="relu1_1", channel=99), picture(40))

    class Blind(torch.nn.Module):
        name, layers, channels, strides = "blind", ("one",), {"one": 2}, {"one": 1}

        def features(self, image, layers):
            return dict.fromkeys(layers, 0 * image[:, :2])

    monkeypatch.setattr(dreaming.impasto, "encoder", lambda *_, **__: Blind())
    with pytest.warns(UserWarning, match="one of blind responds to nothing in the picture"):
        assert torch.equal(paint(Dream(steps=1, layer="one"), picture(40)), picture(40))


# ---------------------------------------------------------------------------- interruptions and checkpoints


class Stop:
    """Interrupts a run after some steps, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.after, self.count, self.image = after, 0, torch.empty(0)

    @impasto.hookimpl
    def impasto_step(self, step, image):
        self.count += 1
        self.image = image
        if step == self.after:
            raise KeyboardInterrupt


def test_an_interruption_keeps_the_picture_so_far(network: str):
    stop = Stop(5)
    pipe = impasto.Pipeline(Gatys(encoder=network, steps=10, coarsest=64))
    result = pipe(picture(21), picture(22), precision="float32", plugins=[stop])
    assert torch.equal(result.tensor, stop.image)
    assert result.interrupted.step == 5


@pytest.mark.parametrize("optimiser", ["adam", "l-bfgs"])
@pytest.mark.parametrize("after", [3, 4, 6])
def test_a_resumed_run_paints_the_picture_of_an_unbroken_one(optimiser, after, network, tmp_path):
    options = {
        "encoder": network, "steps": 4, "coarsest": 40, "optimiser": optimiser, "init": "noise",
        "statistic": "mmd-gaussian", "histogram_weight": 0.3,
    }  # fmt: skip
    content, style = torch.cat([picture(23), picture(24)]), picture(25, 160, 160)
    whole = paint(Gatys(**options), content, style, seed=5)
    stage = Gatys(**options, checkpoint=str(tmp_path / "run.pt"))
    around = 2 * Gatys.reflection_padding
    steps = 4 * len(pyramid(48 + around, 64 + around, 40))
    paint(stage, content, style, seed=5, plugins=[Stop(after)])
    assert (tmp_path / "run.pt").exists()
    paint(stage, content, style, seed=5, plugins=[Stop(steps + 2)])
    rest = Stop(-1)
    assert torch.equal(paint(stage, content, style, seed=5, plugins=[rest]), whole)
    assert rest.count == steps - 2


def test_a_run_of_several_regions_resumes_too(network, tmp_path):
    content, style = picture(23, 48, 200), picture(25, 60, 60)
    left, right = torch.zeros(1, 1, 48, 200), torch.zeros(1, 1, 48, 200)
    left[..., :30] = right[..., 150:] = 1
    options = {"encoder": network, "steps": 4, "coarsest": 4000, "init": "noise"}
    regions = {"guides": {"left": left, "right": right}, "seed": 5}
    whole = paint(Gatys(**options), content, style, **regions)
    stage = Gatys(**options, checkpoint=str(tmp_path / "run.pt"))
    paint(stage, content, style, **regions, plugins=[Stop(6)])
    rest = Stop(-1)
    assert torch.equal(paint(stage, content, style, **regions, plugins=[rest]), whole)
    assert rest.count == 6


def test_a_checkpoint_stays_until_the_picture_is_saved(network, tmp_path):
    class Broken(impasto.Postprocessor, name="broken"):
        """Fail, as a stage that runs out of memory does."""

        def refine(self, image, content, styles):
            raise MemoryError

    path = tmp_path / "run.pt"
    stage = Gatys(encoder=network, steps=4, coarsest=64, checkpoint=str(path))
    with pytest.raises(impasto.StageError, match="out of memory"):
        impasto.Pipeline(stage, Broken())(picture(26), picture(27), precision="float32")
    rest = Stop(-1)
    result = impasto.Pipeline(stage)(picture(26), picture(27), precision="float32", plugins=[rest])
    assert rest.count == 0
    with pytest.raises(FileNotFoundError):
        result.save(tmp_path / "nowhere" / "out.png")
    assert path.exists()
    result.save(tmp_path / "out.png")
    assert not path.exists()
    assert torch.equal(result.tensor, paint(stage_with(stage, checkpoint=""), picture(26), picture(27)))


def test_a_finished_checkpoint_is_in_nobodys_way(network, tmp_path):
    stage = Gatys(encoder=network, steps=2, coarsest=64, checkpoint=str(tmp_path / "run.pt"))
    bare = impasto.Pipeline(stage_with(stage, checkpoint=""))
    results = [impasto.Pipeline(stage)(picture(number), picture(27)) for number in (26, 28)]
    for number, result in zip((26, 28), results, strict=True):
        assert torch.equal(result.tensor, bare(picture(number), picture(27)).tensor)
    frames = list(impasto.Pipeline(stage).stream([picture(26), picture(28)], picture(27)))
    assert torch.equal(frames[1].tensor, results[1].tensor)
    assert not (tmp_path / "run.pt").exists()


@pytest.mark.parametrize("stop", [-1, 4])
def test_a_full_disk_costs_the_checkpoint_and_not_the_picture(stop, network, tmp_path, monkeypatch):
    resource = pytest.importorskip("resource", reason="POSIX alone bounds files")
    monkeypatch.setattr(optimisation, "CHECKPOINT_EVERY", 3)
    stage = Gatys(encoder=network, steps=8, coarsest=64, checkpoint=str(tmp_path / "run.pt"))
    whole = paint(stage_with(stage, checkpoint=""), picture(26), picture(27), plugins=[Stop(stop)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.warns(UserWarning, match=r"run\.pt: could not be written.*(?s:.*)the painting goes on"):
            painted = paint(stage, picture(26), picture(27), plugins=[Stop(stop)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.equal(painted, whole)
    assert not list(tmp_path.iterdir())


def test_a_kill_costs_no_more_than_the_steps_since_the_last_checkpoint(network, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    class Kill:
        @impasto.hookimpl
        def impasto_step(self, step):
            if step == 7:
                raise KilledError

    monkeypatch.setattr(optimisation, "CHECKPOINT_EVERY", 3)
    stage = Gatys(encoder=network, steps=10, coarsest=64, checkpoint=str(tmp_path / "run.pt"))
    with pytest.raises(impasto.StageError):
        paint(stage, picture(26), picture(27), plugins=[Kill()])
    rest = Stop(-1)
    image = paint(stage, picture(26), picture(27), plugins=[rest])
    assert rest.count == 4
    assert torch.equal(image, paint(stage_with(stage, checkpoint=""), picture(26), picture(27)))


def test_a_checkpoint_of_another_run_is_refused(network: str, tmp_path):
    path = tmp_path / "run.pt"
    stage = Gatys(encoder=network, steps=10, coarsest=64, checkpoint=str(path))
    paint(stage, picture(26), picture(27), plugins=[Stop(2)])
    for says, other, content, seed in [
        ("belongs to another run: content was .* and is ", stage, picture(28), 0),
        ("belongs to another run: seed was 0 and is 1\n", stage, picture(26), 1),
        ("belongs to another run: steps was 10 and is 11\n", stage_with(stage, steps=11), picture(26), 0),
    ]:
        with pytest.raises(impasto.StageError, match=says):
            impasto.Pipeline(other)(content, picture(27), seed=seed)
    # Another network under the name that the first one had.
    tensors = torch.load(network, weights_only=True)
    torch.save({key: 0.9 * value for key, value in tensors.items()}, network)
    with pytest.raises(
        impasto.StageError, match=r"belongs to another run: encoder was a file of sha256 .* and is a file"
    ):
        paint(stage, picture(26), picture(27))
    torch.save(tensors, network)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(impasto.StageError, match=r"run\.pt cannot be read"):
        paint(stage, picture(26), picture(27))
    with pytest.raises(impasto.ParameterError, match="there is no folder"):
        paint(stage_with(stage, checkpoint=str(tmp_path / "none" / "run.pt")), picture(26), picture(27))


# ---------------------------------------------------------------------------------------------------- memory


def test_a_picture_that_will_not_fit_is_refused_before_the_work(network: str, monkeypatch):
    monkeypatch.setattr("impasto.stage.memory.free_memory", lambda device: 2_000_000)
    seen = Stop(-1)
    with pytest.raises(impasto.StageError) as caught:
        paint(Gatys(encoder=network, optimiser="l-bfgs"), picture(29), picture(30), plugins=[seen])
    message = str(caught.value)
    for part in ("80×64", "narrow.pth", "float32", "GB", "bfloat16", "slim19", "adam", "pixels"):
        assert part in message
    assert seen.count == 0


def test_memory_grows_with_the_picture_and_shrinks_with_precision(narrow: impasto.Encoder):
    def need(size: Size, bytes_each: int = 4) -> int:
        return memory.estimate_memory(narrow, ["relu4_1"], size, bytes_each=bytes_each, optimiser="adam")

    assert need((128, 128)) == pytest.approx(4 * need((64, 64)), rel=0.01)
    assert need((64, 64), 2) < need((64, 64))


def test_pictures_are_told_apart_and_looked_at_only_where_there_is_a_checkpoint(network: str, monkeypatch):
    assert checkpoints.digest(picture(1)) == checkpoints.digest(picture(1), None)
    assert checkpoints.digest(picture(1)) != checkpoints.digest(picture(2))

    def refuse(*pictures):
        raise AssertionError("pictures are hashed for nothing")

    monkeypatch.setattr(checkpoints, "digest", refuse)
    paint(Gatys(encoder=network, steps=1, coarsest=64), picture(26), picture(27))


def test_a_statistic_of_a_plugin_is_imitated_by_region_and_by_several_styles(network: str, monkeypatch):
    """A new style loss is one function and an entry: this one is the linear kernel's, written anew."""

    def measure(features, weights):
        shares = torch.ones_like(features[:, :1]) if weights is None else weights
        return ((features.float() * shares).sum((2, 3)) / shares.sum(),)

    class Plugin:
        @impasto.hookimpl
        def impasto_statistics(self):
            return {"centre": Statistic(measure)}

    host = impasto.Host(Plugin())
    monkeypatch.setattr(impasto, "get_host", lambda: host)
    content, left = picture(6), (torch.arange(64) < 32).float().expand(1, 1, 48, 64)
    styles = [
        impasto.Style(
            picture(7, color=(0.9, 0.1, 0.1)), guides=torch.tensor([1.0, 0]).view(1, 2, 1, 1).expand(1, 2, 48, 64)
        ),
        impasto.Style(
            picture(8, color=(0.1, 0.1, 0.9)), guides=torch.tensor([0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 48, 64)
        ),
    ]
    own = Gatys(encoder=network, statistic="centre", steps=3)
    same = Gatys(encoder=network, statistic="mmd-linear", steps=3)
    guides = torch.cat([left, 1 - left], 1)
    painted, expected = (stage.stylize(content, styles, guides) for stage in (own, same))
    torch.testing.assert_close(painted, expected, atol=2e-3, rtol=0)
    with pytest.raises(impasto.ParameterError, match="one of 'centre', 'covariance', 'gram'"):
        Texture(statistic="center")
