"""What the benchmarks share: a line that sets ungil beside a peer, their table, and their JSON."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.box import SIMPLE_HEAVY
from rich.console import Console
from rich.table import Table

from ungil.cli.info import machine, processor
from ungil.cli.table import ratio_text, seconds_text

__all__ = ("Line", "parse", "show")


@dataclass(frozen=True)
class Line:
    """One measured thing: seconds of ungil and of a peer in the same run, and the budget that ungil has to keep.

    `peer_seconds` is None where the peer is not installed. The budget is kept when the peer's time is at least
    `least_ratio` times ungil's, and ungil's is at most `most_seconds`, of those that are given. With another `unit`,
    the seconds are no seconds but so much of that.
    """

    name: str
    seconds: float
    peer: str
    peer_seconds: float | None
    least_ratio: float | None = None
    most_seconds: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """How many times faster ungil is, or how many times less it takes."""
        return None if self.peer_seconds is None else self.peer_seconds / self.seconds

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None where there is no budget, or no peer to judge it by."""
        verdicts = []
        if self.most_seconds is not None:
            verdicts.append(self.seconds <= self.most_seconds)
        if self.least_ratio is not None and self.ratio is not None:
            verdicts.append(self.ratio >= self.least_ratio)
        return all(verdicts) if verdicts else None

    @property
    def budget(self) -> str:
        """The budget in words."""
        parts = []
        if self.least_ratio is not None:
            parts.append(f"at least {self.least_ratio:g}×")
        if self.most_seconds is not None:
            parts.append(f"at most {self.text(self.most_seconds)}")
        return ", ".join(parts)

    def text(self, amount: float) -> str:
        """Write one of its figures with the unit."""
        return seconds_text(amount) if self.unit == "s" else f"{amount:,.0f} {self.unit}"


def parse(description: str | None) -> argparse.Namespace:
    """Read the command line that all the benchmarks have: `--json`, `--repeat`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--repeat", type=int, default=20, metavar="R", help="rounds (default 20)")
    options = parser.parse_args()
    if options.repeat < 1:
        parser.error("--repeat wants at least one round")
    return options


def show(title: str, lines: Sequence[Line], *, as_json: bool) -> None:
    """Print the lines with what a figure needs to mean something: machine, versions and command."""
    if as_json:
        rows = [{**asdict(line), "ratio": line.ratio, "kept": line.kept} for line in lines]
        command = shlex.join(["python", *sys.argv])
        print(json.dumps({"title": title, "command": command, "machine": machine(), "lines": rows}, indent=2))
        return
    console = Console()
    console.print(f"{processor()}, {os.cpu_count()} CPUs, Python {sys.version.split()[0]}", highlight=False)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAVY, padding=(0, 1, 0, 0))
    table.show_edge = False
    for heading in ("what", "ungil", "peer", "peer's", "ratio", "budget", "kept"):
        table.add_column(heading, justify="left" if heading in ("what", "peer", "budget") else "right")
    for line in lines:
        table.add_row(
            line.name,
            line.text(line.seconds),
            line.peer,
            "not installed" if line.peer_seconds is None else line.text(line.peer_seconds),
            ratio_text(line.ratio),
            line.budget,
            {True: "yes", False: "NO", None: ""}[line.kept],
        )
    console.print(table)
