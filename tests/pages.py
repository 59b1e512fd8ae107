"""How are the blocks of a page run? In order, in one folder, as a reader would.

A page is Markdown with fenced blocks of these kinds:

- ``python``: all of a page share their names, as in one session;
- ``bash``: commands, the first that fails ends the block;
- ``text``: what the block before it prints. ``...`` stands for anything, so for figures that are the machine's;
- without a kind: only shown.

A block that cannot run has a comment before it that says why, ``<!-- skip: next "it takes an hour" -->``. What a page
needs but need not show is in ``<!-- invisible-code-block: python ... -->``.
"""

import contextlib
import doctest
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

from sybil import Document, Example, Sybil
from sybil.evaluators.skip import Skipper
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from neurograph.cli.main import call

ROOT = Path(__file__).parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def all_pages() -> list[Path]:
    """Return the README and all pages of the site."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_python(example: Example) -> None:
    """Run a block in the names of its page; note what it prints."""
    printed = io.StringIO()
    code = compile("\n" * example.line + example.parsed, f"<{Path(example.path).name}>", "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, example.namespace)
    example.namespace["printed"] = printed.getvalue()


def run_shell(example: Example) -> None:
    """Run a block of commands; note what it prints.

    Commands of ours run in this process: there are many, and each would otherwise import all over again.
    """
    lines = [shlex.split(line, comments=True) for line in example.parsed.replace("\\\n", " ").splitlines()]
    commands, printed = [line for line in lines if line], io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for command in commands:
            status = call(command[1:]) if command[0] == "neurograph" else other_program(command, printed)
            assert status == 0, f"{shlex.join(command)}\n{printed.getvalue()}"
    example.namespace["printed"] = printed.getvalue()


def other_program(command: list[str], printed: io.StringIO) -> int:
    """Run a program that is not ours; return its exit status."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    printed.write(done.stdout + done.stderr)
    return done.returncode


def compare(example: Example) -> None:
    """Compare with what the block before has printed, if it has run."""
    if "printed" not in example.namespace:
        raise SkipTest("its block was not run")
    printed, checker = example.namespace.pop("printed"), doctest.OutputChecker()
    if not checker.check_output(example.parsed, printed, FLAGS):
        difference = checker.output_difference(doctest.Example("", example.parsed), printed, FLAGS)
        raise AssertionError(f"{example.path}, line {example.line}:\n{difference}")


def parse(page: Path) -> Document:
    """Return a page's blocks, in order."""
    runners = {"python": run_python, "bash": run_shell, "text": compare}
    return Sybil([SkipParser(), *(CodeBlockParser(kind, run) for kind, run in runners.items())]).parse(page)


def skips(page: Path) -> list[str]:
    """Return what a page says of blocks that are not run: a reason, or ``if(...)`` when they are left out."""
    found = [example.parsed for example in parse(page).examples() if isinstance(example.region.evaluator, Skipper)]
    return [reason if action == "next" else f"{action}: {reason}" for action, reason in found]


def run(page: Path, names: dict[str, Any]) -> list[str]:
    """Run a page in the current folder, with some names known; return why blocks have been left out."""
    document, reasons = parse(page), []
    document.namespace.update({"__name__": "__main__"} | names)
    for example in document.examples():
        try:
            example.evaluate()
        except SkipTest as reason:
            reasons.append(f"line {example.line}: {reason}")
            document.namespace.pop("printed", None)
    return reasons
