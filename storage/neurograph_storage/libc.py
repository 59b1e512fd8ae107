"""How does compiled code read files, pass numbers through a pipe, and look at the clock?

By calling the C library, so a thread that reads thousands of pieces never needs the interpreter. For use inside kernels
only, but for `read_address`.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from neurograph_storage.jit import get_function

_WORD, _INT, _BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
_alloca: Callable[..., Any] = cgutils.alloca_once
_MONOTONIC = time.CLOCK_MONOTONIC


def read_address() -> int:
    """Return the address of ``pread``; tests put a function of their own in its place."""
    address = ctypes.cast(ctypes.CDLL(None).pread, ctypes.c_void_p).value
    assert address is not None
    return address


def _data(context: Any, builder: Any, signature: Any, arguments: Any, position: int) -> Any:
    data = context.make_array(signature.args[position])(context, builder, arguments[position]).data
    return builder.bitcast(data, _BYTE)


def _read_at(context: Any, address: Any, file: Any, into: Any, at: Any, size: Any, offset: Any) -> Any:  # noqa: ARG001
    """In a kernel: read from a file by the ``pread`` at ``address`` to byte ``at`` of an array; return how much."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_WORD, [_INT, _BYTE, _WORD, _WORD])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        place = builder.gep(_data(context, builder, signature, arguments, 2), [arguments[3]])
        return builder.call(function, [builder.trunc(arguments[1], _INT), place, arguments[4], arguments[5]])

    whole = types.int64
    return types.int64(whole, whole, into, whole, whole, whole), generate


def _pass_number(name: str) -> Callable[..., Any]:
    def transfer(context: Any, pipe: Any, number: Any) -> Any:  # noqa: ARG001
        """In a kernel: take or give ``number[0]``, int64, through a pipe; return the bytes that went."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = get_function(builder.module, ir.FunctionType(_WORD, [_INT, _BYTE, _WORD]), name)
            data = _data(context, builder, signature, arguments, 1)
            return builder.call(function, [builder.trunc(arguments[0], _INT), data, ir.Constant(_WORD, 8)])

        return types.int64(types.int64, number), generate

    return transfer


def _nanoseconds(context: Any) -> Any:  # noqa: ARG001
    """In a kernel: return the time of a clock that only goes forward."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        function = get_function(builder.module, ir.FunctionType(_INT, [_INT, _WORD.as_pointer()]), "clock_gettime")
        clock = _alloca(builder, _WORD, 2)
        builder.call(function, [ir.Constant(_INT, _MONOTONIC), clock])
        seconds, rest = (builder.load(builder.gep(clock, [ir.Constant(_INT, k)])) for k in range(2))
        return builder.add(builder.mul(seconds, ir.Constant(_WORD, 10**9)), rest)

    return types.int64(), generate


read_at = cast("Callable[..., Any]", intrinsic(_read_at))
take_number = cast("Callable[[Any, Any], Any]", intrinsic(_pass_number("read")))
give_number = cast("Callable[[Any, Any], Any]", intrinsic(_pass_number("write")))
nanoseconds = cast("Callable[[], Any]", intrinsic(_nanoseconds))
