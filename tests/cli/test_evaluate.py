"""`impasto evaluate`: a table, files and a page of pipelines side by side, resumed, and with what failed named."""

import csv
import json
import math
import re
import shutil
from pathlib import Path

import pytest
import torch

import impasto
from impasto.cli import main
from impasto.functional import metrics


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder of two contents and one of two styles."""
    made = tmp_path_factory.mktemp("drawn")
    for kind, draw, names in (
        ("contents", impasto.samples.content, ("astronaut", "coffee")),
        ("styles", impasto.samples.style, ("mosaic", "wave")),
    ):
        (made / kind).mkdir()
        for name in names:
            impasto.read(draw(name, 64)).save(made / kind / f"{name}.png")
    return made


@pytest.fixture
def folder(installed, drawn, tmp_path):
    """The folder in which a test works, with contents and styles."""
    return shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)


STUDY = ["evaluate", "--content", "contents", "--style", "styles", "--size", "48", "--encoder", "slim19", "-o", "study"]


def rows(file="study/results.csv"):
    with open(file, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_every_picture_is_painted_measured_and_shown(folder, capsys):
    assert main([*STUDY, "--with", "blend", "--with", "soft=blend:amount=0.1"]) == 0
    table = capsys.readouterr().out
    assert "ssim ↑" in table
    assert "8 pictures; study/index.html shows them" in table
    found = rows()
    assert len(found) == 8
    assert {row["painter"] for row in found} == {"blend", "soft"}
    page = Path("study/index.html").read_text(encoding="utf-8")
    for row in found:
        result = impasto.read(Path("study", row["picture"])).tensor
        content = impasto.read(f"study/inputs/contents/{row['content']}.png").tensor
        assert max(result.shape) == 48
        assert float(row["ssim"]) == metrics.structural_similarity(result, content).item()
        assert f'src="{row["picture"]}"' in page
    record = json.loads(Path("study/results.json").read_text(encoding="utf-8"))
    assert impasto.Pipeline.from_toml(record["study"]["painters"]["soft"]["pipeline"]).stages[0].amount == 0.1
    soft = [float(row["gram-loss"]) for row in found if row["painter"] == "soft"]
    assert record["means"]["soft"]["gram-loss"] == pytest.approx(sum(soft) / 4)
    assert record["means"]["soft"]["ssim"] > record["means"]["blend"]["ssim"]


def test_a_killed_study_goes_on_where_it_was(folder, capsys, monkeypatch):
    """What was painted is not painted again, half a line of progress does no harm, and the figures are the same."""
    whole = [*STUDY, "--with", "blend:noise=0.1"]
    assert main(whole) == 0
    expected = [{key: row[key] for key in ("painter", "content", "style", "ssim", "cfsd", "s")} for row in rows()]
    progress = Path("study/progress.jsonl")
    lines = progress.read_text(encoding="utf-8").splitlines(keepends=True)
    progress.write_text("".join(lines[:2]) + lines[2][:50], encoding="utf-8")
    painted = []
    paint = impasto.Pipeline.__call__
    monkeypatch.setattr(impasto.Pipeline, "__call__", lambda self, *a, **k: painted.append(1) or paint(self, *a, **k))
    assert main(whole) == 0
    assert len(painted) == 2
    found = [{key: row[key] for key in expected[0]} for row in rows()]
    for before, after in zip(expected, found, strict=True):
        assert {**before, "s": 0} == {**after, "s": 0}
    assert [row["s"] for row in found[:2]] == [row["s"] for row in expected[:2]]
    assert main([*whole, "--metrics", "ssim", "--seed", "1"]) == 0  # other pictures
    assert len(painted) == 6


def test_another_metric_is_measured_of_the_pictures_there_are(folder, monkeypatch):
    assert main([*STUDY, "--with", "blend", "--metrics", "ssim"]) == 0
    assert "gram-loss" not in rows()[0]
    monkeypatch.setattr(impasto.Pipeline, "__call__", None)
    assert main([*STUDY, "--with", "blend", "--metrics", "ssim,gram-loss"]) == 0
    assert all(float(row["gram-loss"]) > 0 for row in rows())


def test_pairs_that_fail_are_named_and_the_rest_goes_on(folder, capsys):
    impasto.read(torch.rand(1, 3, 64, 40)).save("contents/tall.png")
    assert main([*STUDY, "--with", "picky"]) == 1
    said = capsys.readouterr()
    assert "picky, coffee--wave: " in said.err
    assert "too wide" in said.err
    assert "picky (4 of 6) " in said.out
    failed = [row for row in rows() if not row["picture"]]
    assert {row["content"] for row in failed} == {"coffee"}
    assert "too wide" in failed[0]["errors"]
    assert math.isfinite(float(next(row for row in rows() if row["content"] == "tall")["ssim"]))
    assert "too wide" in Path("study/index.html").read_text(encoding="utf-8")


def test_an_interruption_leaves_what_there_is(folder, capsys):
    assert main([*STUDY, "--with", "blend", "--with", "slow:steps=3:stop=2"]) == 130
    assert "7 pictures are not done" in capsys.readouterr().err
    assert [row["painter"] for row in rows()] == ["blend"]


def test_pictures_painted_elsewhere_stand_beside(folder):
    theirs = folder / "theirs"
    theirs.mkdir()
    for content in ("astronaut", "coffee"):
        for style, name in (("mosaic", "{}_stylized_{}.jpg"), ("wave", "{}--{}.png")):
            impasto.read(impasto.samples.content(content, 40)).save(theirs / name.format(content, style))
    assert main([*STUDY, "--with", "blend", "--pictures", "theirs"]) == 0
    found = [row for row in rows() if row["painter"] == "theirs"]
    assert len(found) == 4
    assert float(found[1]["ssim"]) > 0.9  # the content itself, smaller
    assert found[0]["s"] == ""


def test_a_missing_picture_is_named(folder, capsys):
    (folder / "theirs").mkdir()
    assert main([*STUDY, "--pictures", "theirs"]) == 1
    assert "astronaut_stylized_mosaic.png" in capsys.readouterr().err


def test_pairs_go_one_by_one(folder):
    assert main([*STUDY, "--pairs", "--with", "blend"]) == 0
    assert [(row["content"], row["style"]) for row in rows()] == [("astronaut", "mosaic"), ("coffee", "wave")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing paints"),
        (["--with", "blend", "--metrics", "sim"], "did you mean 'ssim'"),
        (["--with", "blend", "--with", "blend"], "two are called blend"),
        (["--with", "bland"], "did you mean 'blend'"),
        (["--pictures", "nowhere"], "no folder nowhere"),
        (
            ["--with", "blend", "--content", "contents", "contents/../styles/mosaic.png", "styles/wave.png", "--pairs"],
            "no pairs",
        ),
        (["--with", "blend", "--content", "contents/coffee.png", "styles/../contents/coffee.png"], "have one name"),
        (["--with", "blend", "--encoder", "slim"], "did you mean 'slim19'"),
    ],
)
def test_a_mistake_is_explained_before_anything_is_painted(folder, capsys, arguments, message):
    assert main([*STUDY, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("study/pictures").exists()


def test_a_plugins_metric_stands_in_the_table(installed, folder, plugin_metric, capsys):
    assert main([*STUDY, "--with", "blend", "--metrics", "brightness,broken"]) == 1
    said = capsys.readouterr()
    assert "brightness ↑" in said.out
    assert "broken was not measured of some pictures: no number" in said.err
    first = rows()[0]
    assert float(first["brightness"]) == pytest.approx(impasto.read(f"study/{first['picture']}").tensor.mean().item())
    assert first["errors"] == "broken: no number"


@pytest.fixture
def plugin_metric(installed):
    def brightness(result):
        """Return the mean of all values."""
        return result.mean((1, 2, 3))

    def broken(result):
        raise ArithmeticError("no number")

    class Measures:
        __name__ = "impasto-measures 1.0"

        @impasto.hookimpl
        def impasto_metrics(self):
            return {"brightness": metrics.Metric(brightness, better="higher"), "broken": metrics.Metric(broken)}

    installed.register(Measures())


def test_ranks_come_of_what_raters_answered(folder, capsys):
    """Two raters, one file each; the pictures that are handed out say nothing of who painted them."""
    command = [*STUDY, "--with", "blend", "--with", "soft=blend:amount=0.1", "--rate"]
    assert main(command) == 0
    page = Path("study/rating/index.html").read_text(encoding="utf-8")
    assert "blend" not in page
    assert "soft" not in page
    handed_out = json.loads(re.search(r'id="study">(.*?)</script>', page)[1])
    assert len(handed_out["sets"]) == 4
    assert all(
        (Path("study/rating") / f"{name}.png").is_file() for one in handed_out["sets"] for name in one["pictures"]
    )
    assert b"blend" not in b"".join(file.read_bytes() for file in Path("study/rating").glob("*.png"))

    names = {file.read_bytes(): file.stem for file in Path("study/rating").glob("*.png")}
    soft = {
        names[file.read_bytes()]
        for file in Path("study/rating").glob("*.png")
        if any(
            torch.equal(impasto.read(file).tensor, impasto.read(painted).tensor)
            for painted in Path("study/pictures/soft").glob("*.png")
        )
    }
    for rater, liked in (("ada", True), ("ben", True), ("cyd", False)):
        votes = [
            {"left": left, "right": right, "better": "left" if (left in soft) == liked else "right"}
            for left, right in (one["pictures"] for one in handed_out["sets"])
        ]
        text = json.dumps({"study": handed_out["identity"], "rater": rater, "votes": [*votes, votes[0]]})
        Path(f"study/ratings/{rater}.json").write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(command) == 0
    assert "preferences of 3 raters" in capsys.readouterr().out
    found = rows("study/ranks.csv")
    assert [rank["painter"] for rank in found] == ["soft", "blend"]
    assert float(found[0]["preferred"]) == pytest.approx(2 / 3)
    assert float(found[0]["strength"]) == pytest.approx(math.log(8.5 / 4.5) / 2)
    assert found[0]["compared"] == "12"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no JSON", "no file of answers"),
        ("[]", "no file of answers"),
        (
            '{"rater": "eve", "votes": [{"left": "a", "right": "b", "better": "left"}]}',
            "pictures that this study does not",
        ),
    ],
)
def test_a_file_that_holds_no_answers_is_named(folder, capsys, text, message):
    Path("study/ratings").mkdir(parents=True)
    Path("study/ratings/eve.json").write_text(text, encoding="utf-8")
    assert main([*STUDY, "--with", "blend", "--with", "soft=blend:amount=0.1", "--pairs", "--rate"]) == 2
    said = capsys.readouterr().err
    assert "eve.json" in said
    assert message in said
