"""Mistakes that Hypothesis draws: the same ones every time."""

import string
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.reliability.bad_inputs import NAMES, NUMBERS, TRAIN

_LETTERS = string.ascii_letters + string.digits + "_"
_TEXT = st.text(string.printable + "äß→\u202e[]{}()'\"%@$<>|`\\", min_size=1, max_size=20)
_WORDS = st.text(_LETTERS, min_size=1, max_size=12)
# What a file could be called, which there isn't.
_PLACES = st.text(_LETTERS + " .-[]<>|`'\"äß→", min_size=1, max_size=30).map(
    lambda name: f"nowhere/{name}"
)


def _misspelt(word: str) -> st.SearchStrategy[str]:
    """Returns words that one letter more, less or changed makes of one."""
    places = st.integers(0, len(word) - 1)
    letters = st.sampled_from(_LETTERS)
    return st.one_of(
        places.map(lambda i: word[:i] + word[i + 1 :]),
        st.builds(lambda i, c: word[:i] + c + word[i:], places, letters),
        st.builds(lambda i, c: word[:i] + c + word[i + 1 :], places, letters),
    )


def _unknown_parameters(known: set[str]) -> st.SearchStrategy[str]:
    misspelt = st.sampled_from(NUMBERS).flatmap(
        lambda key: st.tuples(st.just(key.partition(".")[0]), _misspelt(key.partition(".")[2]))
    )
    keys = misspelt.map(".".join).filter(lambda key: key not in known and key[-1] != ".")
    return keys.map(lambda key: f"{key} = 1")


def _wrong_values() -> st.SearchStrategy[str]:
    values = st.one_of(
        _WORDS.map(repr),
        st.lists(st.integers(), max_size=3).map(repr),
        st.dictionaries(_WORDS, st.integers(), max_size=2).map(repr),
        st.integers(max_value=-1).map(str),
        st.floats(max_value=-1e-3, allow_nan=False, allow_infinity=False).map(repr),
        st.integers(10**25, 10**40).map(str),
        st.binary(max_size=4).map(repr),
    )
    return st.builds("{} = {}".format, st.sampled_from(NUMBERS), values)


def _unknown_names(known: set[str]) -> st.SearchStrategy[str]:
    names = st.one_of(_TEXT, _WORDS, st.sampled_from(sorted(known)).flatmap(_misspelt))
    names = names.filter(lambda name: name.rpartition("/")[2] not in known)
    parts = st.sampled_from([name for name in NAMES if name != "model"])
    return st.builds("Experiment.{} = {!r}".format, parts, names)


def _no_statements() -> st.SearchStrategy[str]:
    ends = st.sampled_from(["(", "[", "{", '"""', "'", "= =", "@", "%", "\\", ".x"])
    return st.builds("{} = {}{}".format, st.sampled_from(NUMBERS), _WORDS, ends)


def _flags() -> st.SearchStrategy[tuple[str, ...]]:
    flag = st.sampled_from(["gin_file", "gin_bindings", "model_dir", "plugin", "plugin_dir"])
    misspelt = flag.flatmap(_misspelt).filter(lambda name: len(name) > 3)
    unknown = misspelt.filter(lambda name: name not in ("gin_file", "gin_bindings", "plugin"))
    return st.builds(lambda name, value: ("train", f"--{name}x={value}"), unknown, _WORDS)


def _places() -> st.SearchStrategy[tuple[str, ...]]:
    commands = (
        ("evaluate", "--model_dir="),
        ("evaluate", "--saved_model="),
        ("export", "--output_dir=bundle", "--model_dir="),
        ("data", "--folder="),
        ("data", "--npz="),
        (*TRAIN, "--gin_file="),
        (*TRAIN, "--plugin_dir="),
        (*TRAIN, "--plugin="),
    )
    return st.builds(
        lambda words, place: (*words[:-1], words[-1] + place), st.sampled_from(commands), _PLACES
    )


def _bound(bindings: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return bindings.map(lambda binding: (*TRAIN, f"--gin_bindings={binding}"))


def _drawn(strategy: st.SearchStrategy, count: int) -> list[tuple[str, ...]]:
    """Returns different examples of a strategy, the same ones every time."""
    found: dict[tuple[str, ...], None] = {}

    @settings(
        max_examples=3 * count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(words):
        found.setdefault(words)

    draw()
    return list(found)[:count]


def cases(parameters: set[str], names: set[str], count: int = 40) -> Iterator[tuple[str, ...]]:
    """Yields mistakes as `bad_inputs.cases` does.

    Args:
        parameters: all that there are, ``Name.parameter``.
        names: of all registered parts.
        count: how many of each of the six kinds, at most.
    """
    kinds = (
        _unknown_parameters(parameters),
        _wrong_values(),
        _unknown_names(names),
        _no_statements(),
    )
    for strategy in (*map(_bound, kinds), _flags(), _places()):
        yield from _drawn(strategy, count)
