"""Timing a call: the first one apart, then a warm-up, then as many as make a steady median."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

__all__ = ("Timing", "measure")

# Guessed: long enough for a pool's threads to wake and the processor to raise its clock.
WARM_UP_SECONDS = 0.05
# A row of short calls gets more samples than asked for, so that one interruption does not move its median.
SAMPLING_SECONDS = 0.25
MOST_SAMPLES = 1000


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of the calls of one row, and what the last of them returned."""

    first: float
    samples: tuple[float, ...]
    result: object

    @property
    def median(self) -> float:
        """The median of the samples, in seconds."""
        return statistics.median(self.samples)

    @property
    def minimum(self) -> float:
        """The shortest of the samples, in seconds."""
        return min(self.samples)


def measure(call: Callable[[], object], repeat: int, on_sample: Callable[[], object]) -> Timing:
    """Time `call`.

    Args:
        call: what is timed. Its first call is timed apart, because a compiled function compiles in it.
        repeat: the least number of samples; short calls get more.
        on_sample: called between samples, outside of what is timed, at most `repeat` times.
    """
    start = perf_counter()
    result = call()
    first = perf_counter() - start

    # A call longer than the whole warm-up has warmed everything up by itself.
    if first < WARM_UP_SECONDS or repeat > 1:
        deadline = perf_counter() + WARM_UP_SECONDS
        call()
        while perf_counter() < deadline:
            call()

    samples: list[float] = []
    total = 0.0
    collects = gc.isenabled()
    gc.disable()
    try:
        while len(samples) < repeat or (total < SAMPLING_SECONDS and len(samples) < MOST_SAMPLES):
            start = perf_counter()
            result = call()
            seconds = perf_counter() - start
            samples.append(seconds)
            total += seconds
            if len(samples) <= repeat:
                on_sample()
    finally:
        if collects:
            gc.enable()
    return Timing(first, tuple(samples), result)
