"""`join` waits for the end of a thread, and may be called again; `is_alive` tells whether the thread is running."""

from ungil.threading import Event, Thread

if __name__ == "__main__":
    may_end = Event()
    thread = Thread(target=may_end.wait)
    print("before its start:", thread.is_alive())
    thread.start()
    print("after its start:", thread.is_alive())
    may_end.set()
    thread.join()  # waits for the end
    thread.join()  # returns at once
    print("after its end:", thread.is_alive())
