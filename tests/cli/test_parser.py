"""The parser: help and mistakes come at once, and nothing is taken without a word."""

import subprocess
import sys

import pytest

import impasto
from impasto.cli.parser import command_line_parser

QUICK = {
    "the version": (["--version"], 0, f"impasto {impasto.__version__}"),
    "help": (["--help"], 0, "new-plugin"),
    "help of a command": (["train", "--help"], 0, "trainer"),
    "nothing": ([], 2, "new-plugin"),
    "a command that does not exist": (["pant"], 2, "paint"),
    "paint without arguments": (["paint"], 2, "required: PHOTO, -o/--out"),
    "an unknown option of paint": (["paint", "a.jpg", "-o", "b.png", "--nonsense"], 2, "--nonsense"),
    "an unknown option of run": (["run", "a.toml", "--content", "a", "-o", "b", "--nonsense"], 2, "--nonsense"),
    "an unknown option of train": (["train", "--nonsense"], 2, "--nonsense"),
    "an unknown option of report": (["report", "--nonsense"], 2, "--nonsense"),
    "an unknown shell": (["completion", "dos"], 2, "zsh"),
    "a weight with a comma": (["paint", "a.jpg", "b.jpg:0,5", "-o", "c.png"], 2, "what to type: b.jpg:0.5"),
    "a region without a file": (["paint", "a.jpg", "-o", "b.png", "--guides", "sky"], 2, "--guides sky=sky"),
    "a new plugin": (["new-plugin", "sketch"], 0, "impasto-sketch is a plugin"),
}


@pytest.mark.parametrize("case", QUICK)
def test_torch_is_not_imported_for(case, tmp_path):
    arguments, code, text = QUICK[case]
    program = (
        "import sys\n"
        "from impasto.cli import main\n"
        "try:\n    code = main(sys.argv[1:])\n"
        "except SystemExit as end:\n    code = end.code\n"
        "loaded = {'torch', 'numpy', 'PIL', 'scipy', 'skimage', 'tqdm'} & sys.modules.keys()\n"
        "print('loaded:', *sorted(loaded))\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.endswith("loaded:\n")
    assert text in done.stdout + done.stderr


def test_every_command_is_a_room_of_its_own():
    for name in command_line_parser().commands:
        room = __import__(f"impasto.cli.{name.replace('-', '_')}", fromlist=["execute"])
        assert callable(room.execute)
