"""How do compiled threads talk to each other, and call what they know only by its address?

Words of shared int64 arrays that several threads read and write, with the order of memory that this needs; and
functions compiled apart, given as a number. For use inside kernels only.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from neurograph_storage.jit import get_function

_WORD = ir.IntType(64)


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.bitcast(builder.gep(data, [arguments[1]]), _WORD.as_pointer())


def _fetch_add(context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001 (numba's typing context)
    """In a kernel: add to ``array[index]`` and return what was there; all earlier writes are seen by who reads it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(array, index, types.int64), generate


def _fetch(context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """In a kernel: return ``array[index]`` as it is now; what its writer wrote before is seen from here on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(context, builder, signature, arguments), "acquire", 8)

    return types.int64(array, index), generate


def _publish(context: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """In a kernel: set ``array[index]``; who reads it sees all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _place(context, builder, signature, arguments), "release", 8)
        return context.get_dummy_value()

    return types.void(array, index, types.int64), generate


def _give_way(context: Any) -> Any:  # noqa: ARG001
    """In a kernel: let another thread have the processor, if one waits for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        builder.call(get_function(builder.module, ir.FunctionType(ir.IntType(32), []), "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


def _call(context: Any, address: Any, block: Any) -> Any:  # noqa: ARG001
    """In a kernel: call the function at ``address`` with the address of ``block``, an int64 array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        kind = ir.FunctionType(_WORD, [_WORD.as_pointer()])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.call(function, [builder.bitcast(data, _WORD.as_pointer())])

    return types.int64(types.int64, block), generate


def _pointer(context: Any, address: Any) -> Any:  # noqa: ARG001
    """In a kernel: return an address as a pointer that ``numba.carray`` takes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


fetch_add = cast("Callable[[Any, Any, Any], Any]", intrinsic(_fetch_add))
fetch = cast("Callable[[Any, Any], Any]", intrinsic(_fetch))
publish = cast("Callable[[Any, Any, Any], None]", intrinsic(_publish))
give_way = cast("Callable[[], None]", intrinsic(_give_way))
call = cast("Callable[[Any, Any], Any]", intrinsic(_call))
pointer = cast("Callable[[Any], Any]", intrinsic(_pointer))
