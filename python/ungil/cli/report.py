"""The outcomes of a run, and the figures that follow from them: ratios, the best peer, and JSON."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ungil.cli.rows import Benchmark, Family, Outcome

__all__ = ("Report",)


@dataclass(frozen=True)
class Report:
    """A benchmark and what became of each of its rows, in their order."""

    benchmark: Benchmark
    outcomes: tuple[Outcome, ...]

    @property
    def plain(self) -> Outcome | None:
        """The row of plain Python, or None when it has no timing."""
        first = self.outcomes[0]
        return first if first.timing is not None else None

    @property
    def best_peer(self) -> Outcome | None:
        """The fastest row that is not ours, by median, or None when none ran."""
        others = [o for o in self.outcomes if o.timing is not None and o.row.family is not Family.UNGIL]
        return min(others, key=_median, default=None)

    @property
    def failed(self) -> bool:
        """Whether a row of ours raised something: a fault, where a peer that is not installed is none."""
        return any(o.failed and o.row.family is Family.UNGIL for o in self.outcomes)

    def ratio(self, outcome: Outcome, reference: Outcome | None) -> float | None:
        """Return how many times faster `outcome` is than `reference`, by their medians."""
        if outcome.timing is None or reference is None or reference.timing is None:
            return None
        return reference.timing.median / outcome.timing.median

    def verdict(self, outcome: Outcome) -> str:
        """Judge the row's result, in a few characters."""
        if outcome.timing is None:
            return ""
        plain = self.plain
        return self.benchmark.verdict(outcome.timing.result, plain and plain.timing and plain.timing.result)

    def as_json(self, words: Sequence[str], machine: dict[str, object]) -> dict[str, object]:
        """Return everything as JSON values; times are seconds.

        Args:
            words: the command line after the command's name.
            machine: where it ran, and the versions of what ran.
        """
        best = self.best_peer
        return {
            "command": shlex.join(["ungil", *words]),
            "machine": machine,
            "parameters": self.benchmark.parameters,
            "exact": self.benchmark.exact,
            "best_peer": best.row.name if best else None,
            "rows": [self._row_as_json(outcome) for outcome in self.outcomes],
        }

    def _row_as_json(self, outcome: Outcome) -> dict[str, object]:
        row, timing = outcome.row, outcome.timing
        described: dict[str, object] = {
            "name": row.name,
            "family": row.family.value,
            "ran": timing is not None,
        }
        if timing is None:
            return {**described, "reason": outcome.reason, "failed": outcome.failed}
        number = isinstance(timing.result, int | float) and not isinstance(timing.result, bool)
        exact = self.benchmark.exact
        return {
            **described,
            "median_seconds": timing.median,
            "min_seconds": timing.minimum,
            "samples": len(timing.samples),
            "first_call_seconds": timing.first if row.compiles else None,
            "times_plain_python": self.ratio(outcome, self.plain),
            "times_best_peer": self.ratio(outcome, self.best_peer),
            "result": timing.result if number else repr(timing.result),
            "error": timing.result - exact if number and exact is not None else None,  # type: ignore[operator]
            "verdict": self.verdict(outcome),
        }


def _median(outcome: Outcome) -> float:
    return outcome.timing.median if outcome.timing is not None else float("inf")
