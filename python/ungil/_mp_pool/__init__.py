"""The pools of `ungil.multiprocessing`: the standard library's `Pool` and `ThreadPool`, on the executors of ours.

`pool.py` is what programs see, and `results.py` and `iterators.py` what its methods return. `crew.py` is what the three
share, of which a pool that is dropped can let go; it has calls made by `processes.py` or `threads.py`. `feeding.py`
draws from the iterables, `callbacks.py` is the thread that calls back, `chunks.py` has several calls made at once.
"""

__all__ = ()
