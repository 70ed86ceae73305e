"""What `Dispatcher.explain` returns; apart, so that only those who ask for it load what draws it."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

__all__ = ("Explanation", "Loop", "Version")

_GOOD = "green"
_WEAK = "dim"
_POOR = "yellow"
# As wide as a line may get: texts are not broken, the terminal does that.
_WIDTH = 10_000


@dataclass(frozen=True)
class Loop:
    """What became of one loop.

    Attributes:
        function: the name of the function that it stands in.
        file: the file.
        line: the line that it begins on.
        text: that line.
        parallel: whether its turns run on all cores.
        reductions: the variables that a parallel loop accumulates.
        lanes: how many turns run at once in vectors; 1 if they run one by one, 0 if no loop is left.
        why_scalar: why they run one by one, as far as can be told; empty otherwise.
    """

    function: str
    file: str
    line: int
    text: str
    parallel: bool
    reductions: tuple[str, ...]
    lanes: int
    why_scalar: str

    def _draw(self, to: Text) -> None:
        to.append(f"  {self.file}:{self.line}  ", _WEAK)
        to.append(f"{self.text}\n", "bold")
        if self.parallel and self.lanes:
            to.append("    parallel: chunks of turns run on all threads", _GOOD)
            if self.reductions:
                to.append(f"; {', '.join(self.reductions)} joined in the order of the chunks", _GOOD)
            to.append("\n")
        if self.lanes > 1:
            to.append(f"    vectorised: {self.lanes} turns at once\n", _GOOD)
        elif self.lanes == 1:
            to.append(f"    one turn after the other: {self.why_scalar}\n", _POOR)
        else:
            to.append("    no loop is left: its turns are written out, or were computed beforehand\n", _GOOD)


@dataclass(frozen=True)
class Version:
    """What became of one compiled version of a function.

    Attributes:
        signature: its types, as text.
        loops: its loops and those of what it calls, in the order of the source.
        inlined: functions that were inlined wherever they are called.
        called: functions that are called, at least in rare cases.
        gil: whether a call holds the interpreter's lock, in words.
        cache: what the disk cache did, in words.
        stages: each stage of the compilation that ran, and its seconds.
    """

    signature: str
    loops: tuple[Loop, ...]
    inlined: tuple[str, ...]
    called: tuple[str, ...]
    gil: str
    cache: str
    stages: tuple[tuple[str, float], ...]

    def _draw(self, to: Text) -> None:
        to.append(f"{self.signature}\n", "bold cyan")
        for loop in self.loops:
            loop._draw(to)
        stages = ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in self.stages)
        total = sum(seconds for _, seconds in self.stages)
        for name, value in (
            ("inlined", ", ".join(self.inlined)),
            ("still called", ", ".join(self.called)),
            ("GIL", self.gil),
            ("cache", self.cache),
            ("time", f"{total * 1e3:.1f} ms: {stages}"),
        ):
            if value:
                to.append(f"  {name}: ", _WEAK)
                to.append(f"{value}\n")


@dataclass(frozen=True, repr=False)
class Explanation:
    """What became of a function, in words: plain as a `str`, in colour in a terminal, as HTML in a notebook.

    Attributes:
        name: the function's.
        versions: one for each combination of types that it was compiled for, in the order of compilation.
    """

    name: str
    versions: tuple[Version, ...]

    def __str__(self) -> str:
        """Return the words."""
        return self._text().plain

    def __repr__(self) -> str:
        """Return the words, in colour if they go to a terminal."""
        if not sys.stdout.isatty():
            return str(self)
        console = Console(file=io.StringIO(), force_terminal=True, width=_WIDTH)
        with console.capture() as capture:
            console.print(self._text(), end="")
        return capture.get()

    def _repr_html_(self) -> str:
        """Return the words for a notebook."""
        console = Console(file=io.StringIO(), record=True, width=_WIDTH)
        console.print(self._text(), end="")
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")

    def _text(self) -> Text:
        text = Text()
        text.append(self.name, "bold")
        if not self.versions:
            text.append(": not compiled yet; call it, or compile it for a signature")
        text.append("\n")
        for version in self.versions:
            version._draw(text)
        text.rstrip()
        return text
