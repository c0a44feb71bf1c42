"""The checkpoint of a training: what it keeps of the training itself, and whether another may go on from it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ParameterError, WeightsError, legible
from ..files import files_in, local_path, write_atomically
from ..picture import picture_suffixes
from ..stage import differences, identity
from ..versions import version
from ..weights import open_torch
from .trainer import Task, Trainer

KEPT = {"step": int} | dict.fromkeys(
    ("networks", "averages", "optimisers", "task", "identity", "pictures", "versions"), dict
)
"""What a checkpoint has, and of which type."""


class Checkpoint:
    """The file that a training goes on from, for no training but its own.

    It keeps the trainer's name, values and version, the seed, and which pictures there were.  More steps are welcome;
    where a value, a network or an optimiser is another, or a picture has gone, the training is another, and is refused.

    Args:
        file: where it lies.
        task: what is trained.
        seed: of the training.
    """

    def __init__(self, file: Path, task: Task, seed: int) -> None:
        self.file, self.task = file, task
        trainer = task.made_by
        self.identity, self.pictures, self.versions = {}, {}, {"impasto": version("impasto")}
        if trainer is not None:
            distribution = type(trainer).__module__.partition(".")[0].replace("_", "-")
            self.versions[distribution] = version(distribution)
            self.pictures = _pictures(trainer)
            # Folders of pictures are known by the pictures, and not by where they lie.
            words = {name: value for name, value in identity(trainer).items() if name not in self.pictures}
            self.identity = {"trainer": words.pop("name"), "distribution": distribution, **words}
        self.identity |= {"task": type(task).__qualname__, "seed": str(seed)}
        for name, optimiser in task.optimisers.items():
            rates = sorted({group["lr"] for group in optimiser.param_groups})
            self.identity[f"optimiser {name}"] = f"{type(optimiser).__name__}, rate {', '.join(map(str, rates))}"

    def load(self) -> dict[str, Any] | None:
        """Return the state to go on from; None where there is no file.

        Raises:
            ParameterError: the file is none of a training, or another training's; says what differs.
        """
        if not self.file.exists():
            return None
        try:
            saved = open_torch(self.file)
        except WeightsError as error:
            reason = str(error).partition("\n")[0].removeprefix(f"{self.file}: ")
            raise self._refusal(f"cannot be gone on from: {reason}") from error
        if not (isinstance(saved, dict) and all(isinstance(saved.get(key), kind) for key, kind in KEPT.items())):
            raise self._refusal("is no checkpoint of a training, or one of an older Impasto")
        others = differences(self._with_present_names(saved["identity"]), self.identity) + self._other_tensors(
            saved["networks"]
        )
        for name, kept in saved["pictures"].items():
            now = self.pictures.get(name, torch.empty(0, dtype=torch.int64, device="cpu"))
            if gone := int((~torch.isin(kept, now)).sum()):
                others.append(f"{legible(name)}: {gone} of the {len(kept)} pictures there were are gone or changed")
            elif more := len(now) - len(kept):
                warnings.warn(
                    f"{self.file}: goes on with {more} more pictures ({name}) than the {len(kept)} it began with",
                    stacklevel=3,
                )
        if others:
            raise self._refusal(f"belongs to another training: {'; '.join(others)}")
        if versions := differences(saved["versions"], self.versions):
            warnings.warn(f"{self.file}: goes on with another version: {'; '.join(versions)}", stacklevel=3)
        return saved

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state of the training beside what the training is; a kill while writing leaves the one before."""
        whole = {**state, "identity": self.identity, "pictures": self.pictures, "versions": self.versions}
        write_atomically(self.file, lambda temporary: torch.save(whole, temporary))

    def _with_present_names(self, kept: Mapping[str, str]) -> dict[str, str]:
        """Return an identity that was kept, where the trainer or a parameter had another name, under those of now."""
        trainer = self.task.made_by
        if trainer is None:
            return dict(kept)
        named = {"trainer": trainer.name} if kept.get("trainer") in trainer.was else {}
        return trainer.current_names(kept, warn=False) | named

    def _other_tensors(self, networks: Mapping[str, Mapping[str, Tensor]]) -> list[str]:
        """Return in words the first tensor of each network that is not the one that the checkpoint has."""
        others = []
        for name in {**self.task.networks, **networks}:
            if not (name in self.task.networks and name in networks):
                others.append(f"the network {legible(name)} is only {'there' if name in networks else 'here'}")
                continue
            now = {key: str(tuple(value.shape)) for key, value in self.task.networks[name].state_dict().items()}
            kept = {key: str(tuple(value.shape)) for key, value in networks[name].items()}
            others += [f"{name}: {words}" for words in differences(kept, now)[:1]]
        return others

    def _refusal(self, what: str) -> ParameterError:
        return ParameterError(
            f"{self.file}: {what}\n"
            "  what would work: the training it belongs to; another folder; or starting again, which writes over it\n"
            "  what to type: another folder, or resume=False"
        )


def _pictures(trainer: Trainer) -> dict[str, Tensor]:
    """Return, by parameter, digests of the names and sizes of the pictures in the folders that a trainer reads."""
    pictures = {}
    for name, parameter in trainer.parameters().items():
        value = getattr(trainer, name)
        if parameter.reads and isinstance(value, str) and value and local_path(value).is_dir():
            found = files_in(local_path(value), picture_suffixes())
            known = [f"{file.name} {file.stat().st_size}" for file in found]
            digests = [int.from_bytes(hashlib.sha256(one.encode()).digest()[:7], "big") for one in known]
            pictures[name] = torch.tensor(sorted(digests), dtype=torch.int64, device="cpu")
    return pictures
