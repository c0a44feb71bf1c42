"""Faces are spared, or painted alone; where there are none nothing is pretended."""

import hashlib

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto import ParameterError, StageError, WeightsError
from impasto.testing import parametrize_checks
from impasto.training import train
from impasto.weights import find
from impasto_segment import FaceNetwork, FacesTrainer, MaskFaces
from impasto_segment.face_training import FaceCrops, ellipses, read_boxes
from impasto_segment.faces import LAYERS, NETWORK, face_masks, load_faces

CPU = torch.device("cpu")
FACE = (0.35, 0.10, 0.52, 0.335)
"""Left, top, right, bottom of the astronaut's face, as shares of the picture's sides."""


@parametrize_checks(MaskFaces())
def test_mask_faces(stage, check):
    check(stage)


def inside(picture, box=FACE):
    """The ellipse in a box as a map (H, W)."""
    height, width = picture.shape[-2:]
    x, y = (torch.arange(width) + 0.5) / width, (torch.arange(height)[:, None] + 0.5) / height
    left, top, right, bottom = box
    across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
    return across.square() + down.square() <= 1


@pytest.mark.parametrize("size", [160, 320, 512])
def test_the_astronauts_face_is_spared_and_hardly_more(size):
    astronaut = impasto.samples.content("astronaut", size)
    mask = impasto.Pipeline(MaskFaces()).prepare(astronaut).mask[0, 0]
    face = inside(astronaut)
    assert mask[face].mean() < 0.1
    assert mask.mean() > 0.8


def test_painted_alone_is_what_would_be_spared():
    astronaut = impasto.samples.content("astronaut", 256)
    spared, painted = (impasto.Pipeline(MaskFaces(faces=faces)).prepare(astronaut).mask for faces in ("spare", "paint"))
    torch.testing.assert_close(spared + painted, torch.ones_like(spared))


def test_without_a_face_all_is_painted_and_painting_faces_alone_is_refused():
    coffee = impasto.samples.content("coffee", 256)
    with pytest.warns(UserWarning, match="no face was found: painted whole"):
        assert impasto.Pipeline(MaskFaces()).prepare(coffee).mask is None
    with pytest.raises(StageError, match="no face was found"):
        impasto.Pipeline(MaskFaces(faces="paint")).prepare(coffee)


def test_each_picture_of_a_batch_has_its_own():
    astronaut, coffee = impasto.samples.content("astronaut", 192), impasto.samples.content("coffee", 192)
    coffee = torch.nn.functional.interpolate(coffee, astronaut.shape[-2:])
    with torch.no_grad():
        masks = face_masks(torch.cat([astronaut, coffee]), load_faces(find(NETWORK)))
    assert masks[0].max() == 1
    assert masks[1].max() == 0


def test_the_record_is_that_of_the_file():
    data = find(NETWORK).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (NETWORK.sha256, NETWORK.size)
    assert len(data) < 300_000


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda x: x.pop("leave.bias"), "lacks leave.bias"),
        (lambda x: x.clear() or x.update({"other": torch.zeros(1)}), "lacks|no part"),
        (lambda x: x.update({"leave.bias": torch.full((1,), torch.nan)}), "not finite"),
    ],
)
def test_a_wrong_file_is_refused(spoil, what, tmp_path):
    state = dict(FaceNetwork(4).state_dict())
    spoil(state)
    torch.save(state, tmp_path / "faces.pth")
    with pytest.raises(WeightsError, match=what):
        load_faces(tmp_path / "faces.pth")


# --------------------------------------------------------------------------------------------------------- training


@pytest.fixture
def labelled(tmp_path):
    """A folder with a face and without, and the box around it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("astronaut", "coffee"):
        save_image(impasto.samples.content(name, 256), folder / f"{name}.png")
    height, width = impasto.samples.content("astronaut", 256).shape[-2:]
    box = [round(share * side) for share, side in zip(FACE, (width, height) * 2, strict=True)]
    (tmp_path / "boxes.csv").write_text(f"file,left,top,right,bottom\nastronaut.png,{','.join(map(str, box))}\n")
    return {"images": str(folder), "boxes": str(tmp_path / "boxes.csv"), "size": 64, "batch": 4}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:mask-faces. no face was found")  # forty steps may not be enough
def test_training_learns_and_gives_what_the_stage_takes(labelled, tmp_path):
    task = FacesTrainer(**labelled, learning_rate=1e-2).task(CPU)
    batch = task.batch(torch.Generator().manual_seed(9))

    def loss():
        with torch.no_grad():
            _, found = next(task.losses(task.networks, batch, torch.Generator()))
        return float(found["entropy"] + found["overlap"])

    before = loss()
    (file,) = train(task, tmp_path / "run", steps=40, average=0.9)
    assert loss() < 0.8 * before
    canvas = impasto.Pipeline(MaskFaces(network=str(file))).prepare(impasto.samples.content("astronaut", 96))
    assert canvas.mask is None or 0 < canvas.mask.mean() < 1


def test_a_crop_and_its_map_go_together(labelled):
    crops = FaceCrops(
        [*map(impasto.files.local_path, [labelled["images"] + "/astronaut.png"])], read_boxes(labelled["boxes"]), 64
    )
    drawn = crops.draw(8, torch.Generator().manual_seed(0))
    assert drawn["image"].shape == (8, 3, 64, 64)
    assert drawn["faces"].shape == (8, 1, 16, 16)
    assert 0 < drawn["faces"].mean() < 1


def test_an_ellipse_has_its_area():
    found = ellipses([(10, 20, 50, 80)], (0, 0, 100, 100), 400)
    assert float(found.mean()) == pytest.approx(torch.pi * 20 * 30 / 100**2, rel=0.01)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name,x\na.png,1\n", "begins with 'name,x'"),
        ("file,left,top,right,bottom\na.png,1,2,three,4\n", "line 2 is no box"),
    ],
)
def test_boxes_that_are_none_are_refused(text, what, tmp_path):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(ParameterError, match=what):
        read_boxes(str(tmp_path / "boxes.csv"))


def test_pictures_without_any_box_are_refused(labelled, tmp_path):
    (tmp_path / "boxes.csv").write_text("file,left,top,right,bottom\nother.png,1,2,3,4\n")
    with pytest.raises(ParameterError, match="no picture has a box"):
        FacesTrainer(**labelled | {"boxes": str(tmp_path / "boxes.csv")}).task(CPU)


def test_features_of_any_size_give_a_map_of_a_quarter():
    features = impasto.encoder("slim19").features(torch.rand(1, 3, 80, 112), list(LAYERS))
    assert FaceNetwork(8)(features).shape == (1, 1, 20, 28)
