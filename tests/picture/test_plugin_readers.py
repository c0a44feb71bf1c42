"""Files whose suffix Impasto does not know are read by plugins, and held to what holds for every picture."""

import warnings

import numpy as np
import pytest
import torch

import impasto
from impasto import cli
from impasto.picture import picture_suffixes

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def decode(data):
    """A format of a head and rows of bytes: `RAW6`, then pixels of six columns."""
    if data[:4] != b"RAW6":
        raise ValueError("no RAW6")
    return np.frombuffer(data[4:], np.uint8).reshape(-1, 6, 3)


class Raw:
    __name__ = "impasto-raw 1.0"

    def __init__(self, **readers):
        self.readers = readers or {".raw6": decode}

    @impasto.hookimpl
    def impasto_readers(self):
        return {f".{suffix.strip('.')}": reader for suffix, reader in self.readers.items()}


@pytest.fixture
def installed(monkeypatch):
    def installed(*plugins):
        host = impasto.Host(*plugins)
        monkeypatch.setattr("impasto.host.registry._installed", lambda: host)

    return installed


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "photo.RAW6"
    path.write_bytes(b"RAW6" + PIXELS.tobytes())
    return path


def test_a_file_is_read_by_the_plugin_of_its_suffix(installed, file):
    installed()
    with pytest.raises(impasto.PictureError, match="not a picture that can be read"):
        impasto.read(file)
    installed(Raw())
    picture = impasto.read(file)
    assert torch.equal(picture.tensor, torch.from_numpy(PIXELS).permute(2, 0, 1)[None] / 255)
    assert (picture.meta.bits, picture.meta.file, picture.alpha) == (8, str(file), None)
    with file.open("rb") as opened:
        assert torch.equal(impasto.read(opened).tensor, picture.tensor)


def test_a_plugin_is_not_asked_for_what_impasto_reads_by_itself(installed, tmp_path):
    def refuse(data):
        raise AssertionError("asked")

    own = (".png", ".jpg", ".jfif", ".mp4")
    installed(Raw(**dict.fromkeys(own, refuse)))
    for name in ("a.png", "a.jpg", "a.jfif"):
        impasto.read(np.full((8, 8, 3), 99, np.uint8)).save(tmp_path / f"{name}.jpg")
        (tmp_path / f"{name}.jpg").rename(tmp_path / name)
        impasto.read(tmp_path / name)
    assert set(picture_suffixes()).isdisjoint({".jfif", ".mp4"})


def test_folders_and_streams_take_the_suffixes_of_plugins(installed, file, monkeypatch):
    class Plain(impasto.Postprocessor, name="plain"):
        """Leave the picture as it is."""

        def refine(self, image, content, styles):
            return image

    class Both(Raw):
        @impasto.hookimpl
        def impasto_postprocessors(self):
            return [Plain]

    installed(Both())
    impasto.read(torch.full((3, 4, 6), 0.5)).save(file.with_name("another.png"))
    for source in (file.parent, file, str(file.parent / "*")):
        frames = list(impasto.Pipeline(Plain()).stream(source, device="cpu"))
        assert len(frames) == (1 if source == file else 2)
        assert torch.equal(frames[-1].tensor, impasto.read(file).tensor)
    monkeypatch.chdir(file.parent)
    impasto.Pipeline(Plain()).save("plain.toml")
    assert cli.main(["run", "plain.toml", "--content", ".", "--device", "cpu", "-o", "out"]) == 0
    assert torch.equal(impasto.read("out/photo.png").tensor, impasto.read(file).tensor)
    assert cli.main(["paint", file.name, "-o", "painted.png", "--with", "plain", "--device", "cpu"]) == 0
    assert torch.equal(impasto.read("painted.png").tensor, impasto.read(file).tensor)


