"""Makes reference.npz, what OpenCV makes of small files: needs opencv-python, pillow.

``python tests/shared/opencv/make_reference.py`` in an environment that has them; the
project's own needs neither this script nor OpenCV. Written by OpenCV 5.0.0 on x86-64
(with IPP; its own resize, without, rounds weights to 11 bits and differs by at most 1).

Arrays, uint8: ``file_NAME`` is a file's bytes and ``read_NAME`` RGB pixels [h, w, 3] of
``imread``; ``resized_H_W`` is read_colour resized by ``INTER_CUBIC``; ``grey`` is
read_colour in grey.
"""

import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

KINDS = {
    "colour": ("RGB", {}),
    "all_colour": ("RGB", {"subsampling": 0}),
    "progressive": ("RGB", {"progressive": True}),
    "grey": ("L", {}),
    "cmyk": ("CMYK", {}),
}
SIZES = [(24, 24), (11, 17), (47, 40), (32, 43), (8, 6)]


def picture(height, width):
    """Returns a smooth picture with some noise."""
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (4, 5, 3)).astype(np.uint8)
    smooth = np.array(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))
    noisy = smooth + random.normal(0, 12, smooth.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def jpeg(image, **options):
    """Returns a JPEG file's bytes."""
    file = io.BytesIO()
    image.save(file, "jpeg", quality=85, **options)
    return file.getvalue()


def exif(orientation):
    """Returns EXIF data, in little endian for odd orientations and in big for even ones."""
    order, name = ("little", b"II*\0") if orientation % 2 else ("big", b"MM\0*")
    numbers = [(8, 4), (2, 2)]
    for tag, value in ((0x0100, 13), (0x0112, orientation)):
        numbers += [(tag, 2), (3, 2), (1, 4), (value, 2), (0, 2)]
    numbers.append((0, 4))
    return b"Exif\0\0" + name + b"".join(n.to_bytes(size, order) for n, size in numbers)


def read(data):
    """Returns what OpenCV reads, in RGB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.jpg"
        path.write_bytes(data)
        return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]


def main():
    """Writes the file beside this script."""
    large, small = picture(24, 32), picture(9, 13)
    files = {name: jpeg(large.convert(mode), **more) for name, (mode, more) in KINDS.items()}
    for orientation in range(1, 9):
        files[f"lies_{orientation}"] = jpeg(small, exif=exif(orientation))
    arrays = {f"file_{name}": np.frombuffer(data, np.uint8) for name, data in files.items()}
    arrays |= {f"read_{name}": read(data) for name, data in files.items()}
    colour = np.ascontiguousarray(arrays["read_colour"])
    for height, width in SIZES:
        arrays[f"resized_{height}_{width}"] = cv2.resize(
            colour, (width, height), interpolation=cv2.INTER_CUBIC
        )
    arrays["grey"] = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    np.savez_compressed(Path(__file__).with_name("reference.npz"), **arrays)


if __name__ == "__main__":
    main()
