"""The solving process: `python -m pooling.planning.worker MEGABYTES`, niced and held to this much address space.

Reads tasks from standard input and writes answers to standard output, each as its length (8 bytes, little endian) and a
pickle; ends when its input does, whatever it is doing.
"""

import contextlib
import os
import pickle
import resource
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Any, BinaryIO

from pooling.planning.tasks import TASKS

NICE = 10
Answer = tuple[bool, Any]
"""Whether it was done; the result, or what went wrong."""


def main(megabytes: int) -> None:
    """Work until the input ends."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20,) * 2)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is none of the answers
    tasks: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    from pooling.matching import solver  # noqa: F401 - its libraries take most of a second: before the first task

    while True:
        name, arguments = tasks.get()
        write(answers, _done(name, arguments))


def _listen(asked: BinaryIO, tasks: "SimpleQueue[Any]") -> None:
    """Who asks is gone when the input ends, and nobody waits for an answer any more."""
    with contextlib.suppress(EOFError):
        while True:
            tasks.put(read(asked))
    os._exit(0)


def _done(name: str, arguments: tuple[Any, ...]) -> Answer:
    try:
        return True, TASKS[name](*arguments)
    except Exception:
        return False, traceback.format_exc()


def read(stream: BinaryIO) -> Any:
    """The next message. Raises EOFError at the end."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    body = stream.read(int.from_bytes(head, "little"))
    return pickle.loads(body)  # noqa: S301 - from the process that started this one


def write(stream: BinaryIO, message: object) -> None:
    """Send a message."""
    stream.write(framed(message))
    stream.flush()


def framed(message: object) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message)
    return len(body).to_bytes(8, "little") + body


if __name__ == "__main__":
    main(int(sys.argv[1]))
