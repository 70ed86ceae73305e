"""A daemon does not keep a program from ending, which waits for its other threads alone."""

import time

from ungil.threading import Thread, main_thread


def outlive_the_main_thread():
    """Wait for the main thread, as for any other."""
    main_thread().join()
    print("so is the other thread, and the daemon ends with the program")


if __name__ == "__main__":
    Thread(target=time.sleep, args=(3600,), daemon=True).start()
    Thread(target=outlive_the_main_thread).start()
    print("the main thread is over")
