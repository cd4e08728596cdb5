"""Plans at the paper's scale, made without its images."""

from tfadv import config
from tfadv.planning.plan import build_plan

IMAGENET = "gin/scale/imagenet.gin"


def planned(*files, bindings=(), scale=IMAGENET):
    config.read([*files, scale], ["imagenet.folder = '/no/such/folder'", *bindings])
    return build_plan()
