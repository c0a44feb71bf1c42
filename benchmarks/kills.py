"""Kills of `impasto run`, `impasto paint` and `impasto train` at random moments, and what is left after each.

    python benchmarks/kills.py --kills 100
    python benchmarks/kills.py --kills 20 --signal SIGTERM

Every command is forked from one process that has torch loaded (POSIX alone).  A third is killed at any time, a third at
one of its file operations, a third while a temporary file is there.  After each kill the inputs must be whole by
sha256, and whatever has a final name must open; after SIGTERM the exit code must be 143 and no temporary file be left.
Then the same command runs to its end: it must make, to the bit, what an unbroken run makes, and leave nothing else.
"""

import argparse
import contextlib
import csv
import functools
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
import tqdm
from PIL import Image

import impasto
from impasto import cli, samples, training, weights
from impasto.files import part_files

LONGEST = 300
"""Seconds after which a command counts as hung."""


@dataclass
class Case:
    """A command, which writes into `out` and nowhere else."""

    name: str
    arguments: list[str]
    out: Path
    expected: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    operations: int = 0


def cases(folder):
    """Return the commands, with their inputs written into a folder."""
    inputs = folder / "inputs"
    for name in ("photos", "styles"):
        (inputs / name).mkdir(parents=True)
    for name in ("astronaut", "cat", "coffee"):
        impasto.read(samples.content(name, 96)).save(inputs / "photos" / f"{name}.png")
    style = impasto.read(samples.style("wave", 96)).save(inputs / "styles" / "wave.png")
    pipeline = inputs / "pipeline.toml"
    impasto.Pipeline.parse("adain, guided-smooth").save(pipeline)
    photo = str(inputs / "photos" / "astronaut.png")
    run, paint, train = (folder / name for name in ("run", "paint", "train"))
    checkpoint = f'gatys:steps=8:coarsest=96:checkpoint="{paint / "run.pt"}"'
    exact = ["--device", "cpu", "--precision", "float32"]
    given = ["--content", str(inputs / "photos"), "--style", str(style)]
    small = ["--width", "4", "--size", "64", "--style-size", "64", "--batch", "1", "--steps", "6", "--precision", "no"]
    folders = ["--images", str(inputs / "photos"), "--styles", str(inputs / "styles")]
    return [
        Case("run", ["run", str(pipeline), *given, "--out", str(run), "--skip-existing", *exact], run),
        Case(
            "paint",
            ["paint", photo, str(style), "--out", str(paint / "out.jpg"), "--with", checkpoint, "--recipe", *exact],
            paint,
        ),
        Case("train", ["train", "fast", *folders, *small, "--out", str(train)], train),
    ]


def small_steps():
    """Let checkpoints be written every few steps, so that many kills meet one."""
    from impasto_gatys import optimisation

    optimisation.CHECKPOINT_EVERY = 2
    training.train = functools.partial(training.train, checkpoint_every=1, log_every=1)


class Operations:
    """Counts what is done to the files of a folder, and sends this process a signal at one of them."""

    def __init__(self, folder, at=0, number=0):
        self.folder, self.at, self.number, self.count = str(folder), at, number, 0
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        if event not in ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir"):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if isinstance(arguments[0], (str, os.PathLike)) and os.fspath(arguments[0]).startswith(self.folder):
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), self.number)


def start(case, at=0, number=0, counted=None):
    """Return the process of a command, forked from this one."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        if counted is None and "KILLS_SHOW" not in os.environ:
            os.dup2(nowhere, 2)
        tqdm.tqdm.set_lock(threading.RLock())  # its own is one of all processes, and may die locked
        operations = Operations(case.out, at, number)
        code = cli.main(case.arguments)
        if counted is not None:
            counted.write_text(str(operations.count))
    finally:
        part_files._discard_unfinished()  # as at the end of any program
        os._exit(code)


def wait(pid, until=LONGEST):
    """Return the exit code of a process, negative for a signal; None where it still runs after so many seconds."""
    deadline = time.monotonic() + until
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.0005)


def finish(pid):
    """Return the exit code of a process, which is killed if it hangs."""
    code = wait(pid)
    if code is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return code


def interrupt(case, number, rng):
    """Run a command and send it a signal at a random moment; return its exit code."""
    how = rng.randrange(3)
    if how == 0:
        return finish(start(case, rng.randint(1, case.operations), number))
    pid = start(case)
    code = None
    if how == 1:
        code = wait(pid, rng.uniform(0, case.seconds))
    else:
        later = rng.uniform(0, case.seconds)
        began = time.monotonic()
        # Polled without a pause: a temporary file is there for milliseconds.
        while not (time.monotonic() - began > later and any(case.out.glob(".impasto-*"))):
            if (code := wait(pid, 0)) is not None:
                break
        else:
            time.sleep(rng.uniform(0, 0.002))
    if code is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        code = finish(pid)
    return code


def parts(folder):
    """Return the temporary files of a folder."""
    return [file.name for file in folder.rglob("*") if part_files._PART.fullmatch(file.name)]


def damage(folder):
    """Return which files of a folder do not open, of those that have a final name."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_dir() or part_files._PART.fullmatch(file.name):
            continue
        try:
            if file.suffix in (".png", ".jpg"):
                with Image.open(file) as picture:
                    picture.load()
            elif file.suffix == ".toml":
                impasto.Pipeline.from_toml(file.read_text(encoding="utf-8"))
            elif file.suffix == ".pt":
                torch.load(file, weights_only=True)
            elif file.suffix == ".csv":
                with file.open(newline="") as lines:
                    assert all(None not in row.values() for row in csv.DictReader(lines))
            elif file.suffix == ".safetensors":
                weights.load(file)
            else:
                found.append(f"{file.name}: nobody knows what it is")
        except Exception as error:
            found.append(f"{file.name}: {type(error).__name__}: {error}")
    return found