def test_doctor_says_who_reads_a_file(installed, file, capsys):
    installed(Raw())
    assert cli.main(["doctor", str(file)]) == 0
    out = capsys.readouterr().out
    assert "impasto-raw 1.0" in out
    assert "6 × 4 pixels" in out


def test_limits_of_size_hold(installed, file):
    installed(Raw())
    with pytest.raises(impasto.PictureError, match=r"6 × 4, 24 pixels, over the limit of 23(.|\n)*max_pixels=24"):
        impasto.read(file, max_pixels=23)
    with file.open("ab") as grown:
        grown.truncate(1 << 27)
    with pytest.raises(impasto.PictureError, match="has 134,217,728 bytes or more, over the limit"):
        impasto.read(file, max_pixels=24)


def test_a_damaged_file_is_an_error_that_names_file_and_plugin(installed, file):
    installed(Raw())
    file.write_bytes(b"RAW7")
    with pytest.raises(
        impasto.PictureError, match=r"photo.RAW6 \(read by impasto-raw 1.0\): could not be decoded .*no"
    ):
        impasto.read(file)
    file.write_bytes(b"RAW6" + bytes(17))
    with pytest.raises(impasto.PictureError, match="could not be decoded"):
        impasto.read(file)
    file.write_bytes(b"")
    with pytest.raises(impasto.PictureError, match="could not be decoded"):
        impasto.read(file)


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (None, "gave back None"),
        (torch.zeros(4, 6), "gave back tensor"),
        (np.zeros((2, 4, 6, 3), np.uint8), r"an array \(2, 4, 6, 3\)"),
        (np.zeros((3, 4, 6), np.uint8), r"an array \(3, 4, 6\)"),
        (np.zeros((4, 6, 3), np.int32), "of int32"),
        (np.zeros((4, 6, 3), object), "of object"),
        (np.full((4, 6), np.nan, np.float32), "NaN"),
        (np.full((4, 6), 4.0), "divide it by its white"),
        (np.zeros((4, 6, 3), np.uint32), "uint32"),
    ],
)
def test_what_is_no_picture_is_said_to_be_the_plugins_fault(installed, file, pixels, found):
    installed(Raw(raw6=lambda data: pixels))
    with pytest.raises(impasto.PluginError, match=f"impasto-raw 1.0: its reader of .raw6(.|\n)*{found}"):
        impasto.read(file)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_arrays_of_every_kind_are_taken(installed, file, dtype, channels):
    whole = np.random.default_rng(0).random((3, 6, *channels)) * (1 if "f" in dtype else 200)
    pixels = whole.astype(dtype)
    installed(Raw(raw6=lambda data: pixels))
    picture = impasto.read(file)
    assert picture.size == (3, 6)
    assert (picture.alpha is not None) == (channels == (4,))
    scale = {"1": 255, "2": 65535}[str(pixels.dtype.itemsize)] if "f" not in dtype else 1
    expected = torch.from_numpy(pixels.astype(np.float32))
    expected = (expected if channels else expected[..., None]).permute(2, 0, 1)[:3] / scale
    assert torch.equal(picture.tensor[0], expected.expand(3, -1, -1))


def test_a_raw_file_that_looks_like_a_tiff_is_the_plugins(installed, tmp_path):
    image = impasto.read(np.full((8, 8, 3), 99, np.uint8)).pil()
    image.save(tmp_path / "photo.tif", save_all=True, append_images=[image])
    raw = (tmp_path / "photo.tif").rename(tmp_path / "photo.dng")
    installed(Raw(dng=lambda data: PIXELS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert impasto.read(raw).size == (4, 6)
        assert cli.main(["doctor", str(raw)]) == 0


def test_a_suffix_of_two_plugins_is_read_by_neither(installed, file):
    other = Raw()
    other.__name__ = "impasto-other 1.0"
    installed(Raw(), other)
    with pytest.raises(impasto.PictureError, match=r"impasto-raw 1.0 and impasto-other 1.0 both read .raw6"):
        impasto.read(file)
