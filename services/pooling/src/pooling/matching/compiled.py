"""Functions over arrays, compiled to machine code once and kept beside their source."""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]

PACKAGE = "pooling.matching."
NONE = -1
NEVER = np.int64(2**62)

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function in machine code: nothing is checked, no global lock, kept on disk for the next process."""
    return kept(function, numba.njit(cache=True, nogil=True, error_model="numpy"))


def inner(function: F) -> F:
    """The same for what only compiled functions call, which spares the compiler its entry from Python."""
    return kept(
        function,
        numba.njit(  # type: ignore[call-overload]  # both are options of numba's dispatcher
            cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
        ),
    )


def kept(function: F, compiler: Callable[[F], Any]) -> F:
    """Compiled and kept, once for all whole numbers.

    What is kept holds all that the function calls, and numba looks for changes in one file only. Left to itself, numba
    compiles once more for each constant, and for 32 bits.
    """
    dispatcher = compiler(function)
    found = dispatcher.get_call_template
    dispatcher.get_call_template = lambda args, named: found(
        tuple(map(widened, args)), {name: widened(kind) for name, kind in named.items()}
    )
    dispatcher._cache._cache_file._source_stamp = stamp(function.__module__.removeprefix(PACKAGE))
    return cast(F, dispatcher)


def widened(kind: types.Type) -> types.Type:
    """The type of an argument: 64 bits for any whole number."""
    kind = types.unliteral(kind)
    return types.int64 if kind in types.signed_domain else kind


@lru_cache
def stamp(module: str) -> str:
    """Changes with the source of a module of this package, or of one that it imports."""
    source = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")
    imported = re.findall(r"^from pooling\.matching\.([\w.]+) import", source, re.MULTILINE)
    return sha256("\n".join([source, *map(stamp, imported)]).encode()).hexdigest()
