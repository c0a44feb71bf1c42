"""Each metric agrees with a computation of its own: scikit-image, SciPy, NumPy or a closed form."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from skimage.color import deltaE_cie76, rgb2lab
from skimage.filters import sobel
from skimage.metrics import structural_similarity as skimage_ssim

import impasto
from impasto.functional import luma, metrics


@pytest.fixture(scope="module")
def pictures():
    """Two pictures of one size, as a batch, and a third of another size."""
    content = torch.cat([impasto.samples.content(name, 80)[..., :48, :64] for name in ("astronaut", "coffee")])
    result = (content.flip(0) * 0.4 + content * 0.6).clamp(0, 1)
    return {"result": result, "content": content, "style": impasto.samples.style("mosaic", 56)}


@pytest.fixture(scope="module")
def features(pictures):
    """Features of three layers by input's name."""
    encoder = impasto.encoder("slim19")
    return {
        f"{name}_features": encoder.features(image, ("relu1_1", "relu2_1", "relu3_1"))
        for name, image in pictures.items()
    }


def grey(image, index):
    return luma(image)[index, 0].double().numpy()


def test_ssim_is_that_of_scikit_image(pictures):
    found = metrics.structural_similarity(pictures["result"], pictures["content"])
    for index in range(2):
        expected = skimage_ssim(
            grey(pictures["result"], index),
            grey(pictures["content"], index),
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert found[index].item() == pytest.approx(expected, abs=1e-5)


def test_ssim_says_what_is_too_small():
    with pytest.raises(ValueError, match=r"at least 11×11, found 16×8"):
        metrics.structural_similarity(torch.rand(1, 3, 8, 16), torch.rand(1, 3, 8, 16))


def test_edges_correlate_as_those_of_scikit_image(pictures):
    found = metrics.edge_correlation(pictures["result"], pictures["content"])
    for index in range(2):
        own, other = (sobel(grey(pictures[name], index)).ravel() for name in ("result", "content"))
        assert found[index].item() == pytest.approx(np.corrcoef(own, other)[0, 1], abs=1e-5)


def test_a_flat_result_keeps_no_edges():
    assert metrics.edge_correlation(torch.full((1, 3, 16, 16), 0.5), torch.rand(1, 3, 16, 16)).item() == 0


def test_the_palettes_of_two_flat_pictures_are_as_far_apart_as_their_colours():
    one, other = (0.2, 0.5, 0.7), (0.9, 0.4, 0.1)
    flat = [torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 6, 6) for color in (one, other)]
    expected = deltaE_cie76(rgb2lab(np.array([[one]])), rgb2lab(np.array([[other]]))).item()
    assert metrics.palette_distance(*flat).item() == pytest.approx(expected, rel=1e-3)


def test_the_palettes_of_greys_are_as_far_apart_as_scipy_says():
    """Greys lie on a line, where the earth mover's distance is that of sorted values."""
    rng = np.random.default_rng(0)
    values = (rng.integers(0, 6, (2, 20, 20)) + 0.5) / 6  # one grey in a cell
    images = [torch.tensor(v, dtype=torch.float32).expand(1, 3, 20, 20) for v in values]
    lightness = [rgb2lab(np.repeat(v[..., None], 3, -1))[..., 0].ravel() for v in values]
    assert metrics.palette_distance(*images).item() == pytest.approx(wasserstein_distance(*lightness), rel=1e-3)


def test_a_palette_does_not_ask_where_its_colours_are(pictures):
    content = pictures["content"][:1]
    shuffled = content.flatten(2)[
        ..., torch.randperm(content[0, 0].numel(), generator=torch.Generator().manual_seed(0))
    ]
    assert metrics.palette_distance(shuffled.view_as(content), content).item() == pytest.approx(0, abs=1e-4)


