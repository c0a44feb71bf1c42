"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, for networks made of convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn


class Soap(torch.optim.Optimizer):
    """SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's preconditioner, which decorrelates gradients.

    Features of neighbouring channels and positions are much alike, so a convolution's loss is a narrow valley, which
    Adam follows in small steps.  Each convolution is treated as one matrix, its bias a further column for an input
    that is always 1; or, as by its authors, as a tensor of outputs, inputs and positions, each with a basis of its
    own.  On the decoders of WCT 200 such steps do what 2,000 of Adam's do not.

    Args:
        network: its convolutions and linear layers are trained, and nothing else of it.
        lr: learning rate, of the size that suits Adam.
        betas: decays of the mean and of the square of the gradient, and (the second) of its covariances.
        every: steps between renewals of the basis.
        factors: of what a convolution is made: "matrix", the more exact; or "tensor", the cheaper where it is wide:
            a basis of inputs and positions at once has 9 times the side, and takes 81 times as long.

    Example:
        >>> import torch
        >>> layer = torch.nn.Conv2d(3, 8, 3)
        >>> optimiser = Soap(layer)
        >>> layer(torch.rand(1, 3, 8, 8)).square().mean().backward()
        >>> optimiser.step()
    """

    def __init__(
        self,
        network: nn.Module,
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.95, 0.95),
        every: int = 10,
        factors: Literal["matrix", "tensor"] = "matrix",
    ) -> None:
        layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
        parameters = [[p for p in (layer.weight, layer.bias) if p is not None] for layer in layers]
        if factors == "tensor":
            parameters = [[p] for layer in parameters for p in layer]
        groups = [{"params": p, "betas": betas, "every": every, "factors": factors} for p in parameters]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step."""
        assert closure is None
        for group in self.param_groups:
            parameters = group["params"]
            if any(p.grad is None for p in parameters):
                continue
            state = self.state[parameters[0]]
            if group.get("factors") == "tensor":
                (p,) = parameters
                change = self._change(state, as_tensor(p.grad), group["betas"], group["every"])
                p.sub_(group["lr"] * change.reshape(p.shape))
                continue
            gradient = as_matrix(p.grad for p in parameters)
            change = self._change(state, gradient, group["betas"], group["every"])
            start = 0
            for p in parameters:
                columns = p[0].numel() if p.ndim > 1 else 1
                p.sub_(group["lr"] * change[:, start : start + columns].reshape(p.shape))
                start += columns

    def _change(self, state: dict[str, Tensor], gradient: Tensor, betas: tuple[float, float], every: int) -> Tensor:
        slow, fast = betas[1], betas[0]
        sides = SIDES[: gradient.ndim] if gradient.ndim > 1 else ()  # a bias by itself has Adam's own basis
        products = {side: second_moments(gradient, dim) for dim, side in enumerate(sides)}
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device="cpu")
            state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
            for side, moments in products.items():
                state[side] = torch.zeros_like(moments)
                # The first gradient alone has few directions; those it lacks may be any.
                state[f"{side} basis"] = torch.linalg.qr(moments + moments.trace() * 1e-6 * eye(moments))[0]
        state["step"] += 1
        step = int(state["step"])
        bases = [state[f"{side} basis"] for side in sides]
        state["mean"].lerp_(gradient, 1 - fast)
        state["square"].lerp_(turned(gradient, bases).square(), 1 - slow)
        mean = turned(state["mean"], bases) / (1 - fast**step)
        change = turned(mean / ((state["square"] / (1 - slow**step)).sqrt() + 1e-8), [basis.mT for basis in bases])
        for side, moments in products.items():
            state[side].lerp_(moments, 1 - slow)
            if step % every == 0 or step in (1, 3):
                # One step of power iteration, which turns the old basis into nearly that of today.
                state[f"{side} basis"] = torch.linalg.qr(state[side] @ state[f"{side} basis"])[0]
        return change


SIDES = ("left", "right", "position")
"""Outputs, inputs and, of a tensor, positions of a kernel."""


def turned(x: Tensor, bases: Sequence[Tensor]) -> Tensor:
    """Return a matrix or tensor with each of its dimensions in another basis; without bases as it is."""
    if not bases:
        return x
    left, right, *position = bases
    if not position:
        return left.mT @ x @ right
    return right.mT @ (left.mT @ x.flatten(1)).view_as(x) @ position[0]


def second_moments(gradient: Tensor, dim: int) -> Tensor:
    """Return the square matrix of inner products of a gradient's slices along a dimension."""
    rows = gradient.movedim(dim, 0).flatten(1)
    return rows @ rows.mT


def as_tensor(gradient: Tensor) -> Tensor:
    """Return the gradient of a weight or bias in float32, the positions of a kernel as one dimension, if it has any."""
    return (gradient.flatten(2).squeeze(2) if gradient.ndim > 2 else gradient).float()


def as_matrix(gradients: Iterable[Tensor]) -> Tensor:
    """Return the gradients of a layer's weight and bias as one float32 matrix, a row for each output."""
    return torch.cat([gradient.reshape(len(gradient), -1).float() for gradient in gradients], dim=1)


def eye(like: Tensor) -> Tensor:
    """Return the identity as large as a square matrix."""
    return torch.eye(len(like), device=like.device, dtype=torch.float32)
