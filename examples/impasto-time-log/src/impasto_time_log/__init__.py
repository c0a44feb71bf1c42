"""How long each stage takes, as a file that other programs read."""

import json
import time

import impasto
from impasto.files import local_path


class TimeLog(impasto.Watcher, name="time-log"):
    """Write a line of JSON for each stage of each picture: which, on what, and how long it took."""

    path: str = impasto.param(writes=True, help="file for the lines; what was in it is replaced")

    def __post_init__(self):
        self.mode = "w"

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        began = time.perf_counter()
        after = yield
        after.image[0, 0, 0, 0].item()  # waits for a GPU, which computes behind our back
        line = {
            "stage": stage.name,
            "seconds": round(time.perf_counter() - began, 4),
            "file": canvas.meta.file,
            "frame": canvas.meta.frame,
            "height": after.image.shape[2],
            "width": after.image.shape[3],
            "device": after.image.device.type,
        }
        with open(local_path(self.path), self.mode, encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.mode = "a"
        return after


@impasto.hookimpl
def impasto_watchers():
    return [TimeLog]