def test_a_frame_is_as_strong_as_it_was_painted():
    """10 levels on one of four sides are a quarter of ten on all, and what is changed everywhere is no frame."""
    content = impasto.samples.content("cat", 240)
    everywhere = 0.1 + content
    one_side, all_sides = everywhere.clone(), everywhere.clone()
    one_side[..., :12] += 10 / 255
    all_sides += 10 / 255
    all_sides[..., 12:-12, 12:-12] -= 10 / 255
    assert metrics.border_frame(everywhere, content).item() == pytest.approx(0, abs=1e-3)
    assert metrics.border_frame(one_side, content).item() == pytest.approx(2.5, abs=1e-3)
    assert metrics.border_frame(all_sides, content).item() == pytest.approx(10, abs=1e-3)


def test_strokes_as_strong_everywhere_are_no_frame():
    """Random changes of each ring step as much inside as at the border: what is left is a tenth of a frame of 10."""
    content = impasto.samples.content("cat", 240)
    rng = torch.Generator().manual_seed(0)
    strokes = torch.nn.functional.interpolate(torch.rand(8, 3, 14, 20, generator=rng), content.shape[-2:]) / 5
    framed = strokes - 20 / 255
    framed[..., 12:-12, 12:-12] += 20 / 255
    plain, frame = (metrics.border_frame(content + change, content).mean() for change in (strokes, framed))
    assert frame > 10 * plain


def numpy_features(features, name, index):
    batch = features[f"{name}_features"]
    return {layer: x[min(index, len(x) - 1)].double().flatten(1).numpy() for layer, x in batch.items()}


def relative(found, truth):
    return np.square(found - truth).sum() / np.square(truth).sum()


@pytest.mark.parametrize("index", [0, 1])
def test_losses_of_features_are_those_of_numpy(features, index):
    result, content, style = (numpy_features(features, name, index) for name in ("result", "content", "style"))
    content = relative(result["relu3_1"], content["relu3_1"])
    gram = sum(
        relative(x @ x.T / x.shape[1], s @ s.T / s.shape[1])
        for x, s in zip(result.values(), style.values(), strict=True)
    )
    moments = [
        [np.concatenate([x.mean(1), np.sqrt(x.var(1) + 1e-5)]) for x in given.values()] for given in (result, style)
    ]
    mean_std = sum(map(relative, *moments))
    for name, expected in (("content-loss", content), ("gram-loss", gram), ("mean-std-loss", mean_std)):
        assert metrics.METRICS[name](features)[index].item() == pytest.approx(expected, rel=1e-3), name


@pytest.mark.parametrize("index", [0, 1])
def test_cfsd_is_that_of_numpy(features, index, monkeypatch):
    monkeypatch.setattr(metrics.features, "ROWS", 50)  # in several parts, as for large pictures
    content = numpy_features(features, "content", index)["relu2_1"]  # the layer before the last
    power = np.sqrt(np.square(content).mean())

    def log_similarities(name):
        x = numpy_features(features, name, index)["relu2_1"].T / power
        x = x / x.shape[1]
        logits = x @ x.T
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))

    found, truth = log_similarities("result"), log_similarities("content")
    expected = (np.exp(truth) * (truth - found)).sum()
    assert metrics.METRICS["cfsd"](features)[index].item() == pytest.approx(expected, rel=1e-3)
    scaled = {name: {layer: 40 * x for layer, x in found.items()} for name, found in features.items()}
    assert metrics.METRICS["cfsd"](scaled)[index].item() == pytest.approx(expected, rel=1e-3)


def test_a_metric_says_what_it_may_ask_for():
    with pytest.raises(
        impasto.ParameterError, match=r"asks for 'contents'\n.*did you mean 'content'(.|\n)*result, content"
    ):
        metrics.Metric(lambda result, contents: result)
    with pytest.raises(impasto.ParameterError, match="'lower' or 'higher'"):
        metrics.Metric(lambda result: result, better="more")


def test_a_metric_that_returns_no_number_a_picture_is_named():
    def whole(result):
        return result.mean()

    with pytest.raises(impasto.StageError, match=r"the metric whole returned a tensor \(\)"):
        metrics.Metric(whole)({"result": torch.rand(1, 3, 4, 4)})
