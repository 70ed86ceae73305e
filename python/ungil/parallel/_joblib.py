"""`register`: `"ungil"` as a backend of joblib, so that other people's programs run on our processes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("register",)


def register(make_default: bool = False) -> None:
    """Make `"ungil"` a backend of joblib: of scikit-learn, and of whatever else calls joblib.

    Args:
        make_default: whether joblib uses it where no backend is asked for.

    Raises:
        ImportError: joblib is not installed.

    Example:
        >>> import joblib
        >>> from ungil.parallel import register
        >>> register()
        >>> with joblib.parallel_config("ungil", n_jobs=2):
        ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(5))
        [1, 2, 4, 8, 16]
    """
    try:
        import joblib
    except ImportError as missing:
        raise ImportError("ungil.parallel.register() makes a backend for joblib, which is not installed") from missing
    joblib.register_parallel_backend("ungil", _made, make_default=make_default)


def _made(**params: Any) -> Any:
    # It brings joblib.
    from ungil.parallel._joblib_backend import UngilBackend

    return UngilBackend(**params)
