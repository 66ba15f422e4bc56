"""The planner's numbers, computed in full, and the plans it refuses."""

import subprocess
import sys
from dataclasses import replace

import pytest

from schemas.errors import Problem
from schemas.messages import LANGUAGES, catalogue
from tarot_train import base_model, plan, recipe, sizes
from tarot_train.device import Device

CPU = Device(kind="cpu", name="x86_64", memory_gib=16.0, bfloat16=False, threads=2)
CARD = recipe.load("r1-distill-qwen-7b")


def data(train=200, validation=20, mean=800.0, longest=2048, **values):
    return plan.Data(train=train, validation=validation, mean_tokens=mean, longest_tokens=longest, **values)


@pytest.mark.parametrize(
    ("name", "total", "linear", "adapter", "as_written"),
    [
        ("r1-distill-qwen-7b", 7_615_616_512, 6_525_288_448, 80_740_352, 1_170_735_104),
        ("r1-distill-qwen-1.5b", 1_777_088_000, 1_310_195_712, 36_929_536, 503_676_928),
        ("qwen1.5-1.8b", 1_836_828_672, 1_214_251_008, 29_982_720, 652_312_576),
    ],
)
def test_weights_are_counted_exactly(name, total, linear, adapter, as_written):
    loaded = recipe.load(name)
    shape = loaded.base.shape
    assert plan.parameters(shape)["total"] == total
    assert plan.parameters(shape)["linear"] == linear
    assert plan.adapter_parameters(shape, loaded.lora) == adapter
    whole = replace(loaded.lora, modules_to_save=("embed_tokens", "lm_head"))
    assert plan.trainable(shape, whole) == as_written


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r1-distill-qwen-7b", "r1-distill-qwen-1.5b", "qwen1.5-1.8b", "tarot-tiny"])
def test_planned_weights_equal_the_meta_model(name):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2ForCausalLM

    loaded = recipe.load(name)
    shape = loaded.base.shape
    with torch.device("meta"):
        model = Qwen2ForCausalLM(base_model.config_of(shape))
        total = sum(p.numel() for p in model.parameters())
        lora = LoraConfig(task_type="CAUSAL_LM", r=loaded.lora.r, target_modules=list(loaded.lora.targets))
        adapted = get_peft_model(model, lora)
    assert plan.parameters(shape)["total"] == total
    trainable = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert plan.adapter_parameters(shape, loaded.lora) == trainable


def test_200_examples_make_75_updates():
    natural = plan.steps(200, recipe.replace(CARD, "train.max_steps", -1))
    assert (natural["per_epoch"], natural["total"], natural["epochs"]) == (25, 75, 3.0)
    assert plan.steps(200, CARD)["epochs"] == 40.0
    assert plan.steps(180, recipe.replace(CARD, "train.max_steps", -1))["total"] == 69


def test_plan_of_the_7b_recipe_on_an_a100():
    result = plan.plan(CARD, data(), plan.gpu("a100"), price=1.5)
    assert result["trainable_parameters"] == 80_740_352
    assert (result["steps"], result["epochs"], result["warmup_steps"]) == (75, 3.0, 8)
    assert result["as_written"]["trainable_parameters"] == 1_170_735_104
    assert result["as_written"]["memory_gib"] == pytest.approx(48.0, abs=0.1)
    assert result["memory_16_bit_gib"] == pytest.approx(16.7, abs=0.1)
    assert result["memory_4_bit_gib"] == pytest.approx(7.0, abs=0.7)
    assert 1 < 60 * result["hours"] < 15
    assert result["cost"] < 1
    assert result["go"] is True
    changed = {change["setting"]: (change["recipe"], change["used"]) for change in result["changes"]}
    assert changed["train.max_steps"] == (1000, -1)
    assert changed["train.warmup"] == (100.0, 0.1)
    assert changed["lora.modules_to_save"] == (["embed_tokens", "lm_head"], [])
    assert changed["base.dtype"] == ("float16", "bfloat16")
    assert changed["train.eval_steps"] == (100, 8)
    why = {change["setting"]: change["why"] for change in result["changes"]}
    assert "40.0 epochs" in why["train.max_steps"]
    assert "1,170,735,104" in why["lora.modules_to_save"] and "80,740,352" in why["lora.modules_to_save"]
    assert "never ends" in why["train.warmup"]


def test_4_bit_is_used_if_16_do_not_fit():
    result = plan.plan(CARD, data(), plan.gpu("t4"))
    assert result["go"] is True
    assert result["memory_gib"]["total"] == pytest.approx(7.0, abs=0.7)
    changed = {change["setting"]: change["used"] for change in result["changes"]}
    assert changed["base.quantize"] == "nf4" and changed["train.checkpointing"] == "on"


