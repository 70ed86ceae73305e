"""Mathematics and operators, written in the language that ungil compiles.

The compiler embeds these files, finds a function by its name in any of them (names are therefore unique among all,
helpers included) and compiles it into its caller, where it vectorises with the caller's loop. In CPython they run
too, over the stand-ins for the machine's operations in `_intrinsics`; so the tests check them against CPython and
mpmath.

- `_intrinsics`: the machine's operations.
- `math_sine`, `math_tangent`, `math_arcsine`, `math_arctangent`, `math_exponential`, `math_logarithm`, `math_power`,
  `math_hyperbolic`, `math_inverse_hyperbolic`, `math_error`, `math_gamma`: functions of `math` by subject.
- `math_sine_fast`, `math_tangent_fast`, `math_arcsine_fast`, `math_arctangent_fast`, `math_exponential_fast`,
  `math_logarithm_fast`, `math_power_fast`, `math_hyperbolic_fast`, `math_inverse_hyperbolic_fast`, `math_error_fast`:
  faster ones.
- `math_reduction`: huge angles, as the runtime reduces them.
- `math_floats`, `math_integers`: the rest of `math`.
- `operators_integer`, `operators_float`, `operators_complex`: operators that are more than one operation of the
  machine.
- `operators_rounding`: `round` to digits.

Functions of `math` take and return `float64`. Outside their domain they give the NaN or infinity of the C library, as
numba does, where CPython raises. A function whose name ends in `_fast` takes the place of the one without in code
compiled with `fastmath`. The order of operations is what the bounds of errors rest on: none of these functions may be
compiled with liberties of floating-point arithmetic, not even the fusing of products and sums.

A guard against rare arguments is written `if unlikely(condition): return libm(...)`, or sets variables there: the
compiler runs a loop without it and goes over the loop again where it held.
"""
