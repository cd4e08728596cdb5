"""Which class is which number, where the folders alone don't say."""

from importlib import resources

from tfadv.data.paths import existing_path
from tfadv.errors import UserError

IMAGENET = "imagenet"


def class_list(name: str, parameter: str) -> list[str]:
    """Returns the names of classes in their order.

    Args:
        name: ``imagenet`` for the 1,000 WordNet numbers of ILSVRC 2012, or a text file
            with a name in each line; ``~`` and ``$VARIABLES`` are expanded.
        parameter: the gin parameter, for the error.

    Raises:
        UserError: there is no such file, it names none, or one that no folder can have.
    """
    if name == IMAGENET:
        file = resources.files("tfadv.data") / "imagenet_classes.txt"
        return file.read_text(encoding="ascii").split()
    lines = existing_path(name, parameter).read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise UserError(f"{parameter}: '{name}' names no class", parameter)
    for one in names:  # each is a folder within another
        if "/" in one or "\0" in one or one in (".", ".."):
            raise UserError(f"{parameter}: '{name}' names {one!r}, which no folder is", parameter)
    return names
