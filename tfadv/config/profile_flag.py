"""``--profile``: how many steps a command profiles."""

from absl import flags

from tfadv.errors import UserError

FLAGS = flags.FLAGS
MOST = 100  # a step of a large network is tens of thousands of events


def define() -> None:
    """Defines the flag, once for all commands of a process."""
    if "profile" not in FLAGS:
        message = "How many steps to profile, after the first: where their time goes, as a table "
        message += "and for TensorBoard."
        flags.DEFINE_integer("profile", None, message)


def check() -> None:
    """Raises `UserError` unless so many steps can be profiled."""
    asked = FLAGS.profile
    if asked is not None and not 1 <= asked <= MOST:
        raise UserError(f"--profile must be a number of steps in 1..{MOST}, got {asked}")
