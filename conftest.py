"""How tests are run: on which device, in which dtype, by how many workers."""

import os
from pathlib import Path

import pytest

# Waiting threads leave their core to those that work; read when torch is loaded, here, by workers, by the kernels of
# lessons and by the programs that tests start.  Where every core has a worker, more threads only wait for each other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    group = parser.getgroup("impasto")
    group.addoption("--device", default="cpu", help="where tests that take `device` run: cpu (default), cuda, mps")
    group.addoption("--dtype", default="float32", help="of the tensors of tests that take `dtype`: float32, float64")


def pytest_configure(config):
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = config.rootpath / "tutorials" / "sanitize.cfg"


def pytest_xdist_auto_num_workers(config):
    """Return a worker for each core, and none for a single file: it is done before a second torch is loaded."""
    paths = {Path(argument.split("::")[0]) for argument in config.args}
    if sum(1 if path.is_file() else len([*path.rglob("test_*.py"), *path.glob("*.ipynb")]) for path in paths) == 1:
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        arguments = item.callspec.params if hasattr(item, "callspec") else {}
        across = getattr(arguments.get("check"), "__name__", "") == "agrees_across_devices"
        elsewhere = "device" in getattr(item, "fixturenames", ()) and config.getoption("--device") != "cpu"
        if across or (elsewhere and "device" not in arguments):
            item.add_marker("gpu")
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def device(request):
    """The device named by `--device`; a test that takes it is marked `gpu` unless that is the CPU."""
    import torch

    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def dtype(request):
    """The dtype named by `--dtype`."""
    import torch

    return getattr(torch, request.config.getoption("--dtype"))
