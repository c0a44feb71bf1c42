"""LPIPS is what its paper says, of the file that is given; no other file goes under its name."""

import pytest
import torch
from torchvision import models

import impasto
from impasto.evaluation import Study, StudyRun
from impasto.evaluation import perceptual_distance as room


@pytest.fixture
def alexnet(tmp_path, monkeypatch):
    """An AlexNet of random weights, and its file, which passes for torchvision's."""
    torch.manual_seed(0)
    network = models.alexnet(weights=None).eval()
    torch.save(network.features.state_dict(prefix="features."), tmp_path / "alexnet.pth")
    monkeypatch.setattr(room, "sha256", lambda file: room.TRUNKS["alex"][-12:-4])
    return network.features, tmp_path / "alexnet.pth"


def test_it_is_computed_as_the_paper_says(alexnet):
    lpips = pytest.importorskip("lpips", reason="no lpips: pip install -r requirements-dev.txt")
    features, file = alexnet
    name, metric = room.lpips_metric(file)
    assert name == "lpips-alex"
    result, content = (torch.rand(2, 3, 64, 80, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    heads = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).lins
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    pair = [(2 * image - 1 - shift.view(1, 3, 1, 1)) / scale.view(1, 3, 1, 1) for image in (result, content)]
    expected, head = torch.zeros(2), iter(heads)
    with torch.no_grad():
        for index, layer in enumerate(features[:12]):
            pair = [layer(x) for x in pair]
            if index in (1, 4, 7, 9, 11):  # behind each ReLU
                x, y = (x / x.norm(dim=1, keepdim=True) for x in pair)
                weights = next(head).model[-1].weight.flatten()
                expected += ((x - y).square() * weights.view(1, -1, 1, 1)).sum(1).mean((1, 2))
    assert metric({"result": result, "content": content}).tolist() == pytest.approx(expected.tolist(), rel=1e-3)
    assert metric({"result": result, "content": result}).tolist() == [0, 0]


def test_a_study_has_it(alexnet, tmp_path):
    pytest.importorskip("lpips", reason="no lpips: pip install -r requirements-dev.txt")
    impasto.read(impasto.samples.content("cat", 64)).save(tmp_path / "cat.png")
    study = Study(
        (tmp_path / "cat.png",), (), {"unpainted": impasto.Pipeline()}, metrics=("ssim",), lpips=str(alexnet[1])
    )
    (row,) = StudyRun(study, tmp_path / "out").rows()
    assert row.values == {"ssim": 1, "lpips-alex": 0}
    assert "lpips" in row.measured_by["lpips-alex"]


def test_the_files_are_those_of_torchvision():
    kinds = (models.AlexNet_Weights, models.VGG16_Weights, models.SqueezeNet1_1_Weights)
    assert [kind.IMAGENET1K_V1.url.rpartition("/")[2] for kind in kinds] == list(room.TRUNKS.values())


def test_another_file_does_not_go_under_its_name(tmp_path):
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes(b"something else")
    with pytest.raises(
        impasto.ParameterError, match=r"no network that LPIPS was fitted on\n.*alexnet-owt-7be5be79\.pth"
    ):
        room.lpips_metric(tmp_path / "alexnet-owt-7be5be79.pth")
