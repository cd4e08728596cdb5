import keras
import pytest
import tensorflow as tf

from tfadv.training.step.by_block import Blocks
from tfadv.training.step.values import StepValues, with_values


@pytest.fixture
def weight():
    return keras.Variable([1.0, 2.0], name="weight")


@pytest.fixture
def number():
    return keras.Variable(3, dtype="int64", trainable=False, aggregation="only_first_replica")


def step_of(variables, change, broken, direct=()):
    @tf.function(autograph=False)
    def step():
        values = StepValues(variables, Blocks(), direct)
        with values.in_place():
            seen = change()
        values.write_unless(tf.constant(broken))
        return seen

    return step()


@pytest.mark.parametrize("broken", [False, True])
def test_a_step_sees_its_own_values_and_writes_them_unless_it_is_broken(weight, number, broken):
    def change():
        weight.assign_add([10.0, 10.0])
        number.assign_add(1)
        return weight * 2.0

    seen = step_of([weight, number], change, broken)
    assert seen.numpy().tolist() == [22.0, 24.0]
    assert weight.numpy().tolist() == ([1.0, 2.0] if broken else [11.0, 12.0])
    assert int(number.numpy()) == 4  # a step that doesn't count has its number too


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_written_at_once_is_put_back(weight, broken):
    def change():
        for _ in range(2):
            weight.assign_add([1.0, 1.0])
        return tf.identity(weight.value)

    step_of([weight], change, broken, direct=[weight])
    assert weight.numpy().tolist() == ([1.0, 2.0] if broken else [3.0, 4.0])


def test_a_variable_that_is_none_of_the_steps_is_written_at_once(weight):
    other = keras.Variable(0.0)
    step_of([weight], lambda: other.assign_add(1.0), True)
    assert float(other.numpy()) == 1.0


def test_some_variables_get_other_values_and_the_rest_keep_those_of_the_step(weight):
    other = keras.Variable(5.0)

    def change():
        other.assign(6.0)
        with with_values([weight], [tf.constant([7.0, 7.0])]):
            weight.assign_add([1.0, 1.0])
            other.assign_add(1.0)
            inside = weight * other
        return inside, tf.convert_to_tensor(weight.value)

    inside, after = step_of([weight, other], change, False)
    assert inside.numpy().tolist() == [56.0, 56.0]
    assert after.numpy().tolist() == [1.0, 2.0]
    assert float(other.numpy()) == 7.0 and weight.numpy().tolist() == [1.0, 2.0]
