"""Consistency with a mean teacher as a plugin: the weights' average teaches the weights."""

import tensorflow as tf

from tfadv.errors import check
from tfadv.registry import STRATEGIES, Schedule
from tfadv.strategies import ADV, CLEAN
from tfadv.strategies.adversarial import Adversarial


@STRATEGIES.register("mean_teacher", paper="Tarvainen & Valpola, 2017")
class MeanTeacher(Adversarial):
    """Adversarial training + λ·mean‖softmax(teacher(x)) - softmax(student(x′))‖².

    The teacher is the moving average of the weights (``Training.average_decay``), which sees the
    clean image x where the student sees the attacked one x′. The distance is the squares'
    mean over the classes (the authors' section 3).

    Args:
        consistency: λ.
        ramp_up_epochs: epochs over which λ rises, by the authors' exp(-5·(1 - t)²); 0 for none.
        clean_ratio: share of the clean images kept.
        clean_weight: weight of the clean images' mean loss; None gives every image the same.
        label_smoothing: of the adversarial images' loss.
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    needs_average = True
    unchecked = {"has weights that sum to one": "what the teacher says is part of the loss"}

    def __init__(
        self,
        consistency: float | Schedule = 1.0,
        ramp_up_epochs: float = 0.0,
        clean_ratio: float = 1.0,
        clean_weight: float | Schedule | None = None,
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(clean_ratio, clean_weight, label_smoothing, clean_label_smoothing)
        check(consistency >= 0, "MeanTeacher.consistency", "be >= 0", consistency)
        check(ramp_up_epochs >= 0, "MeanTeacher.ramp_up_epochs", "be >= 0", ramp_up_epochs)
        self.consistency = consistency
        self.ramp_up_epochs = ramp_up_epochs

    def loss_of(self, step, batch):
        """Returns the loss beside the teacher's predictions, which are made here."""
        taught = tf.nn.softmax(step.teacher_logits(batch.images, CLEAN))
        weight = tf.convert_to_tensor(self.consistency)
        if self.ramp_up_epochs:
            done = tf.minimum(step.epoch / self.ramp_up_epochs, 1.0)
            weight *= tf.exp(-5 * (1 - done) ** 2)

        def loss(logits):
            apart = tf.square(tf.nn.softmax(logits[ADV]) - taught)
            return self.loss(logits, batch.truth) + weight * tf.reduce_mean(apart)

        return loss
