"""What the rest of a grid computes, takes and costs, against the sums by hand."""

import json

import pytest
from shared.smoke_trainers import SMOKE

from tfadv.config.hardware import Hardware
from tfadv.planning.plan import build_plan
from tfadv.planning.workload import measure_forward
from tfadv.reproduction import cells, costs
from tfadv.reproduction.experiment import model, trained_with
from tfadv.reproduction.runner import Runner

SCALE = cells.setting_of([SMOKE], ["Hardware.device = 'A100'"])
IMAGES, EPOCHS = 16, 2


@pytest.fixture
def runner(tmp_path):
    return Runner(tmp_path, SCALE, print)


def forward(runner, cell):
    plan = build_plan(runner.read(cell))
    return measure_forward(plan.build_model())


@pytest.mark.parametrize(
    ("files", "attack_steps", "trained", "branches"),
    [
        (model("clean"), 0, 1, 1),
        (model("adv_100_clean_20"), 2, 1.1875, 1),  # 3 of 16 clean images
        (model("mbn"), 2, 2, 2),
        (trained_with("mbn", 5), 1, 2, 2),
    ],
)
def test_a_cell_costs_its_passes(runner, files, attack_steps, trained, branches):
    cell = cells.cell_of(files, 0, SCALE)
    one = forward(runner, cell)
    cost = costs.Costs(runner).of(cell)
    # A gradient by the images costs two forwards, one by the weights three.
    of_an_image = 2 * attack_steps + 3 * trained
    assert sum(cost.training.values()) == pytest.approx(one * of_an_image * IMAGES * EPOCHS)
    # PGD-20 to 2000 are one trajectory, PGD-10 another, and each judges its last image; 20 images.
    passes = (2000 + 1) + (10 + 1)
    assert cost.evaluation == {"float32": pytest.approx(one * (2 * passes + 1) * 20 * branches)}


def test_a_network_is_traced_once(runner, monkeypatch):
    built = []
    monkeypatch.setattr(costs, "measure_forward", lambda m: built.append(m) or measure_forward(m))
    counted = costs.Costs(runner)
    for seed in (0, 1):
        for name in ("adv_100_clean_0", "adv_100_clean_100", "alp"):
            counted.of(cells.cell_of(model(name), seed, SCALE))
    assert len(built) == 1
    counted.of(cells.cell_of(model("adv_100_clean_0_frozen", "depth/638"), 0, SCALE))
    assert len(built) == 2


def test_the_rest_takes_what_is_left_at_the_speed_that_was_reached(runner):
    done, left = (cells.cell_of(model(name), 0, SCALE) for name in ("clean", "mbn"))
    for cell in (done, left):
        cell.run(runner.folder).mkdir(parents=True)
    runner.record_path(done).write_text("{}")
    (runner.folder / "runs/clean/seed0.seconds.json").write_text(json.dumps({"train": 7200.0}))
    of_done, of_left = (costs.Costs(runner).of(cell).total for cell in (done, left))
    hardware = Hardware("A100", devices=8, utilization=0.5, price_per_hour=3.0)
    lines = list(costs.lines(runner, [done, left], hardware))
    assert lines[0].startswith("1/2 clean, seed 0: finished; ")
    assert lines[1].startswith("2/2 mbn, seed 0: not run; ")
    assert lines[2:4] == ["runs: 1 finished, 1 to do", f"compute: at most {of_left:.3g} FLOP"]
    stated = of_left / (156e12 * 8 * 0.5)
    assert lines[4].startswith(f"time: at most {stated / 60:.3g} minutes (8 x A100 at 50%")
    hours = 2 * of_left / of_done
    assert f"price {hours * 8 * 3:,.0f}" in lines[5]
    assert f"about {hours:.3g} hours" in lines[5]
