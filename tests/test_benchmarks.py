import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.benchmarks import gpu, report
from tests.benchmarks.measure import Row, skipped, take_turns, versus
from tests.benchmarks.simulation import simulate
from workflows.recipes import multisensory

ROOT = Path(__file__).resolve().parent.parent


def row(name, ratio, target=None):
    return Row(name=name, ratio=ratio, low=ratio, high=ratio, target=target, detail="")


def test_contenders_take_turns_and_ratios_are_of_the_same_round():
    order = []
    rates = take_turns({name: lambda name=name: order.append(name) or float(len(order)) for name in "ab"}, rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    found = versus("x", rates["a"], rates["b"], target=">= 0.9", detail="d")
    assert (found.low, found.high) == (1 / 2, 4 / 3)
    assert found.ratio == 5 / 6
    assert found.met is False


@pytest.mark.parametrize(("ratio", "target", "met"), [(2.0, ">= 2", True), (2.0, "<= 1.5", False), (2.0, None, None)])
def test_a_row_knows_its_target(ratio, target, met):
    assert row("x", ratio, target).met is met
    assert skipped("x", target=target, reason="none").met is None


def test_rows_measured_again_replace_those_of_an_earlier_run(tmp_path):
    uri, page = str(tmp_path / "bench.json"), tmp_path / "performance.md"
    report.write(uri, [row("a", 1.0), row("b", 2.0, ">= 3")])
    rows = report.merge(uri, [row("a", 4.0), row("gpu_x", None)])
    assert [(r.name, r.ratio) for r in rows] == [("a", 4.0), ("b", 2.0), ("gpu_x", None)]
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_page(page, rows)
    text = page.read_text()
    assert text.startswith("before\n<!-- bench -->\n| |")
    assert text.endswith("\n<!-- /bench -->\nafter\n")
    assert ">= 3 (missed)" in text
    assert "old" not in text
    assert "gpu_x" not in text


def test_table_of_the_docs_can_be_written_again(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text((ROOT / "docs" / "performance.md").read_text())
    report.write_page(page, [row("a", 1.0)])
    assert "| `a` | 1 |" in page.read_text()


@pytest.mark.parametrize("mode", ["fp32", "bf16"])
def test_the_modes_of_the_gpu_benchmark_learn(mode):
    config = multisensory.tiny()
    step = gpu.stepper(mode, config, gpu.example(config, torch.device("cpu")))
    step()


@pytest.mark.ray
def test_the_simulation_finds_copies_and_opens_without_shards(ray_cluster, tmp_path):
    found = simulate(2500, str(tmp_path / "simulated"))
    assert 0.95 * found["made copies"] < found["copies"] <= found["made copies"]
    assert found["shards"] > 100
    assert found["open"] < 5


@pytest.mark.ray
@pytest.mark.slow
def test_the_quick_run_writes_a_table(tmp_path):
    arguments = ["--quick", "--only", "augmentation", "h264_psnr"]
    home = {**os.environ, "SENSORIUM_HOME": str(tmp_path), "SENSORIUM_REAL_DATA": str(tmp_path / "none")}
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [Row(**values) for values in json.loads((tmp_path / "runs" / "bench" / "bench.json").read_text())]
    assert [r.name for r in rows] == ["h264_psnr", "augmentation_share"]
    for found in rows:
        assert found.low <= found.ratio <= found.high
        assert found.detail
        assert f"| `{found.name}` |" in done.stdout
    assert [path.name for path in (tmp_path / "runs" / "bench").iterdir()] == ["bench.json"]


def test_an_unknown_row_is_refused(tmp_path):
    home = {**os.environ, "SENSORIUM_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "nothing"]
    done = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --only: 'nothing' is no row or group")
