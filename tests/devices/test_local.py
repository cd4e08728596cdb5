"""What is chosen by the machine."""

import pytest
from shared.smoke_trainers import make_plan

from tfadv.devices import local
from tfadv.errors import UserError


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [("avx512f avx512_bf16", "float32"), ("avx512f amx_tile amx_bf16", "bfloat16")],
)
def test_auto_attacks_in_bfloat16_where_the_cpu_has_tiles(monkeypatch, tmp_path, flags, dtype):
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"flags\t: fpu {flags}\n")
    monkeypatch.setattr(local, "_CPU", cpu)
    assert local.fastest_dtype() == dtype
    chosen = make_plan("gn", "Training.attack_dtype = 'auto'")
    assert chosen.training.attack_dtype == dtype
    assert make_plan("gn", "Training.attack_dtype = 'float32'").training.attack_dtype == "float32"


def test_a_gpu_computes_in_bfloat16(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "_CPU", tmp_path / "none")
    assert local.fastest_dtype() == "float32"
    monkeypatch.setattr(
        local.tf.config, "list_physical_devices", lambda kind: ["GPU:0"] * (kind == "GPU")
    )
    assert local.fastest_dtype() == "bfloat16"


def test_what_to_compile_is_stated():
    assert local.compiles(True) and not local.compiles(False)
    assert local.compiles("auto") == local.has_accelerator()
    with pytest.raises(UserError, match="mine must be True, False or 'auto', got 'maybe'"):
        local.check_jit_compile("mine", "maybe")
