"""`import impasto` is quick, and leaves the cores to those who work."""

import os
import subprocess
import sys

import pytest

SHOW = "import os; print(os.environ.get('GOMP_SPINCOUNT'))"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}])"
WORKER = (
    "import multiprocessing, os\n"
    "from multiprocessing import Process\n"
    "def show():\n    print(os.environ.get('GOMP_SPINCOUNT'))\n"
    "worker = multiprocessing.get_context('fork').Process(target=show)\nworker.start()\nworker.join()"
)


def output(*arguments, **variables):
    """Return what a Python prints in an environment in which nobody has set how threads wait."""
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment | variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("where", ["import", "script", "child", "worker"])
def test_waiting_threads_spin_shortly(where):
    if where == "worker" and sys.platform in ("win32", "darwin"):
        pytest.skip("processes are not forked there")
    start = "from impasto.cli import main" if where == "script" else "import impasto"
    then = {"child": CHILD, "worker": WORKER}.get(where, SHOW)
    assert output("-c", f"{start}\n{then}") == "3000"


def test_python_m_impasto_sets_it_before_torch_is_loaded():
    """As `impasto report` says: it would not have been set after."""
    assert "waiting threads: GOMP_SPINCOUNT=3000, set by Impasto" in output(
        "-m", "impasto", "report", IMPASTO_PLUGINS=""
    )


@pytest.mark.parametrize("variable", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_user_set_is_left(variable):
    value = {"GOMP_SPINCOUNT": "77", "OMP_WAIT_POLICY": "passive"}[variable]
    program = "import impasto, os; print([os.environ.get(name) for name in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')])"
    expected = [value, None] if variable == "GOMP_SPINCOUNT" else [None, value]
    assert output("-c", program, **{variable: value}) == str(expected)


def test_where_torch_was_imported_before_nothing_is_set():
    assert output("-c", f"import torch, impasto; {SHOW}") == "None"


def test_importing_the_package_imports_no_torch():
    assert output("-c", "import impasto, sys; print('torch' in sys.modules, 'numpy' in sys.modules)") == "False False"


def test_wings_are_there_when_they_are_asked_for():
    program = "import impasto; print(impasto.notebook.plot.__name__, impasto.testing.check_stage.__name__)"
    assert output("-c", program) == "plot check_stage"
