"""Plans at the paper's scale, made without its images."""

from pathlib import Path

from tfadv import config
from tfadv.planning.plan import build_plan

ROOT = Path(__file__).resolve().parent.parent
IMAGENET = "gin/scale/imagenet.gin"


def planned(*files, bindings=(), scale=IMAGENET):
    config.read([*files, scale], ["imagenet.folder = '/no/such/folder'", *bindings])
    return build_plan()
