"""The network: it looks at the picture in blocks of 4×4 pixels, and paints what is added to them."""

import torch.nn.functional as F
from torch import nn

from impasto import WeightsError
from impasto.weights import check_state_dict, load


class Network(nn.Module):
    """Paint pictures (B, 3, H, W), whose sides are multiples of 4, in the style that was learned."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(3 * 16, width, 3, padding=1, padding_mode="replicate")
        self.middle = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate") for _ in range(3))
        self.last = nn.Conv2d(width, 3 * 16, 3, padding=1, padding_mode="replicate")

    def forward(self, image):
        x = F.relu(self.first(F.pixel_unshuffle(image - 0.5, 4)))
        for layer in self.middle:
            x = x + F.relu(layer(x))
        return image + F.pixel_shuffle(self.last(x), 4)


def load_network(path):
    """Return the network of a file; its tensors say how wide it is."""

    def refuse(what):
        return WeightsError(f"{path}: {what}\n  what would work: a file that impasto train one-style wrote")

    tensors = load(path)
    if "first.bias" not in tensors:
        raise refuse("lacks first.bias")
    network = Network(tensors["first.bias"].numel())
    network.load_state_dict(check_state_dict(tensors, network.state_dict(), refuse))
    return network