def test_if_nothing_fits_the_smallest_change_is_named():
    small = Device(kind="cpu", name="x86_64", memory_gib=8.0, bfloat16=False, threads=2)
    result = plan.plan(CARD, data(), small)
    assert result["go"] is False
    obstacle = result["obstacles"][0]
    assert obstacle["code"] == "no_go_memory"
    assert obstacle["change"] == {"base.name": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"}
    assert "--base deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B" in obstacle["why"]


def test_as_written_keeps_values_and_refuses_the_impossible():
    card = recipe.load("r1-distill-qwen-7b", {"train.as_written": "true", "train.checkpointing": "on"})
    used, changes, against = plan.decide(card, data(), plan.gpu("a100"), card.base.shape)
    assert used.train.max_steps == 1000 and used.lora.modules_to_save
    assert [obstacle.code for obstacle in against] == ["epochs"]
    assert "40.0 times" in str(against[0].problem)


@pytest.mark.parametrize(
    ("made", "settings", "code"),
    [
        (data(train=0), {}, "no_train"),
        (data(train=0, too_long=9), {}, "all_too_long"),
        (data(validation=0), {}, "no_validation"),
        (data(), {"train.epochs": "11"}, "epochs"),
        (data(), {"lora.targets": "q_proj,lm_head", "train.as_written": "true"}, "targets"),
        (data(), {"train.warmup": "75", "train.as_written": "true", "train.max_steps": "-1"}, "warmup"),
    ],
)
def test_what_cannot_work_is_refused(made, settings, code):
    asked = recipe.load("tarot-tiny", settings)
    _, _, against = plan.decide(asked, made, CPU, asked.base.shape)
    assert [obstacle.code for obstacle in against] == [code]


def test_packing_fills_the_fullest_row_longest_first():
    assert plan.packed_rows([60, 50, 40, 30, 20], 100) == 2
    assert plan.packed_rows([70, 60, 50], 100) == 3
    assert plan.packed_rows([], 100) == 0


def test_packing_is_used_if_it_saves_padding():
    packed = data(packed=50)
    for batch, device, used in ((1, plan.gpu("a100"), False), (4, CPU, False), (4, plan.gpu("a100"), True)):
        asked = recipe.load("qwen1.5-1.8b", {"train.packing": "true", "train.batch": str(batch)})
        found, changes, _ = plan.decide(asked, packed, device, asked.base.shape)
        assert found.train.packing is used
        assert ("train.packing" in [change.setting for change in changes]) is not used
        assert plan.plan(asked, packed, device)["steps_per_epoch"] == (2 if used else 25 if batch == 1 else 7)


def test_tied_embedding_and_head_count_as_one_matrix():
    asked = recipe.load(
        "tarot-tiny", {"lora.modules_to_save": "embed_tokens,lm_head", "train.as_written": "true"}
    )  # fmt: skip
    used, changes, _ = plan.decide(asked, data(longest=600), CPU, asked.base.shape)
    assert used.lora.modules_to_save == ("embed_tokens",)
    assert [change.code for change in changes] == ["tied"]
    assert plan.saved_parameters(asked.base.shape, asked.lora) == 5000 * 256


@pytest.mark.parametrize(
    ("batch", "accumulation", "processes"), [(1, 8, 2), (1, 8, 8), (4, 2, 4), (4, 2, 8), (3, 2, 2)]
)
def test_an_update_keeps_its_rows_with_several_processes(batch, accumulation, processes):
    asked = recipe.load("tarot-tiny", {"train.batch": str(batch), "train.accumulation": str(accumulation)})
    team = replace(plan.gpu("a100"), processes=processes)
    used, _, against = plan.decide(asked, data(longest=600), team, asked.base.shape)
    assert against == [] and used.train.batch * used.train.accumulation * processes == batch * accumulation


@pytest.mark.parametrize(("processes", "fix"), [(3, "9"), (16, "16")])
def test_processes_that_cannot_share_an_update_are_refused(processes, fix):
    asked = recipe.load("tarot-tiny")
    team = replace(plan.gpu("a100"), processes=processes)
    _, _, against = plan.decide(asked, data(longest=600), team, asked.base.shape)
    assert [obstacle.code for obstacle in against] == ["processes"]
    assert against[0].change == {"train.accumulation": fix}
    assert "1, 2, 4, 8" in str(against[0].problem)


def test_several_gpus_in_one_process_are_refused():
    two = Device(kind="cuda", name="NVIDIA A100", memory_gib=80.0, bfloat16=True, gpus=2)
    asked = recipe.load("tarot-tiny")
    _, _, against = plan.decide(asked, data(longest=600), two, asked.base.shape)
    assert [obstacle.code for obstacle in against] == ["several_gpus"]
    assert "CUDA_VISIBLE_DEVICES=0" in str(against[0].problem)
    assert plan.decide(asked, data(longest=600), replace(two, processes=2), asked.base.shape)[2] == []


def test_fsdp_divides_memory_and_ddp_does_not():
    one, two, eight = plan.plan(CARD, data(), plan.gpu("a100"))["processes"]
    assert one["whole_gib"] == one["divided_gib"] < two["whole_gib"] == eight["whole_gib"]
    assert eight["divided_gib"] < two["divided_gib"] < two["whole_gib"]
    assert eight["divided_gib"] > two["whole_gib"] / 8


def test_processes_on_a_cpu_share_its_memory():
    assert sizes.usable_gib(replace(CPU, processes=2)) == pytest.approx(sizes.usable_gib(CPU) / 2, abs=0.1)


def test_the_larger_of_training_and_evaluation_counts():
    need = plan.memory(CARD.base.shape, CARD, 2048, plan.gpu("a100"))
    long = recipe.replace(CARD, "generation.max_new_tokens", 200_000)
    written = plan.memory(CARD.base.shape, long, 2048, plan.gpu("a100"))
    assert need["evaluation"] < need["total"]
    assert written["total"] == written["evaluation"] > need["total"]


def test_a_base_on_disk_counts_with_its_own_precision(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"0" * 4000)
    assert sizes.base_bytes(tmp_path) == 4000 and sizes.base_bytes(None) is None
    asked = recipe.load("tarot-tiny")
    here, there = (plan.plan(asked, data(longest=600), CPU, base_bytes=size)["disk_gib"] for size in (None, 2**31))
    assert there == pytest.approx(here - plan.parameters(asked.base.shape)["total"] * 2 / 2**30 + 2, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({}, []),
        ({"lora.rslora": "true", "lora.dora": "true", "train.neftune": "5"}, ["rslora", "dora", "neftune"]),
        ({"lora.r": "128", "lora.alpha": "256"}, ["high_rank"]),
        ({"train.learning_rate": "1e-5"}, ["rate_low"]),
        ({"train.learning_rate": "5e-3"}, ["rate_high"]),
    ],
)
def test_the_plan_says_what_options_do(settings, codes):
    found = plan.remarks(recipe.load("qwen1.5-1.8b", settings))
    assert [remark["code"] for remark in found] == codes
    assert all(set(catalogue()[f"remark.{code}"]) == set(LANGUAGES) for code in codes)


