"""A recursive lock may be acquired again by the thread that has it, and is free after as many releases."""

from ungil.threading import RLock


class Account:
    """An account whose methods call one another; with a plain `Lock`, `deposit_all` would wait for itself."""

    def __init__(self):
        self._lock = RLock()
        self._balance = 0

    def deposit(self, amount):
        """Add an amount."""
        with self._lock:
            self._balance += amount

    def deposit_all(self, amounts):
        """Add all the amounts, between which no other thread comes in."""
        with self._lock:
            for amount in amounts:
                self.deposit(amount)
            return self._balance


if __name__ == "__main__":
    print(Account().deposit_all([10, 20, 30]))
