"""Folders of image files, some of which nobody should train on."""

import numpy as np
from PIL import Image

from shared.image_files import encoded

CUT, EMPTY, TEXT, OTHER = 10, 5, 5, 5


def smooth(seed, height=48, width=64):
    """Returns a picture uint8 [height, width, 3] of a few soft shapes, another for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))


def write_pictures(folder, splits, classes=("blue", "red"), each=4):
    """Writes SPLIT/CLASS/NUMBER.png, all different; returns the paths in order."""
    paths = []
    for split in splits:
        for class_name in classes:
            (folder / split / class_name).mkdir(parents=True)
            for number in range(each):
                path = folder / split / class_name / f"{number}.png"
                Image.fromarray(smooth(len(paths))).save(path)
                paths.append(path)
    return paths


def write_noise(folder, count):
    """Writes `count` JPEGs of 32x32 noise in ten classes; returns the paths in order."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        path = folder / f"class_{number % 10}" / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded("RGB", "jpeg", random.integers(0, 256, (32, 32, 3), np.uint8)))
        paths.append(path)
    return sorted(paths)


def spoil(paths):
    """Spoils 25 files, spread over all; returns the reasons by path."""
    count = CUT + EMPTY + TEXT + OTHER
    chosen = iter(paths[:: len(paths) // count][:count])
    reasons = {}
    for _ in range(CUT):
        path = next(chosen)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        reasons[path] = "was cut short"
    for _ in range(EMPTY):
        path = next(chosen)
        path.write_bytes(b"")
        reasons[path] = "is empty"
    for _ in range(TEXT):
        path = next(chosen)
        path.write_text("404: not found")
        reasons[path] = "is no JPEG"
    for _ in range(OTHER):
        path = next(chosen)
        path.write_bytes(encoded("RGB", "tiff"))
        reasons[path] = "is no JPEG"
    return reasons
