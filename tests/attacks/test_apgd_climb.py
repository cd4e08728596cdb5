"""The climb of Auto-PGD: its checkpoints, its first state, and what a checkpoint does."""

import numpy as np
import tensorflow as tf

from tfadv.attacks.apgd_climb import State, at_checkpoint, checkpoints, first_state


def test_checkpoints_are_the_papers():
    """Section 3.2: p₀ = 0, p₁ = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    ends = [round(100 * share) for share in shares[1:] if share <= 1]
    assert [end + 1 for end in checkpoints(100)] == ends


def test_a_stretch_halves_the_step_after_few_rises_or_no_gain():
    """Section 3.3's two conditions; the second only where the step wasn't halved just before."""
    image, rows = tf.zeros((4, 1, 1, 1)), tf.constant
    state = State(
        count=rows(10),
        x=image + 1,
        before=image,
        gradient=image,
        loss=tf.zeros(4),
        best=image + 2,
        best_gradient=image,
        best_loss=rows([5.0, 5.0, 5.0, 6.0]),
        best_loss_then=rows([5.0, 5.0, 5.0, 5.0]),
        step=tf.fill([4], 8.0),
        rises=rows([7.0, 8.0, 8.0, 8.0]),
        halved_then=rows([False, False, True, False]),
    )
    after = at_checkpoint(state, rows(10.0))
    np.testing.assert_array_equal(after.step, [4, 4, 8, 8])
    np.testing.assert_array_equal(np.ravel(after.x), [2, 2, 1, 1])
    np.testing.assert_array_equal(after.halved_then, [True, True, False, False])
    np.testing.assert_array_equal(after.rises, 0)
    between = at_checkpoint(state, rows(0.0))
    np.testing.assert_array_equal(between.step, 8)


def test_the_first_state_is_the_authors():
    """The first stretch counts as halved before, and the first loss is compared with 0."""
    start, loss = tf.zeros((2, 1, 1, 1)), tf.constant([1.0, 2.0])
    state = first_state(start, 16.0, start, loss)
    assert np.all(state.halved_then) and not np.any(state.loss)
    np.testing.assert_array_equal(state.step, 16)
    np.testing.assert_array_equal(state.best_loss_then, loss)
