"""What the tests of the server share."""

import importlib.util
from pathlib import Path

import pytest

for package in ("starlette", "uvicorn", "python_multipart", "httpx"):
    pytest.importorskip(package, reason=f"no {package}: pip install 'impasto[web]' httpx")

FILE = Path(__file__).parents[2] / "benchmarks" / "serve.py"


@pytest.fixture(scope="session")
def attacks():
    """The script that attacks a server, as a module."""
    spec = importlib.util.spec_from_file_location("benchmark_of_serve", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def running(attacks):
    """A real server: its process and its port."""
    pytest.importorskip("impasto_adain")
    pytest.importorskip("impasto_gatys")
    with attacks.server("--stages", "adain,gatys,keep-color,guided-smooth", "--workers", "1") as (process, port):
        yield process, port