def contents(folder):
    """Return digests of what a complete run makes: pixels of pictures, bytes of the rest; interrupted ones left out."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_dir() or ".interrupted." in file.name or file.suffix in (".csv", ".pt"):
            continue  # seconds are in losses.csv, and zips of torch say when
        if file.suffix in (".png", ".jpg"):
            with Image.open(file) as picture:
                data = picture.tobytes()
        else:
            data = file.read_bytes()
        found[file.name] = hashlib.sha256(data).hexdigest()
    return found


def digests(folder):
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


def fresh(case):
    shutil.rmtree(case.out, ignore_errors=True)
    case.out.mkdir()


def attack(case, kills, number, rng, inputs, folder):
    """Kill a command so many times; return counts of what was found, and what was wrong in words."""
    counts, wrong = Counter(), []
    while counts["stopped"] < kills:
        fresh(case)
        code = interrupt(case, number, rng)
        if code == 0:
            counts["done before it came"] += 1
            continue
        counts["stopped"] += 1
        left = parts(case.out)
        counts["with temporary files"] += bool(left)
        faults = [f"damaged: {fault}" for fault in damage(case.out)]
        if digests(inputs[0]) != inputs[1]:
            faults.append("an input changed")
        if number == signal.SIGTERM:
            if code not in (143, -number):  # before or after the command, it is the system that ends the process
                faults.append(f"exit code {code}")
            if left:
                faults.append(f"left {left}")
            counts["with a picture so far"] += any(".interrupted." in file.name for file in case.out.iterdir())
        elif code != -number:
            faults.append(f"exit code {code}")
        began = time.monotonic()
        if (after := finish(start(case))) != 0:
            faults.append(f"the next run's exit code is {after}")
        case.seconds = max(case.seconds / 2, time.monotonic() - began)  # others may use the machine, now or then
        if left := parts(case.out):
            faults.append(f"after the next run there is {left}")
        made = contents(case.out)
        if made != case.expected:
            others = [name for name in made.keys() | case.expected.keys() if made.get(name) != case.expected.get(name)]
            faults.append(f"the next run made another {others}")
        wrong += [f"{case.name} {counts['stopped']}: {fault}" for fault in faults]
    return counts, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each command (default: %(default)s)")
    parser.add_argument("--signal", default="SIGKILL", choices=("SIGKILL", "SIGTERM"), help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument("--only", nargs="*", help="run, paint or train (default: all)")
    given = parser.parse_args()
    number = signal.Signals[given.signal]
    torch.set_num_threads(1)  # more do not live through a fork
    small_steps()
    rng = random.Random(given.seed)
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        chosen = [case for case in cases(folder) if not given.only or case.name in given.only]
        inputs = (folder / "inputs", digests(folder / "inputs"))
        for case in chosen:
            # In this process, so that what is forked from it has everything loaded; into a folder that is not used
            # again, since a process removes what was left in a folder once.
            warm = folder / f"warm-{case.name}"
            warm.mkdir()
            shown = [argument.replace(str(case.out), str(warm)) for argument in case.arguments]
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                if cli.main(shown):
                    sys.exit(f"{case.name}: does not run")
            fresh(case)
            began = time.monotonic()
            counted = folder / "operations"
            if finish(start(case, counted=counted)):
                sys.exit(f"{case.name}: does not run when forked")
            case.seconds, case.operations = time.monotonic() - began, int(counted.read_text())
            case.expected = contents(case.out)
            began = time.monotonic()
            counts, faults = attack(case, given.kills, number, rng, inputs, folder)
            wrong += faults
            listed = ", ".join(f"{count} {what}" for what, count in counts.items())
            print(
                f"{case.name}, {given.signal} ({case.operations} file operations a run): {listed};"
                f" {len(faults)} faults, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    print("\n".join(wrong) or "no fault")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
