"""Threads that write wait in a queue, not in a scramble."""

from __future__ import annotations

import signal
import threading

import pytest

from connector.store.turns import Turns


def test_turns_come_in_the_order_of_asking() -> None:
    turns, order = Turns(), list[int]()
    threads = []

    def take(number: int) -> None:
        with turns:
            order.append(number)

    with turns:
        for number in range(20):
            thread = threading.Thread(target=take, args=(number,))
            thread.start()
            threads.append(thread)
            while turns.waiting < number + 1:
                thread.join(0.001)
    for thread in threads:
        thread.join()

    assert order == list(range(20))


def test_an_interrupt_while_waiting_leaves_no_turn_that_nobody_takes() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    turns, held, let_go = Turns(), threading.Event(), threading.Event()

    def hold() -> None:
        with turns:
            held.set()
            let_go.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()

    def interrupt() -> None:
        while not turns.waiting:
            let_go.wait(0.001)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()

    with pytest.raises(KeyboardInterrupt), turns:
        pass

    let_go.set()
    holder.join()
    interrupter.join()

    with turns:
        assert turns.waiting == 0
