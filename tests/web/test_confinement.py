"""A worker gives up what painting does not need: writing, the network, other programs."""

import json
import subprocess
import sys

TRIES = [
    "open('/tmp/impasto-owned', 'w')",
    "os.open('/tmp/impasto-owned', os.O_WRONLY | os.O_CREAT)",
    "os.remove('/tmp/impasto-nothing')",
    "socket.create_connection(('127.0.0.1', 9))",
    "subprocess.run(['true'])",
    "os.system('true')",
]
PROGRAM = """
import json, os, socket, subprocess, sys
from impasto.web.confinement import confine
confine(1, True)
open(os.__file__).read(10)  # what it is made of it still reads
found = {}
for text in json.loads(sys.argv[1]):
    try:
        found[text] = repr(eval(text))
    except PermissionError as error:
        found[text] = str(error)
print(json.dumps(found))
"""


def test_a_worker_does_without():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(TRIES)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert {text: said for text, said in found.items() if "a worker of `impasto serve`" not in said} == {}
    assert len(found) == len(TRIES)
