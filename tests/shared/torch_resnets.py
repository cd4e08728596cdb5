"""ResNets as PyTorch's libraries name and compute them, in NumPy and plain TensorFlow alone."""

import numpy as np
import tensorflow as tf


class TorchResNet:
    """A network by its tensors, such as ``state_dict()`` returns them; draws them at first.

    Args:
        blocks: of each stage.
        width: of the first stage.
        classes: number of logits.
        kind: ``bottleneck`` or ``basic`` as in torchvision, ``preactivation`` or ``wide`` as in
            RobustBench.
        seed: of the tensors.
    """

    def __init__(self, blocks, width=4, classes=5, kind="bottleneck", seed=0):
        self.blocks, self.kind, self.width = blocks, kind, width
        self._random = np.random.default_rng(seed)
        self.tensors = {}
        small = kind in ("preactivation", "wide")
        self.stem = {"wide": 16, "preactivation": width}.get(kind, width)
        self._draw_conv("conv1", 3 if small else 7, 3, self.stem)
        if not small:
            self._draw_norm("bn1", width)
        channels = self.stem
        for name, stage, stride in self._names():
            channels = self._draw_block(name, channels, width * 2**stage, stride)
        if small:
            self._draw_norm("bn1" if kind == "wide" else "bn", channels)
        self.head = "linear" if kind == "preactivation" else "fc"
        self.tensors[f"{self.head}.weight"] = self._normal(classes, channels)
        self.tensors[f"{self.head}.bias"] = self._normal(classes)

    def _names(self):
        for stage, count in enumerate(self.blocks):
            for block in range(count):
                wide = f"block{stage + 1}.layer.{block}"
                name = wide if self.kind == "wide" else f"layer{stage + 1}.{block}"
                yield name, stage, 2 if stage and not block else 1

    def _normal(self, *shape):
        return self._random.normal(0, 0.2, shape).astype("float32")

    def _draw_conv(self, name, size, inputs, outputs):
        self.tensors[f"{name}.weight"] = self._normal(outputs, inputs, size, size)

    def _draw_norm(self, name, channels):
        for part in ("weight", "bias", "running_mean"):
            self.tensors[f"{name}.{part}"] = 1 + self._normal(channels)
        variance = self._random.uniform(0.5, 2, channels).astype("float32")
        self.tensors[f"{name}.running_var"] = variance
        self.tensors[f"{name}.num_batches_tracked"] = np.array(7)

    def _draw_block(self, name, inputs, width, stride):
        bottleneck = self.kind == "bottleneck"
        outputs = 4 * width if bottleneck else width
        shapes = [(3, inputs, width), (3, width, width)]
        if bottleneck:
            shapes = [(1, inputs, width), (3, width, width), (1, width, outputs)]
        before = self.kind in ("preactivation", "wide")
        for number, (size, from_, to) in enumerate(shapes, 1):
            self._draw_conv(f"{name}.conv{number}", size, from_, to)
            self._draw_norm(f"{name}.bn{number}", from_ if before else to)
        if stride > 1 or inputs != outputs:
            shortcut = {"wide": "convShortcut", "preactivation": "shortcut.0"}.get(self.kind)
            self._draw_conv(f"{name}.{shortcut or 'downsample.0'}", 1, inputs, outputs)
            if not before:
                self._draw_norm(f"{name}.downsample.1", outputs)
        return outputs

    def __call__(self, x):
        """Returns logits of float32 images [N, H, W, 3], normalized as the network wants them."""
        x = tf.cast(x, tf.float32)
        x = self._conv("conv1", x, 2 if self.kind in ("bottleneck", "basic") else 1)
        if self.kind in ("bottleneck", "basic"):
            x = tf.pad(tf.nn.relu(self._norm("bn1", x)), _ONE, constant_values=-np.inf)
            x = tf.nn.max_pool2d(x, 3, 2, "VALID")
        for name, _, stride in self._names():
            x = self._block(name, x, stride)
        if self.kind in ("preactivation", "wide"):
            x = tf.nn.relu(self._norm("bn1" if self.kind == "wide" else "bn", x))
        weight, bias = (self.tensors[f"{self.head}.{part}"] for part in ("weight", "bias"))
        return tf.reduce_mean(x, [1, 2]) @ weight.T + bias

    def _block(self, name, x, stride):
        if self.kind in ("preactivation", "wide"):
            y = shortcut = tf.nn.relu(self._norm(f"{name}.bn1", x))
            y = self._norm(f"{name}.bn2", self._conv(f"{name}.conv1", y, stride))
            y = self._conv(f"{name}.conv2", tf.nn.relu(y), 1)
            for projection in (f"{name}.convShortcut", f"{name}.shortcut.0"):
                if f"{projection}.weight" in self.tensors:
                    return y + self._conv(projection, shortcut, stride)
            return y + x
        strides = (1, stride, 1) if self.kind == "bottleneck" else (stride, 1)
        y = x
        for number, by in enumerate(strides, 1):
            y = self._norm(f"{name}.bn{number}", self._conv(f"{name}.conv{number}", y, by))
            y = tf.nn.relu(y) if number < len(strides) else y
        if f"{name}.downsample.0.weight" in self.tensors:
            x = self._norm(f"{name}.downsample.1", self._conv(f"{name}.downsample.0", x, stride))
        return tf.nn.relu(x + y)

    def _conv(self, name, x, stride):
        weight = self.tensors[f"{name}.weight"]
        zeros = weight.shape[-1] // 2
        x = tf.pad(x, [[0, 0], [zeros, zeros], [zeros, zeros], [0, 0]])
        return tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0), stride, "VALID")

    def _norm(self, name, x):
        weight, bias, mean, variance = (
            self.tensors[f"{name}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


_ONE = [[0, 0], [1, 1], [1, 1], [0, 0]]
