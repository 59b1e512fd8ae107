"""How are kernels compiled?

With numba: GIL released, cached on disk, no fast-math (results must not depend on how the compiler reorders sums).
"""

import sys
from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import cgutils, sigutils, types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from neurograph_storage.compiled import keep_while_unchanged

# Numba declares no types for these.
get_function: Callable[..., Any] = cgutils.get_or_insert_function
unpack_tuple: Callable[..., Any] = cgutils.unpack_tuple
if_unlikely: Callable[..., Any] = cgutils.if_unlikely
copy_memory: Callable[..., Any] = cgutils.raw_memcpy
null_of: Callable[..., Any] = cgutils.get_null_value
type_of: Callable[..., Any] = numba.typeof
signature_of: Callable[..., Any] = sigutils.normalize_signature
unliteral: Callable[..., Any] = types.unliteral
F = TypeVar("F", bound=Callable[..., object])
Lent = TypeVar("Lent")
# Of what only kernels call: nothing for calls from Python, and not cached, since callers hold it.
_INSIDE: dict[str, Any] = {"fastmath": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def is_found_again(function: Callable[..., object]) -> bool:
    """Return whether another process finds the module of a function by its name, as numba does for what it cached.

    Not if a file is run in another way than as a program or a module, by `runpy` for example.
    """
    name = function.__module__
    return name == "__main__" or getattr(sys.modules.get(name), "__spec__", None) is not None


class Kernel:
    """A function that is compiled: as Python calls it, and again, without what that takes, into kernels that call it.

    Only the former is kept on disk. What numba adds for calls from Python, a conversion of every argument, takes longer
    to compile than most kernels do, and would be compiled into all that call them.

    A kernel that is large, and not always needed, is rather called by its address, with `call_kernel`: then it is
    compiled once, not into all that call it, and not at all where none does.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.of_python = numba.njit(nogil=True, cache=is_found_again(function), fastmath=False)(function)
        keep_while_unchanged(self.of_python)
        self._of_kernels = _inside(function)
        update_wrapper(self, function)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return what the function returns."""
        return self.of_python(*arguments, **named)

    def compile(self, kinds: tuple[Any, ...]) -> None:
        """Compile for arguments of these types, or load what is kept on disk."""
        self.of_python.compile(kinds)

    def is_lacking(self, kinds: tuple[Any, ...]) -> bool:
        """Return whether this must be compiled for arguments of these types, and will then be kept on disk."""
        compiled: Any = self.of_python
        file = getattr(compiled._cache, "_cache_file", None)
        if kinds in compiled.overloads or file is None:
            return False
        key = compiled._cache._index_key(kinds, compiled.targetctx.codegen())
        return key not in file._load_index()

    def address(self, *arguments: Any) -> int:
        """Compile for arguments of these types, and return what `call_kernel` finds that by, as long as this lives."""
        kinds = kinds_of(arguments)
        self.compile(kinds)
        compiled: Any = self.of_python.overloads[kinds]
        address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        return address

    @property
    def _numba_type_(self) -> Any:
        """What numba takes this for where a kernel calls it."""
        return self._of_kernels._numba_type_


def kinds_of(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return numba's types of arguments."""
    return tuple(type_of(argument) for argument in arguments)


def kernel(function: F) -> F:
    """Compile ``function`` on first call; later processes load it from the disk cache. See `Kernel`."""
    return cast("F", Kernel(function))


def address_of(function: Callable[..., object], *arguments: Any) -> int:
    """Return `Kernel.address` of a kernel."""
    return cast("Kernel", function).address(*arguments)


def part(function: F) -> F:
    """Compile ``function`` into its callers: for parts of a kernel that take so many arrays that passing them costs."""
    return cast("F", _inside(function, forceinline=True))


def _inside(function: Callable[..., object], *, forceinline: bool = False) -> Any:
    """Return a function that kernels call; for numbers in their text it is not compiled anew, as numba would."""
    compiled: Any = numba.njit(nogil=True, forceinline=forceinline, **_INSIDE)(function)
    template = compiled.get_call_template
    compiled.get_call_template = lambda arguments, named: template(tuple(map(unliteral, arguments)), named)
    return compiled


def _call_kernel(context: Any, address: Any, arguments: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: call the one at ``address``, compiled for just these arguments, which returns an int64."""
    kinds = [unliteral(kind) for kind in arguments]

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        convention, given = context.call_conv, unpack_tuple(builder, values[1], len(kinds))
        kind = convention.get_function_type(types.int64, kinds)
        function = builder.inttoptr(values[0], kind.as_pointer())
        status, result = convention.call_function(builder, function, types.int64, kinds, given)
        with if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return result

    return types.int64(types.int64, arguments), generate


def _asking(to_write: int) -> Callable[..., Any]:
    def ask(context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
        """In a kernel: ask for the cache line of ``array[index]``, which will be used soon; any index is harmless."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            byte = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
            function = get_function(builder.module, kind, "llvm.prefetch.p0")
            address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
            # Into all levels of the cache, data.
            builder.call(function, [address, *(ir.Constant(ir.IntType(32), value) for value in (to_write, 3, 1))])
            return context.get_dummy_value()

        return types.void(array, index), generate

    return ask


call_kernel = cast("Callable[[int, Any], int]", intrinsic(_call_kernel))
prefetch = cast("Callable[[Any, Any], None]", intrinsic(_asking(0)))
prefetch_to_write = cast("Callable[[Any, Any], None]", intrinsic(_asking(1)))


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo, array.parent = null_of(array.meminfo.type), null_of(array.parent.type)
        return array._getvalue()
    items: Any = kind if isinstance(kind, types.BaseTuple) else ()
    for k, of_item in enumerate(items):
        item = _without_owner(context, builder, of_item, builder.extract_value(value, k))
        value = builder.insert_value(value, item, k)
    return value


def _lend(context: Any, value: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: return an array, or a tuple with arrays in it, that nobody counts references to.

    Numba counts them at every row and slice that is taken, in memory that all threads share: some 8 ns each. Who calls
    the kernel keeps the arrays anyway, so a kernel that is entered seldom and takes many slices begins with this. What
    is lent must not be returned.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_owner(context, builder, signature.args[0], arguments[0])

    return value(value), generate


def _load64(context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: return the 64 bits that begin at ``array[index]``; unaligned, unchecked, low element first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(address, align=1)

    return types.uint64(array, index), generate


def _copy_words(context: Any, into: Any, to: Any, words: Any, at: Any, count: Any) -> Any:  # noqa: ARG001
    """In a kernel: copy ``count`` elements from ``words[at]`` on to ``into[to]`` on, at memory's speed; unchecked.

    Both are contiguous, of one type, and do not overlap. A loop copies one element a turn: numba lets negative indices
    count from the end, so the compiler cannot take many at a time.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = (
            builder.gep(context.make_array(signature.args[k])(context, builder, arguments[k]).data, [arguments[k + 1]])
            for k in (0, 2)
        )
        size: int = context.get_abi_sizeof(context.get_value_type(into.dtype))
        copy_memory(builder, target, source, arguments[4], size)
        return context.get_dummy_value()

    return types.void(into, types.int64, words, types.int64, types.int64), generate


def _trailing_zeros(context: Any, bits: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: return how many of the lowest bits of a uint64 are zero; 64 if all are."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(bits), generate


def _float_bits(context: Any, value: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: return the 64 bits of a float64 as an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


def _bits_float(context: Any, bits: Any) -> Any:  # noqa: ARG001 (numba passes its typing context)
    """In a kernel: return the float64 of the 64 bits of an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


lend = cast("Callable[[Lent], Lent]", intrinsic(_lend))
load64 = cast("Callable[[Any, Any], Any]", intrinsic(_load64))
copy_words = cast("Callable[[Any, Any, Any, Any, Any], None]", intrinsic(_copy_words))
float_bits = cast("Callable[[Any], Any]", intrinsic(_float_bits))
bits_float = cast("Callable[[Any], Any]", intrinsic(_bits_float))
trailing_zeros = cast("Callable[[Any], Any]", intrinsic(_trailing_zeros))


class CFunction:
    """A function of one int64 array, the *block*, that kernels call by its address.

    So kernels need not be compiled again for each function they may call. Compiled on first use, then cached on disk
    unless ``cache`` is False. Divisions by zero give what IEEE 754 says, as everywhere in NumPy.
    """

    def __init__(self, function: Callable[[Any], int], *, cache: bool = True) -> None:
        self._function, self._cache = function, cache

    @cached_property
    def _compiled(self) -> Any:
        options = {"nopython": True, "error_model": "numpy"}
        compiled: Any = CFunc(self._function, signature_of("int64(CPointer(int64))"), {}, options)
        if self._cache:
            compiled.enable_caching()
            keep_while_unchanged(compiled)
        compiled.compile()
        return compiled

    @property
    def address(self) -> int:
        """Where the compiled function begins; it stays there as long as this object lives."""
        address: int = self._compiled.address
        return address
