"""A pretend accelerator: whether code would run on CUDA or MPS, found out on a machine that has neither.

Inside `with PretendAccelerator("cuda") as accelerator:` torch says that such a device is there.  Tensors on it say
`device == cuda:0` and hold true values in the CPU's memory; to torch's C++ they are the CPU's, so gradients work.  It
minds what a real one minds, and says it in the same kinds of errors:

- a mix-up: an operation between its tensors and the CPU's, `.numpy()` of one, a generator of another device;
- float64 on mps, which has none;
- an operation that has no kernel there, by torch's own tables: for cuda those of a torch that was built with CUDA, for
  mps the list of functions in the package torchgen, where it is installed beside torch.

It counts, in `waits`, where the host waits for the device: `.item()`, `.cpu()`, sizes that depend on values.

What it cannot tell: speed and memory; another rounding and other random numbers; a kernel that exists and refuses a
dtype or a size; autocast; races between streams; threads, since torch is changed for all of them while it lasts.
"""

# Torch's types foresee no tensor that says it is elsewhere.
# mypy: disable-error-code="override, assignment, attr-defined, call-arg, call-overload, no-any-return, no-untyped-call"

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from typing_extensions import Self

from .kernels import cuda_has, mps_has

MEMORY = 16 << 30  # bytes that the device says it has
LISTS = ("tensor", "as_tensor", "asarray", "new_tensor")  # make a tensor of what lies in ordinary memory
SINGLE_NUMBERS = ("masked_fill", "masked_fill_", "fill", "fill_", "index_fill", "index_fill_", "where")
"""Operations that take a number of the CPU, a tensor without dimensions, beside those that are elementwise."""
INTEGER_PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "mv", "dot", "convolution")
"""Operations that no accelerator has for whole numbers."""
VALUES_DECIDE = ("nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "bincount", "equal")
"""Operations whose result has a size that depends on values, for which the host waits."""


class PretendTensor(Tensor):
    """A tensor of the CPU that says it is on the accelerator."""

    accelerator: PretendAccelerator
    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.accelerator.operation(func, args, kwargs or {})

    device = property(lambda self: self.accelerator.device)
    is_cuda = property(lambda self: self.accelerator.device.type == "cuda")
    is_mps = property(lambda self: self.accelerator.device.type == "mps")
    is_cpu = property(lambda self: False)
    data = property(lambda self: on_device(Tensor.data.__get__(self)), lambda self, new: Tensor.data.__set__(self, new))

    def get_device(self) -> int:
        """Return its number."""
        return 0

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return it elsewhere, or in another dtype."""
        return self.accelerator.moved(self, *args, **kwargs)

    def cpu(self, memory_format: Any = torch.preserve_format) -> Tensor:
        """Return it on the CPU."""
        return self.accelerator.moved(self, "cpu")

    def cuda(self, *_: Any, **__: Any) -> Tensor:
        """Return it as it is."""
        return self

    def tolist(self) -> Any:
        """Return its values."""
        self.accelerator.waits["tolist"] += 1
        return values_of(self).tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Raise, as for any tensor that is not on the CPU."""
        if not force:
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")
        return values_of(self).numpy()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def __format__(self, how: str) -> str:
        return format(self.item(), how) if self.ndim == 0 else object.__format__(self, how)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return values_of(self).__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        twin = on_device(values_of(self)).requires_grad_(self.requires_grad)
        twin._is_param = isinstance(self, torch.nn.Parameter)
        return memo.setdefault(id(self), twin)


def on_device(tensor: Tensor) -> Tensor:
    """Return a tensor of the CPU as one of the accelerator, in the same memory."""
    if isinstance(tensor, PretendTensor) or tensor.is_meta:
        return tensor
    with torch._C._DisableTorchDispatch():
        made: Tensor = Tensor._make_subclass(PretendTensor, tensor, tensor.requires_grad)
    return made


def values_of(tensor: Tensor) -> Tensor:
    """Return a copy on the CPU, without gradient, that nobody notices."""
    with torch._C._DisableTorchDispatch():
        return torch.empty_like(tensor, requires_grad=False).copy_(tensor.detach())


def tensors_in(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors among arguments, and in lists and tuples among them."""
    found: list[Tensor] = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [one for one in value if isinstance(one, Tensor)]
    return found


class Traits(NamedTuple):
    """What torch says about an operation."""

    name: str
    writes: bool
    takes_numbers: bool
    """Whether a number of the CPU, a tensor without dimensions, may stand beside tensors of a device."""

    @classmethod
    @cache
    def of(cls, func: Any) -> Traits:
        """Return those of an operation."""
        name = func._schema.name.removeprefix("aten::")
        numbers = torch.Tag.pointwise in func.tags or name in SINGLE_NUMBERS or name.startswith("_foreach")
        return cls(name, func._schema.is_mutable, numbers)


class _Calls(TorchFunctionMode):
    """Hands every call of a function of torch to the accelerator."""

    def __init__(self, accelerator: PretendAccelerator) -> None:
        super().__init__()
        self.accelerator = accelerator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.accelerator.call(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    """Hands every operation, whoever asks for it, to the accelerator."""

    def __init__(self, accelerator: PretendAccelerator) -> None:
        super().__init__()
        self.accelerator = accelerator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.accelerator.operation(func, args, kwargs or {})


class _Generator(torch.Generator):
    """A generator with the CPU's numbers that may say it is the accelerator's."""

    device = property(lambda self: self.where)

    def __new__(cls, device: Any = "cpu") -> Self:
        made = super().__new__(cls, "cpu")
        made.where = torch.device(device)
        return made


class PretendAccelerator(ExitStack):
    """A block in which torch says that an accelerator is there, and minds what one minds.

    Args:
        kind: of device, "cuda" or "mps".

    Example:
        >>> import torch
        >>> with PretendAccelerator("cuda"):
        ...     torch.ones(2, device="cuda") + torch.ones(2)
        Traceback (most recent call last):
        ...
        RuntimeError: Expected all tensors to be on the same device, but found cuda:0 and cpu (add)
    """

    def __init__(self, kind: str = "cuda") -> None:
        super().__init__()
        self.device = torch.device(kind, 0)
        self.waits: Counter[str] = Counter()
        """How often the host waited, by what for."""
        self._has_kernel = {"cuda": cuda_has, "mps": mps_has}[kind]
        # What a call from Python says about the tensors that C++ makes for it: that they are on the device as those
        # are that it was given, that it takes them away from the device, or that it brings them there.
        self._following = self._leaving = self._entering = False
        # To C++ all are the CPU's, so that gradients forget where they belong: mix-ups there are not the code's.
        self.differentiating = False

    def __enter__(self) -> Self:
        """Have torch say that the device is there."""
        import torch._dynamo  # modes load it, and it looks at functions that are replaced below

        super().__enter__()
        PretendTensor.accelerator = self
        calls = _Calls(self)
        for owner, names in _disguise(self, calls):
            for name, value in names.items():
                self.enter_context(mock.patch.object(owner, name, value, create=True))
        # To C++ a module's parameters have not moved: `Module.to` has to make new ones.
        future = torch.__future__
        self.callback(
            future.set_overwrite_module_params_on_conversion, future.get_overwrite_module_params_on_conversion()
        )
        future.set_overwrite_module_params_on_conversion(True)
        self.enter_context(calls)
        self.enter_context(_Operations(self))
        return self

    def is_here(self, device: Any) -> bool:
        """Return whether a device, as torch's functions take it, is this one."""
        return device is not None and (isinstance(device, int) or torch.device(device).type == self.device.type)

    def moved(self, tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        """Return what `Tensor.to` returns."""
        with torch._C.DisableTorchFunction():
            place, dtype, _, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        other = next((one for one in args if isinstance(one, Tensor)), kwargs.get("other"))
        place = place if other is None else other.device
        on = isinstance(tensor, PretendTensor)
        keep = {} if memory_format is None else {"memory_format": memory_format}
        if place is not None and place.type == "meta":
            return Tensor.to(tensor, place, dtype or tensor.dtype, **keep)
        if place is None or self.is_here(place) == on:
            return Tensor.to(tensor, dtype=dtype or tensor.dtype, copy=copy, **keep)
        self.waits["download" if on else "upload"] += 1
        self._leaving, self._entering = on, not on
        try:
            copied: Tensor = torch.ops.aten._to_copy.default(tensor, dtype=dtype or tensor.dtype, **keep)
            return copied
        finally:
            self._leaving = self._entering = False

    def call(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Do what a function of torch does that Python calls."""
        if self._leaving or self._entering:
            return func(*args, **kwargs)
        if func is Tensor.to:
            return self.moved(*args, **kwargs)
        if func is Tensor.cuda:
            return self.moved(args[0], self.device)
        if func is Tensor.pin_memory:
            return args[0]
        name, device = getattr(func, "__name__", ""), kwargs.get("device")
        on = any(isinstance(one, PretendTensor) for one in tensors_in(args, kwargs))
        generator = kwargs.get("generator")
        wanted = device or (self.device if on else "cpu")
        if generator is not None and self.is_here(generator.device) != self.is_here(wanted):
            raise RuntimeError(f"Expected a {wanted} device type for generator but found {generator.device} ({name})")
        if name in LISTS and (self.is_here(device) or (on and device is None)):
            self.waits["a number in a list" if on else "upload"] += 1
        if self.is_here(device):
            return tree_map_only(Tensor, self._checked, func(*args, **{**kwargs, "device": "cpu"}))
        before = self._following, self._leaving
        self._following, self._leaving = on and device is None, on and device is not None
        try:
            result = func(*args, **kwargs)
        finally:
            self._following, self._leaving = before
        return self._checked(result) if name.startswith("new_") and on and device is None else result

    def operation(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Do what an operation of torch does, whoever asks for it."""
        found, made = tensors_in(args, kwargs), "device" in kwargs and self.is_here(kwargs["device"])
        traits = Traits.of(func)
        on = any(isinstance(one, PretendTensor) for one in found)
        if on:
            self._mind(func, traits, args, found)
        with torch._C._DisableTorchDispatch():
            result = func(*args, **({**kwargs, "device": torch.device("cpu")} if made else kwargs))
        # A number is the CPU's, and so is what the device could not have.
        follows = self._following and not found and traits.name != "scalar_tensor"
        follows = follows and not (isinstance(result, Tensor) and self._lacks(result.dtype))
        into_cpu = on and traits.writes and not isinstance(found[0], PretendTensor)
        if into_cpu or not (made or self._entering or follows or (on and not self._leaving)):
            return result
        return self._checked(result) if isinstance(result, Tensor) else tree_map_only(Tensor, self._checked, result)

    def _lacks(self, dtype: torch.dtype) -> bool:
        return self.device.type == "mps" and dtype in (torch.float64, torch.complex128)

    def _checked(self, tensor: Tensor) -> Tensor:
        """Return a tensor as one of the device, which may lack its dtype."""
        if self._lacks(tensor.dtype):
            if self.differentiating:
                return tensor
            raise TypeError(f"Cannot convert a MPS Tensor to {tensor.dtype} as MPS doesn't support it.")
        return on_device(tensor)

    def _mind(self, func: Any, traits: Traits, args: Any, found: Sequence[Tensor]) -> None:
        """Raise what the device would raise at an operation, and count if the host waits for it."""
        name = traits.name
        elsewhere = [one for one in found if not isinstance(one, PretendTensor) and one.device.type == "cpu"]
        first, large = isinstance(found[0], PretendTensor), any(one.ndim for one in elsewhere)
        indices = args[1] if name.strip("_").startswith("index") and isinstance(args[1], (list, tuple)) else ()
        if elsewhere and (name == "copy_" or (indices and first)):  # indices may come from the CPU
            self.waits["upload" if first else "download"] += 1
        elif elsewhere and name not in ("_to_copy", "set_"):
            fits = traits.takes_numbers and not large and (first or not traits.writes)
            if not (fits or self.differentiating):
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found {self.device} and cpu ({name})"
                )
        if any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in indices):
            self.waits["a boolean index"] += 1
        elif name == "_local_scalar_dense":
            self.waits["item"] += 1
        elif name in VALUES_DECIDE or name == "_linalg_check_errors":
            self.waits[name] += 1
        dtype = found[0].dtype
        whole = name in INTEGER_PRODUCTS and not (dtype.is_floating_point or dtype.is_complex)
        half = dtype in (torch.bfloat16, torch.float16) and ("linalg" in name or "fft" in name)
        if whole or half or not self._has_kernel(func):
            raise NotImplementedError(
                f"Could not run 'aten::{name}' of {dtype} with arguments from the {self.device.type.upper()} backend"
            )


def _disguise(accelerator: PretendAccelerator, calls: _Calls) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give what torch's modules say while the accelerator is there: the owner, and names with their values."""
    cuda, numbers = accelerator.device.type == "cuda", torch.get_rng_state
    differentiate = torch.autograd._engine_run_backward

    def nothing(*_: Any, **__: Any) -> None:
        """Do nothing."""

    def constant(value: Any) -> Callable[..., Any]:
        return lambda *_, **__: value

    def backward(*args: Any, **kwargs: Any) -> Any:
        with calls:  # gradients of one's own compute inside
            before, accelerator.differentiating = accelerator.differentiating, True
            try:
                return differentiate(*args, **kwargs)
            finally:
                accelerator.differentiating = before

    def waited(*_: Any, **__: Any) -> None:
        accelerator.waits["synchronize"] += 1

    silent = ("_lazy_init", "manual_seed", "manual_seed_all", "set_device", "empty_cache", "set_rng_state_all")
    card = mock.Mock(total_memory=MEMORY, major=9, minor=0)
    card.name = "pretend"
    yield (
        torch.cuda,
        {
            **dict.fromkeys(silent, nothing),
            "is_available": constant(cuda),
            "is_initialized": constant(cuda),
            "device_count": constant(int(cuda)),
            "current_device": constant(0),
            "get_device_capability": constant((9, 0)),
            "get_device_properties": constant(card),
            "get_device_name": constant(card.name),
            "is_bf16_supported": constant(True),
            "is_current_stream_capturing": constant(False),
            "get_rng_state": lambda *_: numbers(),
            "get_rng_state_all": lambda: [numbers()] * cuda,
            "set_rng_state": lambda state, *_: torch.set_rng_state(state),
            "mem_get_info": constant((MEMORY, MEMORY)),
            "memory_allocated": constant(0),
            "memory_reserved": constant(0),
            "synchronize": waited,
        },
    )
    yield torch.backends.mps, {"is_available": constant(not cuda), "is_built": constant(not cuda)}
    yield (
        torch.mps,
        {
            **dict.fromkeys(("manual_seed", "set_rng_state"), nothing),
            "get_rng_state": numbers,
            "recommended_max_memory": constant(MEMORY),
            "current_allocated_memory": constant(0),
            "synchronize": waited,
        },
    )
    yield torch, {"Generator": _Generator}
    yield torch.accelerator, {"current_stream": constant(mock.Mock(is_capturing=constant(False)))}
    for owner in (torch.autograd, torch.autograd.graph):
        yield owner, {"_engine_run_backward": backward}
