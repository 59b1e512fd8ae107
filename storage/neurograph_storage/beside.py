"""How is a first start made shorter? Another process compiles some kernels meanwhile, and keeps them on disk.

Numba compiles one function at a time in a process, however many threads ask. The other process is told the names of
kernels, and types of arguments; what it compiled lies where numba looks for it. Where anything fails there, it is
compiled here, as if nobody had tried.
"""

import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from neurograph_storage.jit import Kernel, kinds_of

# A kernel, and arguments of the types that it is to be compiled for.
Wanted = tuple[Callable[..., object], tuple[Any, ...]]
# Whatever this process can import, the other can.
_PROGRAM = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from neurograph_storage.beside import main
main()
"""


@contextmanager
def compiled_beside(wanted: Sequence[Wanted]) -> Iterator[None]:
    """Have another process compile what is not kept on disk yet, and wait for its end when the block is left.

    Such a process takes up to 400 MiB.
    """
    lacking = [(kernel, kinds_of(arguments)) for kernel, arguments in wanted if _is_lacking(kernel, arguments)]
    process = _start(lacking) if lacking else None
    try:
        yield
    except BaseException:
        if process:
            process.kill()
        raise
    finally:
        if process:
            process.wait()


def main() -> None:
    """Compile what standard input says."""
    for module, name, kinds in pickle.load(sys.stdin.buffer):
        getattr(importlib.import_module(module), name).compile(kinds)


def _is_lacking(kernel: Callable[..., object], arguments: tuple[Any, ...]) -> bool:
    assert isinstance(kernel, Kernel)
    return kernel.is_lacking(kinds_of(arguments))


def _start(lacking: list[tuple[Any, tuple[Any, ...]]]) -> "subprocess.Popen[bytes] | None":
    """Start a process that compiles, or return None: the system does not let us, so it is done here."""
    names = [(kernel.__module__, kernel.__qualname__, kinds) for kernel, kinds in lacking]
    message = pickle.dumps(sys.path) + pickle.dumps(names)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM], **pipes)
    except OSError:
        return None
    assert process.stdin is not None
    # If it has ended already, nobody reads.
    with suppress(BrokenPipeError):
        process.stdin.write(message)
        process.stdin.close()
    return process
