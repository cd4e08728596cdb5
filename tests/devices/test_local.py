"""What is known of the machine."""

import json
import os

import pytest

from tfadv.devices import local
from tfadv.errors import UserError


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx512f avx512_bf16", "Fast One, 2 cores"),
        ("avx512f amx_tile amx_bf16", "Fast One with AMX, 2 cores"),
    ],
)
def test_a_processor_is_named_by_itself_and_its_tiles(monkeypatch, tmp_path, flags, name):
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"model name\t: Fast One\nflags\t: fpu {flags}\n\n" * 2)
    monkeypatch.setattr(local, "_CPU", cpu)
    assert local.processor_name() == local.machine()["processor"] == name


def test_a_machine_is_another_with_other_switches_of_its_kernels(monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    before = local.machine()
    assert 1 <= before["cores"] <= os.cpu_count() and before["accelerators"] == []
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert local.machine() == before | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    json.dumps(before)
    assert local.computing_device() == local.processor_name()
    gpus = ["Fast GPU", "Fast GPU"]
    monkeypatch.setattr(local, "machine", lambda: before | {"accelerators": gpus})
    assert local.computing_device() == "Fast GPU"


def test_what_to_compile_is_stated():
    assert local.compiles(True) and not local.compiles(False)
    assert local.compiles("auto") == local.has_accelerator()
    with pytest.raises(UserError, match="mine must be True, False or 'auto', got 'maybe'"):
        local.check_jit_compile("mine", "maybe")
