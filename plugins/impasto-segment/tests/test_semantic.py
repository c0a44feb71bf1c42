import functools

import pytest
import torch
from torchvision.models import segmentation
from torchvision.transforms._presets import SemanticSegmentation

import impasto
from impasto import Canvas, ParameterError, StageError, Style, WeightsError
from impasto.testing import parametrize_checks, picture
from impasto_segment import Semantic, semantic
from impasto_segment.semantic import LABELS, NETWORKS, probabilities

SMALL = 128


@functools.cache
def network():
    """A network of random weights that finds every label about as likely, here and there, in the sample cat."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(LABELS))
    module.eval()
    with torch.no_grad():
        scores = module(SemanticSegmentation(resize_size=SMALL)(impasto.samples.content("cat", 96)))["out"]
        module.classifier.low_classifier.bias -= scores.mean((0, 2, 3))
    return module


def only(*labels):
    """The same network, but that it sees nothing but these labels."""
    state = {key: value.clone() for key, value in network().state_dict().items()}
    for head in ("low", "high"):
        state[f"classifier.{head}_classifier.bias"] -= 1e4
        for label in labels:
            state[f"classifier.{head}_classifier.bias"][LABELS.index(label)] += 1e4
    return state


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    monkeypatch.setattr(semantic, "SHORTER", SMALL)
    torch.save(only("person"), "person.pth")
    torch.save(network().state_dict(), "any.pth")


@pytest.fixture
def photograph():
    return impasto.samples.content("cat", 96)


@parametrize_checks(
    Semantic(file="any.pth", network="lraspp-mobilenet", target="both"),
    Semantic(file="person.pth", network="lraspp-mobilenet", labels=("person",)),
)
def test_conformance(stage, check):
    check(stage)


# -------------------------------------------------------------------------------------------------- the network


def test_it_sees_what_torchvision_sees(photograph, monkeypatch):
    """Its own network after its own transform, which resizes the shorter side to 520 and normalises."""
    monkeypatch.setattr(semantic, "SHORTER", 520)
    prepared = SemanticSegmentation(resize_size=520)(photograph)
    with torch.no_grad():
        scores = network()(prepared)["out"]
        found = probabilities("lraspp-mobilenet", photograph, "any.pth")
    expected = torch.nn.functional.interpolate(scores, photograph.shape[-2:], mode="bilinear").softmax(1)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.sum(1), torch.ones(1, *photograph.shape[-2:]))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_built_and_takes_a_checkpoint_with_its_helper_head(name):
    builder, record = NETWORKS[name]
    helper = {} if "lraspp" in name else {"aux_loss": True}  # torchvision's files have it, except this one
    with torch.device("meta"):
        module = getattr(segmentation, builder)(weights=None, weights_backbone=None, num_classes=21, **helper)
    tiny = torch.full((), 1e-3)  # of which all classes are as likely
    state = {key: tiny.to(one.dtype).expand(one.shape) for key, one in module.state_dict().items()}
    torch.save(state, "tiny.pth")
    found = probabilities(name, torch.rand(1, 3, 9, 12), "tiny.pth")
    torch.testing.assert_close(found, torch.full_like(found, 1 / 21))
    # torchvision says in the file's name how its hash begins, and in the size how large it is.
    enum = segmentation.__dict__[next(key for key in segmentation.__dict__ if key.lower() == f"{builder}_weights")]
    weights = enum.DEFAULT
    assert record.url == weights.url
    assert record.name.rpartition("-")[2] == f"{record.sha256[:8]}.pth"
    assert record.size / 2**20 == pytest.approx(weights.meta["_file_size"], abs=1e-3)
    assert LABELS[1:] == tuple(weights.meta["categories"][1:])


def test_weights_are_declared_unless_a_file_takes_their_place():
    assert Semantic().weights() == (NETWORKS["deeplabv3-mobilenet"][1],)
    assert Semantic(network="fcn-resnet50").weights()[0].name == "fcn_resnet50_coco-1167a1af.pth"
    assert Semantic(file="any.pth").weights() == ()


def test_offline_the_error_says_what_is_missing_and_where_to_put_it(photograph):
    with pytest.raises(WeightsError) as error:
        Semantic(labels=("cat",)).apply(Canvas(photograph, photograph))
    for part in ("deeplabv3_mobilenet_v3_large-fc3c493d.pth", "44.4 MB", "https://download", "checkpoints", "IMPASTO_"):
        assert part in str(error.value)


def test_a_file_that_is_not_torchvisions_is_not_taken_from_the_folders(photograph, monkeypatch, tmp_path):
    torch.save(only("person"), NETWORKS["lraspp-mobilenet"][1].name)
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="is not the lraspp"):
        Semantic(network="lraspp-mobilenet").apply(Canvas(photograph, photograph))


def test_a_checkpoint_of_another_network_is_refused(photograph):
    canvas = Canvas(photograph, photograph)
    with pytest.raises(WeightsError, match=r"any\.pth: is no deeplabv3-mobilenet for 21 classes: lacks"):
        Semantic(file="any.pth").apply(canvas)
    fewer = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)
    torch.save(fewer.state_dict(), "two.pth")
    with pytest.raises(WeightsError, match=r"two\.pth: is no lraspp-mobilenet for 21 classes: .*expected \(21, 40"):
        Semantic(file="two.pth", network="lraspp-mobilenet").apply(canvas)
    with pytest.raises(WeightsError, match=r"there is no file nowhere\.pth"):
        Semantic(file="nowhere.pth").apply(canvas)


# --------------------------------------------------------------------------------------------- masks and regions


def test_all_that_is_found_becomes_regions_by_name(photograph):
    found = Semantic(file="any.pth", network="lraspp-mobilenet").apply(Canvas(photograph, photograph))
    assert found.mask is None
    assert len(found.labels) >= 2
    assert set(found.labels) <= set(LABELS)
    assert torch.equal(found.guides.sum(1), torch.ones(1, *photograph.shape[-2:]))
    assert found.guides.sum((0, 2, 3)).min() > 0


def test_chosen_labels_together_are_the_mask(photograph):
    canvas = Canvas(photograph, photograph)
    regions = Semantic(file="any.pth", network="lraspp-mobilenet").apply(canvas)
    chosen = regions.labels[:2]
    assert len(regions.labels) > 2
    found = Semantic(file="any.pth", network="lraspp-mobilenet", labels=chosen).apply(canvas)
    assert found.guides is None
    assert torch.equal(found.mask, regions.guides[:, :2].sum(1, keepdim=True))
    assert 0 < found.mask.mean() < 1


def test_a_label_that_is_nowhere_is_an_error_that_says_what_is_there(photograph):
    canvas = Canvas(photograph, photograph)
    with pytest.raises(StageError, match=r"found no car in the content\n  found: person"):
        Semantic(file="person.pth", network="lraspp-mobilenet", labels=("car",)).apply(canvas)
    with pytest.warns(UserWarning, match=r"found no car in the content\n  found: person"):
        found = Semantic(file="person.pth", network="lraspp-mobilenet", labels=("car", "person")).apply(canvas)
    assert found.mask.all()


def test_nothing_but_background_is_said(photograph):
    torch.save(only("background"), "nothing.pth")
    with pytest.warns(UserWarning, match="found nothing but background in the content"):
        found = Semantic(file="nothing.pth", network="lraspp-mobilenet").apply(Canvas(photograph, photograph))
    assert found.labels == ("background",)


def test_styles_get_regions_or_the_part_that_counts(photograph):
    style = Style(picture(40, 56, 0.7))
    canvas = Canvas(photograph, photograph, styles=(style,))
    both = Semantic(file="any.pth", network="lraspp-mobilenet", target="both").apply(canvas)
    assert both.styles[0].guides.shape == (1, len(both.styles[0].labels), 40, 56)
    part = Semantic(file="person.pth", network="lraspp-mobilenet", target="styles", labels=("person",)).apply(canvas)
    assert part.mask is None
    assert torch.equal(part.styles[0].guides, torch.ones(1, 1, 40, 56))


@pytest.mark.filterwarnings("ignore:semantic. found no:UserWarning")
def test_each_picture_of_a_batch_is_looked_at_alone(photograph):
    pictures = torch.cat([photograph, photograph.flip(3)])
    stage = Semantic(file="any.pth", network="lraspp-mobilenet", labels=LABELS[::2])
    found = stage.apply(Canvas(pictures, pictures)).mask
    alone = [stage.apply(Canvas(one[None], one[None])).mask for one in pictures]
    assert torch.equal(found, torch.cat(alone))


def test_a_batch_names_the_picture_without_the_label(photograph):
    pictures = torch.cat([photograph, torch.zeros_like(photograph)])
    there = [
        set(Semantic(file="any.pth", network="lraspp-mobilenet").apply(Canvas(one[None], one[None])).labels)
        for one in pictures
    ]
    label = sorted(there[0] - there[1])[0]
    stage = Semantic(file="any.pth", network="lraspp-mobilenet", labels=(label,))
    with pytest.warns(UserWarning, match=f"found no {label} in the content, picture 2 of 2"):
        found = stage.apply(Canvas(pictures, pictures)).mask
    assert found[0].any()
    assert not found[1].any()


def test_labels_are_checked_when_the_stage_is_made():
    with pytest.raises(ParameterError, match=r"no label 'persn'(.|\n)*did you mean 'person'"):
        Semantic(labels=("persn",))
    with pytest.raises(ParameterError, match="names one twice"):
        Semantic(labels=("car", "car"))


def test_networks_are_kept_until_their_file_changes(photograph):
    canvas = Canvas(photograph, photograph)
    stage = Semantic(file="one.pth", network="lraspp-mobilenet", labels=("person", "car"))
    for label, other in (("person", "car"), ("car", "person")):
        torch.save(only(label), "one.pth")
        with pytest.warns(UserWarning, match=f"found no {other}"):
            stage.apply(canvas)
