"""The pretend accelerator minds what a real one minds, and nothing else; stages of every kind run on it."""

import subprocess
import sys

import pytest
import torch

import impasto
from impasto import testing
from impasto.testing import PretendAccelerator

KINDS = "cuda", "mps"


@pytest.fixture(params=KINDS)
def kind(request):
    if getattr(torch, request.param).is_available():
        pytest.skip(f"{request.param} is here")
    return request.param


# ------------------------------------------------------------------------------------------------ what it minds

FAULTS = {
    "an operation of two devices": lambda x: x + torch.ones(4),
    "a product of two devices": lambda x: torch.ones(4, 4) @ x,
    "an operation in place": lambda x: torch.zeros(4).add_(x),
    "a joint tensor": lambda x: torch.cat([x, torch.zeros(4)]),
    "a network of the CPU": lambda x: torch.nn.Linear(4, 4)(x),
    "NumPy": lambda x: x.numpy(),
    "NumPy, by its own means": lambda x: __import__("numpy").asarray(x),
    "a generator of the CPU": lambda x: torch.rand(4, device=x.device, generator=torch.Generator()),
    "its generator for the CPU": lambda x: torch.rand(4, generator=torch.Generator(x.device)),
    "a product of whole numbers": lambda x: torch.ones(4, 4, device=x.device, dtype=torch.long) @ x.long(),
}

