"""Who typed a command is told what to type in a command's words, and who wrote Python in Python's."""

import ast
import re
import warnings
from pathlib import Path

import pytest

import impasto
from impasto import cli
from impasto.cli.errors import print_message
from impasto.cli.wording import command_line_words
from impasto.host import get_host
from impasto.picture import Metadata

STRANGER = '[[stages]]\nstage = "keep"\nfile = "private.pt"\n'
ROOT = Path(__file__).parents[2]
PYTHON = re.compile(
    r"impasto\.[a-z]|\bpipe\(|Pipeline|\bStyle\(|(?<![:\w])[a-z_]\w*=('|\"[^\"]|[(\[{]|True|False|None|\.\.\.)"
    r"|\b(True|False|None)\b|\w\.\w+\(|\bdef \b|\breturn\b"
)
COMMANDS = re.compile(r"(?<![\w-])--(?!upgrade)[a-z]|impasto (paint|run|demo|plugins|weights|doctor|report)\b")
FOR_AUTHORS = (
    *("functional", "optim", "host", "validation.py", "networks/encoders.py", "networks/vgg_encoder.py"),
    *(
        "stage/parameters.py",
        "stage/declared.py",
        "stage/preprocessor.py",
        "stage/presets.py",
        "stage/canvas.py",
        "stage/base.py",
        "stage/context.py",
    ),
    *("picture/arrays.py", "picture/picture.py", "training/trainer.py"),
)
"""Rooms of the host that raise for those who write Python: their plugins, tensors, arrays.  What a stage's own
parameters say is in the test below."""
IN_PYTHON = ("plugins=", "impasto.Pipeline(", "enumerate(", "file.seek(", "PIL.Image.", "uint8")
"""What only a call can be given: objects, batches, open files, images."""


@pytest.mark.parametrize(
    ("python", "command", "words"),
    [
        ("pipe(content, style)", "paint", "impasto paint photo.jpg painting.jpg"),
        ("pipe(content, style)", "run", "--content photo.jpg --style painting.jpg"),
        ("pipe(content)", "paint", "impasto paint photo.jpg, without a painting"),
        ("pipe(…, mask='mask.png')", "paint", "--mask mask.png"),
        ("pipe(content, style, guides={'sky': 'a b.png'})", "paint", "photo.jpg painting.jpg --guides sky=a b.png"),
        (
            "pipe(content, [Style(a, region='sky')], guides={'sky': ...})",
            "paint",
            "photo.jpg sky=sky.jpg --guides sky=…",
        ),
        ("device='auto' or device='cpu'", "run", "--device auto or --device cpu"),
        ("max_pixels=200000000, if you trust", "paint", "--max-pixels 200000000, if you trust"),
        ("bits=16 with .png, or recipe=False", "run", "--bits 16 with .png, or --no-recipe"),
        ("save(..., recipe=True)", "paint", "--recipe"),
        ("Pipeline.load(..., allow=[\"it's\", 'b'])", "run", "--allow 'it'\"'\"'s' --allow b"),
        ("np.asarray(mask) > 0, or np.asarray(mask) * 255", "paint", "type: a picture of the mask in black and white"),
        (
            "Pipeline.parse('mask-file:path=a.png:use=labels, …'), in the place of mask=... or guides=...",
            "paint",
            "--with 'mask-file:path=a.png:use=labels, …', in the place of --mask … or --guides …",
        ),
        ("impasto.Pipeline.parse('superpixels, …')", "paint", "--with 'superpixels, …'"),
        (
            "AdaIN(alpha=...), or Fast(styles=('wave', 'la muse'), shares=(1, 2))",
            "paint",
            "adain:alpha=…, or fast:styles=wave+la muse:shares=1+2",
        ),
        ("impasto.Style(picture, weight=1)", "paint", "painting.jpg:1"),
        (
            "use='labels', levels=(1, 2), pair=False, x='a,b', none=None",
            "paint",
            'use=labels:levels=1+2:pair=false:x="a,b":none=none',
        ),
        (
            "discriminator='patch', transposed=False, sizes=(1, 2)",
            "train",
            "--discriminator patch --no-transposed --sizes 1 2",
        ),
        (
            "0 to 1 (default True), (default ()), (default 'max')",
            "paint",
            "(default true), (default none), (default max)",
        ),
        (
            "sky=#0000ff or 'sun=yellow', /a=b/c.png, 3 == 4, f(x",
            "paint",
            "sky=#0000ff or 'sun=yellow', /a=b/c.png, 3 == 4",
        ),
    ],
)
def test_python_is_said_as_a_command(python, command, words):
    get_host()
    said = command_line_words(f"device='cpu' is what was found\n  what to type: {python}", command)
    assert said.startswith("device='cpu' is what was found\n  what to type: ")
    assert words in said


