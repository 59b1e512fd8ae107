"""How do kernels turn sixteen synapses of a row at a time into *pairs*?

A pair is 32 bits: the target within its block in the lower half, the weight code in the upper. The three kinds of
groups (`neurograph_storage.stream`) hold what is in it in three ways. Each function reads from ``words[at]`` on and
writes 16 pairs from ``into[place]`` on, neither aligned nor checked: what lies there must be memory, and what is
written beyond the end of a group means nothing.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16
# Words behind the end of a group that reading whole lanes may touch.
BEYOND = 2 * LANES
_HALF = 16
_PAIRS = ir.VectorType(ir.IntType(32), LANES)
_CODE_SHIFT = ir.Constant(_PAIRS, [_HALF] * LANES)


def _place(context: Any, builder: Any, signature: Any, arguments: Any, position: int, kind: Any) -> Any:
    """Return the address of an element of the array at ``position``, whose index is the next argument."""
    data = context.make_array(signature.args[position])(context, builder, arguments[position]).data
    return builder.bitcast(builder.gep(data, [arguments[position + 1]]), kind.as_pointer())


def _load(context: Any, builder: Any, signature: Any, arguments: Any, position: int, bits: int) -> Any:
    kind = ir.VectorType(ir.IntType(bits), LANES)
    return builder.load(_place(context, builder, signature, arguments, position, kind), align=1)


def _store(context: Any, builder: Any, signature: Any, arguments: Any, pairs: Any) -> Any:
    builder.store(pairs, _place(context, builder, signature, arguments, 0, _PAIRS), align=1)
    return context.get_dummy_value()


def _of_words(context: Any, into: Any, place: Any, words: Any, at: Any) -> Any:  # noqa: ARG001
    """In a kernel: write pairs from a group of kind WORDS, where they are pairs already."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pairs = builder.load(_place(context, builder, signature, arguments, 2, _PAIRS), align=1)
        return _store(context, builder, signature, arguments, pairs)

    return types.void(into, types.int64, words, types.int64), generate


def _of_bytes(context: Any, into: Any, place: Any, words: Any, at: Any, halves: Any, half: Any) -> Any:  # noqa: ARG001
    """In a kernel: write pairs from targets and, from ``halves[half]`` on, codes of 8 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        targets = builder.zext(_load(context, builder, signature, arguments, 2, 16), _PAIRS)
        codes = builder.sext(_load(context, builder, signature, arguments, 4, 8), _PAIRS)
        pairs = builder.or_(targets, builder.shl(codes, _CODE_SHIFT))
        return _store(context, builder, signature, arguments, pairs)

    return types.void(into, types.int64, words, types.int64, halves, types.int64), generate


def _of_shared(context: Any, into: Any, place: Any, words: Any, at: Any, code: Any) -> Any:  # noqa: ARG001
    """In a kernel: write pairs from targets that all have one code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        targets = builder.zext(_load(context, builder, signature, arguments, 2, 16), _PAIRS)
        one = builder.insert_element(
            ir.Constant(_PAIRS, ir.Undefined), builder.trunc(arguments[4], ir.IntType(32)), ir.IntType(32)(0)
        )
        codes = builder.shuffle_vector(one, one, ir.Constant(_PAIRS, [0] * LANES))
        pairs = builder.or_(targets, builder.shl(codes, _CODE_SHIFT))
        return _store(context, builder, signature, arguments, pairs)

    return types.void(into, types.int64, words, types.int64, types.int64), generate


pairs_of_words = cast("Callable[[Any, Any, Any, Any], None]", intrinsic(_of_words))
pairs_of_bytes = cast("Callable[[Any, Any, Any, Any, Any, Any], None]", intrinsic(_of_bytes))
pairs_of_shared = cast("Callable[[Any, Any, Any, Any, Any], None]", intrinsic(_of_shared))
