import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from skimage import data

import impasto
from impasto.functional.color import luma, to_space
from impasto.testing import parametrize_checks
from impasto_color import KeepColor, MatchColor, MatchLuminance, match_moments, transfer_matrix
from impasto_color.moment_matching import LUMINANCE, METHODS, SPACES


@parametrize_checks(
    MatchColor(),
    MatchColor(method="pca"),
    MatchColor(method="cholesky", space="lab"),
    MatchColor(target="image"),
    MatchColor(target="image", method="mean-std", space="lalphabeta", strength=0.5),
    MatchColor(target="image", reference="content"),
    MatchLuminance(grey=True),
    MatchLuminance(target="image", method="mean", space="lab"),
    KeepColor(),
    KeepColor(space="lab", strength=0.5),
    KeepColor(space="lalphabeta"),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def pictures():
    """Two photographs of different size and very different colours."""
    cat = impasto.read(data.chelsea()).tensor[..., ::3, ::3]
    coffee = impasto.read(data.coffee()).tensor[..., ::4, ::4]
    return cat.contiguous(), coffee.contiguous()


def canvas(content, *styles, **more):
    return impasto.Canvas(content=content, image=content, styles=tuple(styles), **more)


def numpy_moments(picture):
    values = picture.double().flatten(1).numpy()
    return values.mean(1), np.cov(values, bias=True)


def assert_same_moments(picture, reference, atol=1e-4):
    for found, wanted in zip(numpy_moments(picture), numpy_moments(reference), strict=True):
        np.testing.assert_allclose(found, wanted, atol=atol)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("method", ["symmetric", "pca", "cholesky"])
def test_mean_and_covariance_become_those_of_the_reference(pictures, method, space):
    source, reference = (to_space(picture, space) for picture in pictures)
    assert_same_moments(match_moments(source, reference, method)[0], reference[0])


def test_mean_std_matches_each_channel_and_mixes_none(pictures):
    source, reference = pictures
    matched = match_moments(source, reference, "mean-std")
    np.testing.assert_allclose(matched.mean((2, 3)), reference.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(matched.std((2, 3), correction=0), reference.std((2, 3), correction=0), atol=1e-5)
    red, before = matched[0, 0].flatten(), source[0, 0].flatten()
    assert abs(np.corrcoef(red, before)[0, 1] - 1) < 1e-6


def test_symmetric_is_the_monge_kantorovich_map(pictures):
    source, reference = (numpy_moments(picture[0])[1] for picture in pictures)
    root = sqrtm(source)
    expected = np.linalg.inv(root) @ sqrtm(root @ reference @ root) @ np.linalg.inv(root)
    found = transfer_matrix(torch.from_numpy(source)[None], torch.from_numpy(reference)[None])[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_pca_and_cholesky_are_the_papers_closed_forms(pictures):
    source, reference = (numpy_moments(picture[0])[1] for picture in pictures)
    pair = torch.from_numpy(source)[None], torch.from_numpy(reference)[None]
    np.testing.assert_allclose(
        transfer_matrix(*pair, "pca")[0], sqrtm(reference) @ np.linalg.inv(sqrtm(source)), atol=1e-5
    )
    factors = np.linalg.cholesky(reference), np.linalg.cholesky(source)
    np.testing.assert_allclose(transfer_matrix(*pair, "cholesky")[0], factors[0] @ np.linalg.inv(factors[1]), atol=1e-5)


def test_symmetric_moves_colours_least(pictures):
    source, reference = pictures
    moved = {m: (match_moments(source, reference, m) - source).square().mean() for m in METHODS[:3]}
    assert moved["symmetric"] <= min(moved.values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("target", ["style", "image"])
def test_flat_grey_and_tiny_pictures_are_taken(pictures, method, space, target):
    photo = pictures[0]
    grey = photo.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    flat = torch.full((1, 3, 5, 7), 0.5)
    pixel = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1)
    black = torch.zeros(1, 3, 4, 4)
    stage = MatchColor(method=method, space=space, target=target)
    odd = [grey, flat, pixel, black]
    for content, style in [(photo, one) for one in odd] + [(one, photo) for one in odd] + [(grey, flat)]:
        result = stage.apply(canvas(content, impasto.Style(style)))
        changed, giver = result.image, style
        if target == "style":
            changed, giver = result.styles[0].image, content
        assert torch.isfinite(changed).all()
        if giver is pixel or giver is flat or giver is black:
            assert (changed - giver[..., :1, :1]).abs().max() < 2e-2  # one colour gives one colour


@pytest.mark.parametrize("method", ["symmetric", "pca", "cholesky"])
def test_a_grey_reference_makes_grey(pictures, method):
    photo = pictures[0]
    grey = photo.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    matched = match_moments(pictures[1], grey, method)
    assert (matched - matched.mean(1, keepdim=True)).abs().max() < 1e-3


def test_a_grey_engraving_takes_the_hue_of_light_and_dark(pictures):
    coffee = pictures[1]
    engraving = pictures[0].mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    matched = match_moments(engraving, coffee)
    np.testing.assert_allclose(matched.mean((2, 3)), coffee.mean((2, 3)), atol=1e-4)
    grey = torch.ones(3) / 3
    np.testing.assert_allclose((matched[0].flatten(1).T @ grey).std(), (coffee[0].flatten(1).T @ grey).std(), rtol=2e-2)


def test_styles_take_the_colours_of_the_image_and_the_image_stays(pictures):
    cat, coffee = pictures
    given = canvas(cat, impasto.Style(coffee, weight=0.3), impasto.Style(1 - coffee, weight=0.7))
    made = MatchColor().apply(given)
    assert made.image is given.image
    for before, after in zip(given.styles, made.styles, strict=True):
        unclipped = match_moments(before.image, cat)
        torch.testing.assert_close(after.image, unclipped.clamp(0, 1))
        assert after.weight == before.weight


def test_several_styles_give_the_image_their_weighted_moments(pictures):
    cat, coffee = pictures
    cat, coffee = cat * 0.2 + 0.4, coffee * 0.2 + 0.4  # far from black and white: nothing is clipped
    other = coffee.flip(1) * 0.5 + 0.2
    made = MatchColor(target="image").apply(
        canvas(cat, impasto.Style(coffee, weight=3), impasto.Style(other, weight=1))
    )
    parts = [numpy_moments(coffee[0]), numpy_moments(other[0])]
    mean, covariance = numpy_moments(made.image[0])
    np.testing.assert_allclose(mean, 0.75 * parts[0][0] + 0.25 * parts[1][0], atol=1e-4)
    np.testing.assert_allclose(covariance, 0.75 * parts[0][1] + 0.25 * parts[1][1], atol=1e-4)


def test_a_batch_of_contents_gives_each_its_own_styles(pictures):
    cat, coffee = pictures
    batch = torch.cat([cat, 1 - cat])
    made = MatchColor().apply(canvas(batch, impasto.Style(coffee)))
    for index in range(2):
        alone = MatchColor().apply(canvas(batch[index : index + 1], impasto.Style(coffee)))
        torch.testing.assert_close(made.styles[0].image[index : index + 1], alone.styles[0].image)


def halves(picture):
    left = torch.zeros_like(picture[:, :1])
    left[..., : picture.shape[-1] // 2] = 1
    return torch.cat([left, 1 - left], 1)


def test_guides_match_region_by_region(pictures):
    cat, coffee = pictures
    style = impasto.Style(coffee, guides=halves(coffee))
    made = MatchColor().apply(canvas(cat, style, guides=halves(cat))).styles[0].image
    middle, edge = cat.shape[-1] // 2, coffee.shape[-1] // 2
    left = match_moments(coffee[..., :edge], cat[..., :middle]).clamp(0, 1)
    right = match_moments(coffee[..., edge:], cat[..., middle:]).clamp(0, 1)
    torch.testing.assert_close(made, torch.cat([left, right], -1), atol=1e-4, rtol=0)


def test_a_mask_limits_the_statistics_and_the_change(pictures):
    cat, coffee = pictures
    mask = halves(cat)[:, :1]
    middle = cat.shape[-1] // 2
    style = MatchColor().apply(canvas(cat, impasto.Style(coffee), mask=mask)).styles[0].image
    torch.testing.assert_close(style, match_moments(coffee, cat[..., :middle]).clamp(0, 1), atol=1e-4, rtol=0)
    image = MatchColor(target="image").apply(canvas(cat, impasto.Style(coffee), mask=mask)).image
    assert torch.equal(image[..., middle:], cat[..., middle:])
    torch.testing.assert_close(
        image[..., :middle], match_moments(cat[..., :middle], coffee).clamp(0, 1), atol=1e-4, rtol=0
    )


def test_autocast_leaves_the_statistics_their_digits(pictures):
    with torch.autocast("cpu", torch.bfloat16):
        made = MatchColor().apply(canvas(pictures[1], impasto.Style(pictures[0]))).styles[0].image
    torch.testing.assert_close(made, match_moments(*pictures).clamp(0, 1))


def test_a_part_of_the_style_for_a_region_the_content_lacks_stays(pictures):
    cat, coffee = pictures
    nothing = torch.cat([torch.zeros_like(cat[:, :1]), torch.ones_like(cat[:, :1])], 1)
    style = impasto.Style(coffee, guides=halves(coffee))
    made = MatchColor().apply(canvas(cat, style, guides=nothing)).styles[0].image
    edge = coffee.shape[-1] // 2
    assert torch.equal(made[..., :edge], coffee[..., :edge])
    torch.testing.assert_close(made[..., edge:], match_moments(coffee[..., edge:], cat).clamp(0, 1), atol=1e-4, rtol=0)


def test_the_painting_gets_the_colours_of_the_content_region_by_region(pictures):
    cat, _ = pictures
    painting = (0.2 + 0.5 * cat.flip(1)).contiguous()
    cat = cat * 0.5 + 0.2  # far from black and white: nothing is clipped
    given = impasto.Canvas(content=cat, image=painting, guides=halves(cat))
    made = MatchColor(target="image", reference="content").apply(given).image
    middle = cat.shape[-1] // 2
    assert_same_moments(made[0, ..., :middle], cat[0, ..., :middle])
    assert_same_moments(made[0, ..., middle:], cat[0, ..., middle:])


def test_each_region_gets_the_colours_of_its_own_style(pictures):
    cat, coffee = pictures
    styles = [impasto.Style(coffee, region="left"), impasto.Style(1 - coffee, region="right")]
    given = canvas(cat, *styles, guides=halves(cat), labels=("left", "right"))
    made = MatchColor(target="image").apply(given).image
    middle = cat.shape[-1] // 2
    left = match_moments(cat[..., :middle], coffee).clamp(0, 1)
    right = match_moments(cat[..., middle:], 1 - coffee).clamp(0, 1)
    torch.testing.assert_close(made, torch.cat([left, right], -1), atol=1e-4, rtol=0)
    recoloured = MatchColor().apply(given).styles
    torch.testing.assert_close(
        recoloured[0].image, match_moments(coffee, cat[..., :middle]).clamp(0, 1), atol=1e-4, rtol=0
    )
    assert [style.region for style in recoloured] == ["left", "right"]


def test_named_regions_of_the_content_alone_leave_one_style_for_all(pictures):
    cat, coffee = pictures
    named = canvas(cat, impasto.Style(coffee), guides=halves(cat), labels=("left", "right"))
    plain = canvas(cat, impasto.Style(coffee))
    stage = MatchColor(target="image")
    assert torch.equal(stage.apply(named).image, stage.apply(plain).image)


def test_a_region_that_no_style_covers_is_named_and_stays(pictures):
    cat, coffee = pictures
    style = impasto.Style(coffee, guides=torch.ones_like(coffee[:, :1]), labels=("left",))
    given = canvas(cat, style, guides=halves(cat), labels=("left", "right"))
    with pytest.warns(UserWarning, match="no style covers the region 'right', which stays"):
        made = MatchColor(target="image").apply(given).image
    middle = cat.shape[-1] // 2
    assert torch.equal(made[..., middle:], cat[..., middle:])
    assert not torch.equal(made[..., :middle], cat[..., :middle])


def test_strength_is_the_share_of_the_recoloured_picture(pictures):
    cat, coffee = pictures
    full, half, none = (
        MatchColor(target="image", strength=strength).apply(canvas(cat, impasto.Style(coffee))).image
        for strength in (1, 0.5, 0)
    )
    assert torch.equal(none, cat)
    torch.testing.assert_close(half, (cat + full) / 2)


@pytest.mark.parametrize("space", LUMINANCE)
def test_luminance_gets_the_mean_and_deviation_of_the_image(pictures, space):
    cat, coffee = (0.3 + 0.3 * picture for picture in pictures)  # nothing leaves the gamut
    made = MatchLuminance(space=space).apply(canvas(cat, impasto.Style(coffee))).styles[0].image
    before, after, wanted = (to_space(one, space) for one in (coffee, made, cat))
    np.testing.assert_allclose(after[:, 0].mean(), wanted[:, 0].mean(), atol=1e-4)
    np.testing.assert_allclose(after[:, 0].std(correction=0), wanted[:, 0].std(correction=0), atol=1e-4)
    torch.testing.assert_close(after[:, 1:], before[:, 1:], atol=1e-4, rtol=0)


def test_luminance_may_be_shifted_alone_and_painted_in_grey(pictures):
    cat, coffee = (0.3 + 0.3 * picture for picture in pictures)
    made = MatchLuminance(method="mean", grey=True).apply(canvas(cat, impasto.Style(coffee))).styles[0].image
    assert (made.amax(1) - made.amin(1)).max() < 1e-5
    shift = luma(cat).mean() - luma(coffee).mean()
    torch.testing.assert_close(made[:, :1], luma(coffee) + shift, atol=1e-5, rtol=0)


@pytest.mark.parametrize("space", LUMINANCE)
def test_keep_color_keeps_painted_luminance_and_the_contents_colour(pictures, space):
    content = 0.4 + 0.2 * pictures[0]
    painting = 0.4 + 0.2 * content.flip(1, 2)  # the colours are far inside the gamut
    made = KeepColor(space=space).refine(painting, content, ())
    found, painted, given = (to_space(one, space) for one in (made, painting, content))
    torch.testing.assert_close(found[:, :1], painted[:, :1], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[:, 1:], given[:, 1:], atol=1e-4, rtol=0)


def test_keep_color_desaturates_what_cannot_be_shown_and_keeps_its_luminance():
    red, light, dark = (torch.tensor(one).view(1, 3, 1, 1) for one in ([0.9, 0.1, 0.1], [0.95] * 3, [0.04] * 3))
    for painted in (light, dark):
        made = KeepColor().refine(painted, red, ())
        torch.testing.assert_close(luma(made), luma(painted), atol=1e-5, rtol=0)
        assert made[0, 0] > made[0, 1] + 1e-3  # still reddish
        torch.testing.assert_close(made[0, 1], made[0, 2])


def test_keep_color_stays_inside_the_mask(pictures):
    cat, _ = pictures
    painting = cat.flip(1).contiguous()
    made = KeepColor().apply(impasto.Canvas(content=cat, image=painting, mask=halves(cat)[:, :1])).image
    middle = cat.shape[-1] // 2
    assert torch.equal(made[..., middle:], painting[..., middle:])
    torch.testing.assert_close(made[..., :middle], KeepColor().refine(painting, cat, ())[..., :middle])


def test_errors_say_what_would_work(pictures):
    cat, coffee = pictures
    with pytest.raises(impasto.ParameterError, match="one of 'symmetric', 'pca'"):
        MatchColor(method="linear")
    with pytest.raises(impasto.ParameterError, match="their own colours\n  what would work: reference='content'"):
        MatchColor(reference="style")
    with pytest.raises(ValueError, match="what would work: symmetric"):
        match_moments(cat, coffee, "linear")
    with pytest.raises(impasto.StageError, match=r"pipe\(content, style\)"):
        MatchColor().apply(canvas(cat))
    with pytest.raises(impasto.StageError, match="the mask selects nothing"):
        MatchColor().apply(canvas(cat, impasto.Style(coffee), mask=torch.zeros_like(cat[:, :1])))
    style = impasto.Style(coffee, guides=halves(coffee), labels=("sky", "sea"))
    with pytest.raises(impasto.StageError, match="'sky', 'sea' and the content's 'left', 'right'"):
        MatchColor().apply(canvas(cat, style, guides=halves(cat), labels=("left", "right")))
    style = impasto.Style(coffee, guides=torch.ones_like(coffee[:, :1]))
    with pytest.raises(impasto.StageError, match="1 regions and the content has 2"):
        MatchColor().apply(canvas(cat, style, guides=halves(cat)))
    with pytest.raises(impasto.StageError, match="0, sum to 0"):
        MatchColor(target="image").apply(canvas(cat, impasto.Style(coffee, weight=0)))


def test_hooks_offer_the_stages():
    assert impasto.get_host().preprocessors["match-color"] is MatchColor
    assert impasto.get_host().preprocessors["match-luminance"] is MatchLuminance
    assert impasto.get_host().postprocessors["keep-color"] is KeepColor