def messages():
    """Yield where a text that says what to type or what would work stands, and each line of advice in it."""
    files = [*ROOT.glob("core/impasto/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(("core/impasto/cli", "core/impasto/testing", "core/impasto/notebook")):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        whole = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if id(node) in whole or id(node) in documentation:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [str(one.value) if isinstance(one, ast.Constant) else _filled(one) for one in node.values]
                text = "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            for line in text.split("\n"):
                if re.match(r" *(what|or|it) [^:]*: ", line):
                    yield name, node.lineno, line


def _filled(value):
    return (
        "'x'" if value.conversion == ord("r") else "3" if re.search(r"[{\[(]|//|\bblock", ast.unparse(value)) else "x"
    )


def test_every_advice_of_the_library_has_words_for_the_command_line():
    left = [
        f"{name}:{number}: {said.strip()}"
        for name, number, line in messages()
        if not name.removeprefix("core/impasto/").startswith(FOR_AUTHORS) and not any(map(line.count, IN_PYTHON))
        for said in [command_line_words(f"\n{line}").lstrip("\n")]
        if PYTHON.search(said)
    ]
    assert left == [], "\n".join(left)


def test_nobody_who_writes_python_is_told_options():
    left = [f"{name}:{number}: {line.strip()}" for name, number, line in messages() if COMMANDS.search(line)]
    left = [entry for entry in left if "impasto train" not in entry]  # which is no function's name as well
    assert left == [], "\n".join(left)


def test_a_message_holds_no_letter_that_a_terminal_obeys(capsys):
    print_message("a\x1b]0;owned\x07b\nc\u202e")
    assert capsys.readouterr().err == "impasto: a\\x1b]0;owned\\x07b\nc\\u202e\n"


def test_a_warning_is_a_sentence(monkeypatch, capsys):
    class Room:
        @staticmethod
        def execute(given):
            warnings.warn("what to know\n  what would work: device='cpu'", UserWarning, stacklevel=1)
            return 0

    before = warnings.showwarning
    monkeypatch.setattr("impasto.cli.entry.importlib.import_module", lambda *_: Room)
    warnings.simplefilter("always")
    assert cli.main(["weights"]) == 0
    assert capsys.readouterr().err == "impasto: warning: what to know\n  what would work: --device cpu\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize(
    "words",
    [
        "paint photo.png -o out.png --with blend",
        "paint photo.png painting.png -o out.png --with blend:amount=2",
        "paint photo.png painting.png -o out.png --with Blend(amount=2)",
        "paint photo.png painting.png -o out.png --with blend:amuont=1",
        "paint photo.png painting.png -o out.png --with blend --device cuda:99",
        "paint photo.png painting.png -o out.png --with blend --seed 1180591620717411303424",
        "paint photo.png painting.png -o out.png --with blend --seed -1",
        "paint photo.png painting.png -o out.jpg --with blend --bits 16",
        "paint photo.png painting.png -o out.png --with blend --max-pixels 3",
        "paint photo.png sky=painting.png -o out.png --with blend",
        "paint photo.png painting.png -o out.png --with blend --mask small.png",
        "paint photo.png painting.png -o out.png --with blend --mask levels.png",
        "paint photo.png painting.png -o out.png --with blend --guides sky=black.png",
        "paint painting.png -o out.png --with picky",
        "paint photo.png painting.png:0 -o out.png --with blend",
        "paint photo.png -o out.png --with slow:steps=three",
        "paint bomb.png -o out.png --with blend",
        "paint https://example.org/a.png -o out.png",
        "run pipe.toml --content photo.png -o out.png",
        "run picture.png --content photo.png -o out.png",
        "run photo.png --content photo.png -o out.png",
        "run latin.toml --content photo.png -o out.png",
        "run pipe.toml --content photo.png --style painting.png -o out.tga",
        "run pipe.toml --content photo.png --style painting.png -o out.mp4 --device cuda:99",
        "plugins nobody",
        "plugins --check",
        "train nobody",
        "new-plugin Blend()",
    ],
)
def test_what_a_command_says_is_no_python(words, photo, painting, make, capfd):
    make("small.png", (1, 1, 1), (2, 2))
    make("black.png", (0, 0, 0))
    make("levels.png", (1 / 255, 1 / 255, 1 / 255))
    impasto.read("photo.png").replace(meta=Metadata(recipe=STRANGER)).save("picture.png")
    Path("pipe.toml").write_text('[[stages]]\nstage = "blend"\n', encoding="utf-8")
    Path("latin.toml").write_bytes('[[stages]]\nstage = "caf\xe9"\n'.encode("latin-1"))
    Path("bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 30)
    assert cli.main(words.split()) in (1, 2)
    out, err = capfd.readouterr()
    assert err.startswith("impasto: ")
    assert "1 painted" not in out
    assert len(err.splitlines()) > 1, "a message says what would work"
    assert "Traceback" not in err
    assert not PYTHON.search(err.split("\n", 1)[1]), err


@pytest.mark.parametrize(
    "line",
    [
        "did you mean 'b seed=1.png'?",
        "what would work: a file in it, seed=3/photo.jpg",
        "what would work: @impasto.hookimpl(wrapper=True)",
        "what would work: class Mine(impasto.Stylizer, name='mine')",
    ],
)
def test_names_of_files_and_python_that_is_none_of_the_command_lines_stay(line):
    assert command_line_words(f"found\n  {line}") == f"found\n  {line}"


def test_what_nobody_can_parse_stays():
    deep = f"found\n  what to type: pipe({'(' * 50_000}{')' * 50_000})"
    assert command_line_words(deep) == deep


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        ("gatys:init=file", ""),
        ("gatys:style_layer_weights=1+2", ""),
        ("wct:strengths=1", ""),
        ("mask-grabcut:box=0.1+0.1+0.1+0.1", ""),
        ("mask-rectangle:left=0.9:right=0.1", ""),
        ("segment-scribbles:scribbles=c.png:labels=a+b", "scribbles=c.png:"),
        ("analogy:blend=0.5", ""),
        ("quilt:size=64x64:alpha=0.5", "size=64x64:"),
        ("fast:styles=wave:shares=0.7+0.3", ""),
        ("wct-photo:levels=", ""),
    ],
)
def test_what_is_advised_can_be_typed(typed, rest):
    stage = typed.partition(":")[0]
    with pytest.raises(impasto.ParameterError) as refused:
        impasto.Pipeline.parse(typed)
    advice = command_line_words(str(refused.value)).partition("\n")[2]
    assert not PYTHON.search(advice)
    settings = re.findall(r"(?:[a-z-]+:)?[a-z]\w*=[^\s;,]*", advice)
    assert settings, advice
    for setting in settings:
        assert impasto.Pipeline.parse(setting if setting.startswith(f"{stage}:") else f"{stage}:{rest}{setting}").stages


def test_tuples_that_stand_alone_are_lists_of_the_command_line():
    said = command_line_words("x\n  what would work: ('sky=#0000ff', 'a,b'), (1, 2), () or up to (1,000) of (a, b)")
    assert said.endswith('sky=#0000ff+"a,b", 1+2, nothing or up to (1,000) of (a, b)')


def test_a_stage_is_written_as_it_is_typed():
    stages = impasto.Pipeline.parse("match-color, segment-scribbles:scribbles=a b.png:labels=sky=#0000ff+sea=green")
    words = stages.to_line()
    assert words == "match-color, segment-scribbles:scribbles=a b.png:labels=sky=#0000ff+sea=green"
    assert impasto.Pipeline.parse(words).stages == stages.stages
