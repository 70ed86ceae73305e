"""A bounded semaphore sees to it that no more is given back than was taken: here two licences of a program."""

from ungil.threading import BoundedSemaphore

if __name__ == "__main__":
    licences = BoundedSemaphore(2)
    licences.acquire()
    licences.acquire()
    print("taken a third time:", licences.acquire(blocking=False))

    licences.release()
    licences.release()
    try:
        licences.release()
    except ValueError as error:
        print("given back a third time:", error)
