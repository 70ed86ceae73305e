"""The command line, `ungil` or `python -m ungil`: `bench` times ways to run a function, `info` describes the machine.

Nothing here is imported by `import ungil`; each subcommand imports what it needs when it is chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ("main",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after the command's name; `sys.argv[1:]` when left out.

    Returns:
        The exit status: 0 when everything asked for was done, 1 when something of ours failed, 2 for a wrong request.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    options = parser.parse_args(words)
    try:
        if options.command == "bench":
            from ungil.cli.bench import bench

            return bench(options, words)
        from ungil.cli.info import show_info

        return show_info(as_json=options.json)
    except RequestError as error:
        print(f"ungil: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # The status that a shell gives to a program which SIGINT ended.
        return 130


class RequestError(Exception):
    """What was asked for cannot be done; the message says why, for the user of the command line."""


def count(text: str) -> int:
    """Read a positive whole number, also written `10**6` or `1e6`.

    Raises:
        argparse.ArgumentTypeError: the text is no such number.
    """
    base, power, exponent = text.partition("**")
    try:
        number = int(base) ** int(exponent) if power else float(text) if "e" in text.lower() else int(text)
        whole = int(number)
    except (ValueError, OverflowError, ZeroDivisionError):
        number = whole = 0
    if whole != number or whole < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number such as 1000000 or 10**6")
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ungil", description="Plain Python functions, compiled and run on every core."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    bench = commands.add_parser(
        "bench",
        help="time a function in every way there is to run it",
        description="Time the lecture's integrate, or a function of your own, in every way there is to run it.",
    )
    bench.add_argument("target", metavar="TARGET", help="`integrate`, or FILE.py:function")
    bench.add_argument("--args", metavar="LITERALS", help='positional arguments of the function, such as "0, 1.57"')
    bench.add_argument("--kwargs", metavar="DICT", help="keyword arguments, such as \"{'n_iter': 1_000_000}\"")
    bench.add_argument("--n-iter", type=count, metavar="N", help="steps of integrate (default 10**6)")
    bench.add_argument("--repeat", type=count, default=7, metavar="R", help="timed calls a row, at least (default 7)")
    bench.add_argument("--threads", type=count, metavar="N", help="threads and processes (default: all cores)")
    bench.add_argument("--json", action="store_true", help="print JSON in place of the table")
    bench.add_argument("--plot", metavar="FILE", help="write a bar chart, SVG or PNG by the file's suffix")

    info = commands.add_parser("info", help="describe versions, processor, threads and cache")
    info.add_argument("--json", action="store_true", help="print JSON in place of the table")
    return parser
