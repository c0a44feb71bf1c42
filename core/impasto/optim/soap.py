"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, for networks made of convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class Soap(torch.optim.Optimizer):
    """SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's preconditioner, which decorrelates gradients.

    Features of neighbouring channels and positions are much alike, so a convolution's loss is a narrow valley, which
    Adam follows in small steps.  Each convolution is treated as one matrix, its bias a further column for an input
    that is always 1.  On the decoders of WCT 200 such steps do what 2,000 of Adam's do not.

    Args:
        network: its convolutions and linear layers are trained, and nothing else of it.
        lr: learning rate, of the size that suits Adam.
        betas: decays of the mean and of the square of the gradient, and (the second) of its covariances.
        every: steps between renewals of the basis.

    Example:
        >>> import torch
        >>> layer = torch.nn.Conv2d(3, 8, 3)
        >>> optimiser = Soap(layer)
        >>> layer(torch.rand(1, 3, 8, 8)).square().mean().backward()
        >>> optimiser.step()
    """

    def __init__(
        self, network: nn.Module, lr: float = 3e-3, betas: tuple[float, float] = (0.95, 0.95), every: int = 10
    ) -> None:
        layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
        groups = [
            {"params": [p for p in (layer.weight, layer.bias) if p is not None], "betas": betas, "every": every}
            for layer in layers
        ]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step."""
        assert closure is None
        for group in self.param_groups:
            parameters = group["params"]
            if any(p.grad is None for p in parameters):
                continue
            gradient = as_matrix(p.grad for p in parameters)
            change = self._change(self.state[parameters[0]], gradient, group["betas"], group["every"])
            start = 0
            for p in parameters:
                columns = p[0].numel() if p.ndim > 1 else 1
                p.sub_(group["lr"] * change[:, start : start + columns].reshape(p.shape))
                start += columns

    def _change(self, state: dict[str, Tensor], gradient: Tensor, betas: tuple[float, float], every: int) -> Tensor:
        slow, fast = betas[1], betas[0]
        sides = {"left": gradient @ gradient.mT, "right": gradient.mT @ gradient}
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device="cpu")
            state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
            for side, products in sides.items():
                state[side] = torch.zeros_like(products)
                # The first gradient alone has few directions; those it lacks may be any.
                state[f"{side} basis"] = torch.linalg.qr(products + products.trace() * 1e-6 * eye(products))[0]
        state["step"] += 1
        step = int(state["step"])
        left, right = state["left basis"], state["right basis"]
        state["mean"].lerp_(gradient, 1 - fast)
        state["square"].lerp_((left.mT @ gradient @ right).square(), 1 - slow)
        mean = left.mT @ state["mean"] @ right / (1 - fast**step)
        change = left @ (mean / ((state["square"] / (1 - slow**step)).sqrt() + 1e-8)) @ right.mT
        for side, products in sides.items():
            state[side].lerp_(products, 1 - slow)
            if step % every == 0 or step in (1, 3):
                # One step of power iteration, which turns the old basis into nearly that of today.
                state[f"{side} basis"] = torch.linalg.qr(state[side] @ state[f"{side} basis"])[0]
        return change


def as_matrix(gradients: Iterable[Tensor]) -> Tensor:
    """Return the gradients of a layer's weight and bias as one float32 matrix, a row for each output."""
    return torch.cat([gradient.reshape(len(gradient), -1).float() for gradient in gradients], dim=1)


def eye(like: Tensor) -> Tensor:
    """Return the identity as large as a square matrix."""
    return torch.eye(len(like), device=like.device, dtype=torch.float32)