def test_a_fitting_recipe_changes_only_for_the_device():
    asked = recipe.load("tarot-tiny")
    used, changes, against = plan.decide(asked, data(longest=600), CPU, asked.base.shape)
    assert used == asked and changes == [] and against == []


def test_an_unknown_card_is_answered_with_those_known():
    with pytest.raises(Problem, match="a100"):
        plan.gpu("voodoo2")


def test_every_change_and_obstacle_has_both_languages():
    import re
    from pathlib import Path

    source = Path(plan.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'change\(\s*"[\w.]+", [^\n]+?, "(\w+)"', source)) | {
        "dtype_gpu",
        "dtype_auto",
        "warmup_long",
        "warmup_never_ends",
    }
    assert len(codes) >= 12
    for key in [f"change.{code}" for code in codes] + [
        f"problem.no_go_{code}" for code in re.findall(r'Obstacle\(code="(\w+)"', source)
    ]:
        assert set(catalogue()[key]) == set(LANGUAGES), key


def test_planning_and_scoring_need_no_torch():
    code = (
        "import sys, tarot_train.recipe, tarot_train.plan as p, tarot_train.scores, tarot_train.registry;"
        "p.plan(tarot_train.recipe.load('r1-distill-qwen-7b'),"
        " p.Data(train=200, validation=20, mean_tokens=800, longest_tokens=2048), p.gpu('a100'));"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cpu_is_known_without_torch():
    code = (
        "import os, sys; os.environ.pop('OMP_NUM_THREADS', None); from tarot_train import device\n"
        "found, loaded = device.find(), 'torch' in sys.modules\n"
        "import torch; assert loaded == device._may_have_accelerator(), loaded\n"
        "assert found.kind != 'cpu' or found.threads == torch.get_num_threads(), (found, torch.get_num_threads())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
