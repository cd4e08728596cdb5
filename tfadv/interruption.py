"""Signals that ask a command to stop, SIGTERM and SIGINT, whenever they come.

The first raises `Interrupted`, or is noted where work must first come to a state that can be
resumed. A second one ends the process, and so does the end of the first one's grace: every file
is written as a whole or not at all. A thread sees to that, since Python's handlers don't run
while TensorFlow computes.
"""

import contextlib
import dataclasses
import math
import os
import select
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 30.0
_SECONDS_BETWEEN_LOOKS = 0.1
_SHOW_CURSOR = "\r\x1b[?25h\x1b[K"  # which a bar hides


class Interrupted(BaseException):  # noqa: N818  (nothing went wrong)
    """A signal asked the work to stop.

    Args:
        number: the signal's.
        leaves: words that say what there is now, such as "at step 40, saved".

    Attributes:
        signal: the signal's number.
    """

    def __init__(self, number: int, leaves: str):
        super().__init__(f"stopped by {signal.Signals(number).name} {leaves}")
        self.signal = number


@dataclasses.dataclass(eq=False)
class Answer:
    """What becomes of signals while some work goes on.

    Attributes:
        leaves: words that say what there is if it ends now.
        grace: seconds from the first signal to the end of the process; none before there is
            something to end well, infinite where another process has a grace of its own.
        act: takes the first signal in the main thread; with an infinite grace, every one.
        signal: the first one that came, 0 if none.
    """

    leaves: str
    grace: float
    act: Callable[[int], None] | None = None
    signal: int = 0

    def hand_on(self, send: Callable[[int], None]) -> None:
        """Sends signals, and one that came already, to another process."""
        self.act = send
        if self.signal:
            send(self.signal)

    def take(self, number: int, *_) -> None:
        """Answers a signal, in the main thread."""
        first, self.signal = not self.signal, self.signal or number
        if self.act and (first or self.grace == math.inf):
            self.act(number)

    def interrupt(self, number: int) -> None:
        """Raises `Interrupted`."""
        raise Interrupted(number, self.leaves)


_answers = [Answer("before the work began", grace=0)]  # the last is the one that holds
_listens = False  # whether this process is a command


def listen() -> None:
    """Makes this process, a command at its start, answer signals in one line."""
    global _listens
    _listens = True
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_forget)
    sys.unraisablehook, sys.excepthook = _unraisable, _uncaught
    answer_again()
    # The thread holds the sockets, which would be closed otherwise.
    threading.Thread(target=_watch, args=(reading, writing), daemon=True).start()


def answer_again() -> None:
    """Takes signals back from a library that took them, if this process is a command."""
    for number in SIGNALS if _listens else ():
        signal.signal(number, lambda number, _: _answers[-1].take(number))


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """Ends the program where a signal stops the work inside; one that comes later is ignored.

    Raises:
        SystemExit: 128 + the signal, after a line that says what there is and how to go on.
    """
    try:
        with leaving(_answers[-1].leaves):
            yield
    except Interrupted as interruption:
        print(_line(str(interruption)), file=sys.stderr, flush=True)
        sys.exit(128 + interruption.signal)
    finally:
        _answers[-1].grace = GRACE_SECONDS  # for the end of the process


@contextlib.contextmanager
def leaving(words: str) -> Iterator[Answer]:
    """Lets a signal raise `Interrupted` inside, which says `words`, such as "with nothing saved".

    What fails after a signal fails of it: TensorFlow's C++ may turn an `Interrupted` into an
    error of another type. Without `listen`, as in a notebook, signals are left as they are.
    """
    answer = Answer(words, GRACE_SECONDS)
    answer.act = answer.interrupt
    with _holding(answer):
        try:
            yield answer
        except Exception as error:
            if not answer.signal:
                raise
            raise Interrupted(answer.signal, answer.leaves) from error


