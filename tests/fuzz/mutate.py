"""Compile random programs that something has happened to: code or a refusal comes out, soon and in bounded memory.

    python tests/fuzz/mutate.py --programs 1000 --first 0

Words and lines are left out, doubled, exchanged, and brought in from another program or from what the language does not
have. Whatever CPython still accepts is compiled, not called. A panic of the compiler, any exception that is not one of
its refusals, a minute for one program or four gigabytes end the run with the program printed.
"""

from __future__ import annotations

import argparse
import faulthandler
import inspect
import random
import re
import resource
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import check
from generate import generate

import ungil

_SECONDS = 60
_BYTES = 4 << 30
_WORDS = (
    "lambda yield None del try: [ ] * ** @ is not in if else for while with global nonlocal async await _ '' 'x' ... "
    "len range prange zip enumerate reversed print isinstance tuple list int float complex bool str type object main "
    "h0 math math.pi math.sin :=  : , ( ) () (,) [] {} == ~ -1 0 2**63 1e999 0j break continue return pass raise assert"
).split()


def mutated(seed: int) -> tuple[str, tuple[str, ...]]:
    """A program of the seed to which one thing or two have happened, and types for its arguments."""
    rng = random.Random(seed)
    program, other = generate(seed), generate(seed + 1)
    source = program.source
    for _ in range(rng.randint(1, 2)):
        source = rng.choice([_words, _words, _lines])(rng, source, other.source)
    types = tuple(rng.choice(["int64", "float64", "bool", "uint8", "complex64", ty]) for ty in program.types)
    return source, types


def _words(rng: random.Random, source: str, other: str) -> str:
    words = re.findall(r"\w+|\s+|[^\w\s]", source)
    solid = [place for place, word in enumerate(words) if not word.isspace()] or [0]
    at, to = rng.choice(solid), rng.choice(solid)
    foreign = rng.choice([_WORDS, re.findall(r"\w+|[^\w\s]", other)])
    match rng.randint(0, 8):
        case 0:
            del words[at]
        case 1:
            words[at], words[to] = words[to], words[at]
        case 2:
            words.insert(at, f" {rng.choice(foreign)} ")
        case _:
            # In the place of a word, which often leaves a program.
            places = [place for place, word in enumerate(words) if word.isidentifier() or word.isdigit()]
            alike = [word for word in foreign if word.isidentifier() or word.isdigit()]
            words[rng.choice(places or [at])] = rng.choice(alike or foreign)
    return "".join(words)


def _lines(rng: random.Random, source: str, other: str) -> str:
    lines = source.split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randint(0, 3):
        case 0:
            del lines[at]
        case 1:
            lines[at], lines[to] = lines[to], lines[at]
        case 2:
            lines[at:at] = [lines[at]] * rng.choice([1, 2, 40])
        case _:
            foreign = rng.choice(other.split("\n")).strip()
            lines.insert(at, lines[at][: len(lines[at]) - len(lines[at].lstrip())] + foreign)
    return "\n".join(lines) or "\n"


def attempt(source: str, types: tuple[str, ...], parallel: bool) -> str:
    """Compile, and tell what came of it: `compiled`, `refused`, or `no Python` where there is nothing to compile."""
    try:
        with warnings.catch_warnings():
            # CPython warns of `1 is 1` and the like.
            warnings.simplefilter("ignore")
            function = check.compile_(source, check.Configuration(threads=int(parallel), level=0))
    except Exception:
        # Its text is run as a module's, where anything may be wrong.
        return "no Python"
    code = function.py_func.__code__
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return "no Python"
    count = code.co_argcount + code.co_kwonlyargcount
    named = [getattr(ungil, "bool_" if ty == "bool" else ty) for ty in types]
    try:
        function.compile(tuple((named * count)[:count]))
    except ungil.UngilError:
        return "refused"
    return "compiled"


def main() -> int:
    """Run as the command line says; the status is 1 if a program was neither compiled nor refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    outcomes = {"compiled": 0, "refused": 0, "no Python": 0}
    for seed in range(options.first, options.first + options.programs):
        source, types = mutated(seed)
        # Known even if the process ends in the middle of it.
        print(f"seed {seed}", end="\r", file=sys.stderr, flush=True)
        faulthandler.dump_traceback_later(_SECONDS, exit=True)
        try:
            outcomes[attempt(source, types, parallel=seed % 2 == 0)] += 1
        except BaseException as error:
            print(f"--- seed {seed}: {types}\n{source}\n{type(error).__name__}: {error}")
            return 1
        faulthandler.cancel_dump_traceback_later()
    print(f"{options.programs} texts from seed {options.first} on: {outcomes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
