"""LPIPS, by the package that its authors publish and the network that it was fitted on, given as a file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from ..errors import ParameterError
from ..files import existing_file, local_path, sha256
from ..functional.metrics import Metric
from ..weights import load

TRUNKS = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}
"""Files of torchvision's networks that LPIPS has heads for; each has the beginning of its sha256 in its name."""


def trunk_of(file: Path) -> str:
    """Return which of `TRUNKS` a file is, by its digest.

    Args:
        file: whatever its name.

    Raises:
        ParameterError: none of them; numbers from it would not be LPIPS.
    """
    digest = sha256(file)
    for trunk, name in TRUNKS.items():
        begins = re.search(r"-([0-9a-f]{8})\.pth$", name)
        if begins is not None and digest.startswith(begins[1]):
            return trunk
    raise ParameterError(
        f"{file}: is no network that LPIPS was fitted on\n"
        f"  what would work: {', '.join(TRUNKS.values())}, of torchvision"
    )


def lpips_metric(path: str | Path) -> tuple[str, Metric]:
    """Return LPIPS between result and content (Zhang et al. 2018), with its name: `lpips-alex`, `lpips-vgg`, …

    Args:
        path: the weights of AlexNet, VGG-16 or SqueezeNet 1.1 as torchvision publishes them; nothing is downloaded.

    Raises:
        ParameterError: another file.
        ImportError: the package lpips is not installed.
    """
    file = existing_file(local_path(path), "")
    trunk = trunk_of(file)
    try:
        import lpips
    except ImportError as error:
        raise ImportError("LPIPS needs the package of its authors\n  what to type: pip install lpips") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks torchvision for networks in an older way
        network = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False).eval().requires_grad_(False)
    known = load(file)
    # Its slices keep the numbers that torchvision's layers have.
    network.net.load_state_dict(
        {name: known[re.sub(r"^slice\d+", "features", name)] for name in network.net.state_dict()}
    )
    return f"lpips-{trunk}", Metric(_measure(network))


def _measure(network: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    def lpips_distance(result: Tensor, content: Tensor) -> Tensor:
        """Return LPIPS between result and content (Zhang et al. 2018)."""
        found: Tensor = network.to(result.device)(result.float(), content.float(), normalize=True)
        return found.flatten()

    return lpips_distance