@contextlib.contextmanager
def noted(grace: float = math.inf) -> Iterator[Answer]:
    """Notes a signal while the work inside asks for it and ends by itself.

    Without `listen`, a second one finds what answered before, and where this is not the main
    thread no signal is heard.

    Args:
        grace: seconds that this may take.

    Yields:
        The answer, whose `signal` is to be looked at.
    """
    answer = Answer(_answers[-1].leaves, grace)
    hears = not _listens and threading.current_thread() is threading.main_thread()
    with _holding(answer), _heard() if hears else contextlib.nullcontext():
        yield answer


@contextlib.contextmanager
def _holding(answer: Answer) -> Iterator[None]:
    answer.signal = _answers[-1].signal
    _answers.append(answer)
    try:
        if answer.signal and answer.act:  # noted before
            answer.act(answer.signal)
        yield
    finally:
        _answers.pop()
        if len(_answers) > 1 or _listens:  # another time is another work's
            _answers[-1].signal = answer.signal


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    before: dict[int, object] = {}

    def hear(number, _):
        if _answers[-1].grace < math.inf:
            signal.signal(number, before[number])
        _answers[-1].take(number)

    for number in SIGNALS:
        before[number] = signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(reading: socket.socket, _: socket.socket) -> None:
    """Ends the process at a second signal, or when the first one's grace is over."""
    first = _next_signal(reading, None)
    name, since = signal.Signals(first).name, time.monotonic()
    while True:
        grace = _answers[-1].grace
        if grace == math.inf:
            since = time.monotonic()
        if time.monotonic() - since >= grace:
            what = f"ended {grace:g} s after {name}" if grace else f"stopped by {name}"
            _end(first, f"{what} {_answers[-1].leaves}")
        second = _next_signal(reading, _SECONDS_BETWEEN_LOOKS)
        if second and _answers[-1].grace < math.inf:
            name = signal.Signals(second).name
            _end(first, f"ended by a second signal, {name}, {_answers[-1].leaves}")


def _next_signal(reading: socket.socket, seconds: float | None) -> int:
    """Returns the next signal that asks to stop; 0 if none comes within some seconds."""
    while select.select([reading], [], [], seconds)[0]:
        number = reading.recv(1)[0]
        if number in SIGNALS:
            return number
    return 0


def _end(number: int, what: str) -> None:
    """Ends the process, whatever it is at."""
    line = _line(what)
    with contextlib.suppress(OSError):
        os.write(2, f"{_SHOW_CURSOR if os.isatty(2) else ''}{line}\n".encode(errors="replace"))
    os._exit(128 + number)


def _line(what: str) -> str:
    return f"{what}; to go on: {_command()}"


def _command() -> str:
    """Returns the command line of this process."""
    spec = sys.modules["__main__"].__spec__
    words = sys.orig_argv
    if spec:  # Python has found the command
        words = [words[0], "-m", spec.name.removesuffix(".__main__"), *sys.argv[1:]]
    return " ".join(shlex.join(words).splitlines())


def _hold() -> None:
    """Holds signals back while a process is forked, which must not answer as this one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _forget() -> None:
    """Leaves signals to a forked process as if this one were no command."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _release()


def _unraisable(found) -> None:
    """Ends the process where Python can't pass an `Interrupted` on; says all else."""
    _end_if_interrupted(found.exc_type)
    sys.__unraisablehook__(found)


def _uncaught(exc_type: type[BaseException], error: BaseException, trace) -> None:
    """Does the same where C++ can't, which prints what its calls of Python raise."""
    _end_if_interrupted(exc_type)
    sys.__excepthook__(exc_type, error, trace)


def _end_if_interrupted(exc_type: type[BaseException]) -> None:
    answer = _answers[-1]
    if exc_type is Interrupted or (answer.signal and answer.act == answer.interrupt):
        _end(answer.signal, str(Interrupted(answer.signal, answer.leaves)))