FLOAT64 = {
    "double": lambda x: x.double(),
    "double before the CPU": lambda x: x.double().cpu(),
    "to": lambda x: x.to(torch.float64),
    "a tensor made there": lambda x: torch.zeros(3, dtype=torch.float64, device=x.device),
    "like another": lambda x: torch.zeros_like(x, dtype=torch.float64),
    "new": lambda x: x.new_zeros(3, dtype=torch.float64),
    "a sum": lambda x: x.sum(dtype=torch.float64),
    "a tensor brought there": lambda x: torch.ones(3, dtype=torch.float64).to(x.device),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_device_refuses_is_an_error(kind, fault):
    with PretendAccelerator(kind), pytest.raises((RuntimeError, TypeError)):
        FAULTS[fault](torch.arange(4.0, device=kind))


@pytest.mark.parametrize("fault", FLOAT64)
def test_mps_has_no_float64(fault):
    with PretendAccelerator("mps"), pytest.raises(TypeError, match="float64"):
        FLOAT64[fault](torch.arange(4.0, device="mps"))
    with PretendAccelerator("cuda"):
        assert FLOAT64[fault](torch.arange(4.0, device="cuda")).dtype == torch.float64


def test_an_operation_without_a_kernel_is_an_error():
    from impasto.testing import kernels

    if not kernels._functions_of_mps():
        pytest.skip("no torchgen here")
    with PretendAccelerator("mps"), pytest.raises(NotImplementedError, match="MPS backend"):
        torch.linalg.eig(torch.eye(3, device="mps"))
    with PretendAccelerator("mps"):
        torch.linalg.solve(torch.eye(3, device="mps"), torch.ones(3, device="mps"))


# ------------------------------------------------------------------------------------------- what it does not mind

FINE = {
    "a number of the CPU": lambda x: x * torch.tensor(2.0),
    "made there": lambda x: x + torch.ones(4, device=x.device) + x.new_zeros(4) + torch.zeros_like(x),
    "brought there": lambda x: x + torch.ones(4).to(x) + torch.ones(4).to(x.device) + torch.ones(4).to(device=x.device),
    "indices of the CPU": lambda x: x[torch.tensor([1, 2])],
    "its own generator": lambda x: torch.rand(4, device=x.device, generator=torch.Generator(x.device)),
    "copied over": lambda x: torch.zeros(4).copy_(x),
    "a network brought there": lambda x: torch.nn.Linear(4, 4).to(x.device)(x),
    "the CPU, then float64": lambda x: x.cpu().double(),
    "NumPy, from the CPU": lambda x: torch.from_numpy(x.cpu().numpy()),
    "masked": lambda x: torch.where(x > 1, x, 0.0).masked_fill(x > 2, 1.0)[x > 1],
}


@pytest.mark.parametrize("case", FINE)
def test_what_a_device_takes_is_no_error(kind, case):
    with torch.random.fork_rng(devices=[]):
        FINE[case](torch.arange(4.0))
        with PretendAccelerator(kind):
            FINE[case](torch.arange(4.0, device=kind))


def test_its_values_and_gradients_are_the_cpus(kind):
    def slope(device):
        x = torch.arange(1.0, 5.0, device=device, requires_grad=True)
        exact = impasto.functional.in_double(x * 2).log().sum()
        return torch.autograd.grad((x**3).sum() + exact.to(x.dtype).to(x.device), x)[0].cpu()

    with PretendAccelerator(kind):
        found = slope(kind)
    assert type(found) is torch.Tensor
    assert torch.equal(found, slope("cpu"))


def test_waits_are_counted(kind):
    with PretendAccelerator(kind) as accelerator:
        x = torch.arange(4.0, device=kind)
        assert not accelerator.waits
        x.sum().item(), x.cpu(), x.nonzero()
    assert accelerator.waits == {"item": 1, "download": 1, "nonzero": 1}


def test_torch_is_afterwards_as_it_was(kind):
    before = torch.Generator, torch.cuda.is_available, torch.mps.manual_seed, torch.autograd._engine_run_backward
    with PretendAccelerator(kind):
        assert getattr(torch, kind).is_available() or torch.backends.mps.is_available()
    assert before == (
        torch.Generator,
        torch.cuda.is_available,
        torch.mps.manual_seed,
        torch.autograd._engine_run_backward,
    )


# --------------------------------------------------------------------------------------------- stages with faults


def stage(paint):
    class Faulty(impasto.Stylizer, name="faulty"):
        """Paint in a way that only the CPU takes."""

        def stylize(self, content, styles, guides):
            return paint(self, content, guides)

    return Faulty()


def mixes(stage, content, guides):
    return content * torch.linspace(0, 1, content.shape[-1])


def mixes_with_a_mask(stage, content, guides):
    return content if guides is None else content * torch.ones(content.shape[-1])


def uses_float64(stage, content, guides):
    return (content.double() ** 2).float()


def draws_for_the_cpu(stage, content, guides):
    noise = torch.rand(content.shape, device=content.device, generator=stage.generator("cpu"))
    return (content + 0.1 * noise).clamp(0, 1)


@pytest.mark.parametrize(
    ("paint", "said"),
    [
        (mixes, "on a pretend cuda device fails"),
        (mixes_with_a_mask, "with a mask on a pretend mps device fails"),
        (uses_float64, "on a pretend mps device fails"),
        (draws_for_the_cpu, "for generator"),
    ],
)
def test_the_kit_finds_what_would_not_run_on_an_accelerator(paint, said):
    testing.runs_on_an_accelerator(stage(lambda stage, content, guides: content))
    with pytest.raises(AssertionError, match=said):
        testing.runs_on_an_accelerator(stage(paint))


# --------------------------------------------------------------------------------------------------- pipelines


@pytest.mark.parametrize("place", ["cpu", "device"])
def test_what_the_caller_gives_may_lie_anywhere(kind, place):
    content, style = impasto.samples.content("cat", 48), impasto.samples.style("wave", 48)
    left = (torch.arange(content.shape[-1]) < 20).float().expand(1, 1, *content.shape[-2:]).clone()
    halves = torch.full((1, 2, *style.shape[-2:]), 0.5)

    def paint(where, given, other):
        return impasto.Pipeline.parse("adain:statistic=mean-std")(
            content.to(given),
            impasto.Style(style.to(given), guides=halves.to(other)),
            mask=left.to(other),
            guides={"a": left.to(other), "b": (1 - left).to(given)},
            device=where,
            precision="float32",
        )

    on_cpu = paint("cpu", "cpu", "cpu")
    with PretendAccelerator(kind):
        found = paint(kind, kind if place == "device" else "cpu", kind)
    torch.testing.assert_close(found.tensor, on_cpu.tensor, atol=1e-4, rtol=0)


def tf32():
    if hasattr(torch.backends.cudnn, "conv"):
        return torch.backends.cudnn.conv.fp32_precision == "tf32"
    return torch.backends.cudnn.allow_tf32


def test_a_run_in_float32_keeps_all_digits_on_cuda():
    seen = []

    def look(stage, content, guides):
        seen.append(tf32())
        return content

    content, before = impasto.samples.content("cat", 32), tf32()
    pipe = impasto.Pipeline(stage(look))
    with PretendAccelerator("cuda"):
        for precision in ("float32", "auto"):
            pipe(content, content, device="cuda", precision=precision)
            assert tf32() == before
    pipe(content, content, device="cpu", precision="float32")
    assert seen == [False, before, before]


# -------------------------------------------------------------------------------------- other defaults of torch


def made_without_dtype(stage, content, guides):
    return content * torch.linspace(0.1, 0.7, content.shape[-1], device=content.device)


def made_without_device(stage, content, guides):
    return content * torch.ones(3, dtype=content.dtype).view(3, 1, 1)


def divides_whole_numbers(stage, content, guides):
    return content * ((torch.arange(content.shape[-1], device=content.device) + 0.7) / 99)


def mended(stage, content, guides):
    return content * torch.linspace(0.1, 0.7, content.shape[-1], device=content.device, dtype=content.dtype)


@pytest.mark.parametrize("paint", [made_without_dtype, made_without_device, divides_whole_numbers])
def test_the_kit_finds_what_minds_torchs_defaults(paint):
    testing.does_not_mind_torchs_defaults(stage(mended))
    with pytest.raises(AssertionError, match="set_default_dtype"):
        testing.does_not_mind_torchs_defaults(stage(paint))
    assert torch.get_default_dtype() == torch.float32
    assert torch.empty(0).device.type == "cpu"


def test_networks_are_loaded_alike_whatever_torchs_defaults_are():
    """In a program of its own, since networks are kept once they are loaded."""
    program = (
        "import torch\n"
        "torch.set_default_dtype(torch.float64)\n"
        "torch.set_default_device('meta')\n"
        "import impasto\n"
        "for stage in ('adain', 'fast', 'local', 'wct', 'cyclegan'):\n"
        "    pipe = impasto.Pipeline.parse(stage)\n"
        "    style = impasto.samples.style('wave', 48)\n"
        "    image = pipe(impasto.samples.content('cat', 48), style, device='cpu', precision='float32').tensor\n"
        "    print(stage, image.dtype, round(float(image.mean()), 5))\n"
    )
    lines = [
        subprocess.run([sys.executable, "-W", "ignore", "-c", text], capture_output=True, text=True, check=False)
        for text in (program, "\n".join(line for line in program.split("\n") if "set_default" not in line))
    ]
    assert lines[0].stdout == lines[1].stdout, lines[0].stderr[-2000:]
    assert lines[0].stdout.count("torch.float32") == 5
