"""Functions over arrays, compiled to machine code once and kept beside their source."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]

NONE = -1
NEVER = np.int64(2**62)

SOURCES = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
"""Changes with any source of this package."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function in machine code: nothing is checked, no global lock, kept on disk for the next process."""
    dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    # What is kept holds the code of all that a function calls, in other files too, and numba looks at one file only.
    dispatcher._cache._cache_file._source_stamp = SOURCES
    return cast(F, dispatcher)
