"""Killed at any moment, no command harms an input or leaves half a file under a final name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).parents[1] / "benchmarks" / "kills.py"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a kill needs a command forked from this one")
@pytest.mark.parametrize(("name", "commands"), [("SIGKILL", ["run", "paint", "train"]), ("SIGTERM", ["run", "paint"])])
def test_a_few_kills_leave_nothing_wrong(name, commands):
    if "train" in commands:
        pytest.importorskip("accelerate", reason="training needs the extra `train`")
    # Hundreds of them: benchmarks/kills.py by hand.
    program = [sys.executable, KILLS, "--kills", "2", "--signal", name, "--only", *commands]
    done = subprocess.run(
        program, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("no fault\n")
