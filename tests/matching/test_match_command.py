"""`python -m pooling match` as somebody types it: files in, files out, exit codes, and no service around it."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pooling.matching import command
from pooling.matching.checking import proved_bound, value_of
from pooling.matching.problem import Placed, Plan, Prices
from pooling.matching.writing import certificate_json, encoded, plan_json
from tests.matching.example import EXAMPLE, changed, problem

ENVIRONMENT = {"PATH": os.environ["PATH"]}
pytestmark = pytest.mark.timeout(900)
"""The first search of all compiles the solver, which takes minutes on a busy machine."""
needs_solver = pytest.mark.skipif(find_spec("pooling.matching.solver") is None, reason="there is no solver yet")


def match(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it in an environment without any setting."""
    typed = [sys.executable, "-m", "pooling", "match", *map(str, arguments)]
    return subprocess.run(typed, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=800)  # noqa: S603


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a problem, its best plan, and prices that prove a bound."""
    of, placed, prices = problem(), (Placed("outing-van", "van-1", 480),), Prices({"errand-van": 2_200_000})
    plan = Plan(value_of(of, placed), proved_bound(of, prices), placed, prices)
    (tmp_path / "problem.json").write_text(json.dumps(EXAMPLE), "utf-8")
    (tmp_path / "plan.json").write_bytes(encoded(plan_json(plan, of)))
    (tmp_path / "proof.json").write_bytes(encoded(certificate_json(prices)))
    return tmp_path


def test_a_right_plan_and_its_proof_are_told_right(files: Path) -> None:
    done = match(files / "problem.json", "--out", files / "plan.json", "--check")
    assert (done.returncode, done.stdout) == (0, "")
    done = match(files / "problem.json", "--out", files / "plan.json", "--certificate", files / "proof.json", "--check")
    assert (done.returncode, done.stdout) == (0, "")
    assert "its bound is proved" in done.stderr


def test_what_is_wrong_with_a_plan_is_a_line_each_on_standard_output(files: Path) -> None:
    plan: dict[str, Any] = json.loads((files / "plan.json").read_bytes())
    wrong = plan | {"value": plan["value"] + 1, "unplaced": []}
    (files / "plan.json").write_text(json.dumps(wrong), "utf-8")
    done = match(files / "problem.json", "--out", files / "plan.json", "--check")
    assert done.returncode == 1
    said = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert said == ["value", "unplaced", "gap"]
    assert done.stderr == ""


def test_a_bound_that_the_certificate_does_not_prove_is_told(files: Path) -> None:
    cheaper = certificate_json(Prices({"errand-van": 2_201_000}))
    (files / "proof.json").write_bytes(encoded(cheaper))
    done = match(files / "problem.json", "--out", files / "plan.json", "--certificate", files / "proof.json", "--check")
    assert done.returncode == 1
    assert done.stdout.startswith("bound: the certificate proves ")


def test_a_bad_problem_gets_one_line_and_exit_2(files: Path) -> None:
    bad = changed(EXAMPLE, ["requests", 1, "lines", 0, "start"], [541, 540])
    (files / "problem.json").write_text(json.dumps(bad), "utf-8")
    for more in ((), ("--check",)):
        done = match(files / "problem.json", "--out", files / "plan.json", *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "requests[1].lines[0].start: the latest start is before the earliest\n"


@pytest.mark.parametrize("name", ["problem.json", "plan.json", "proof.json"])
def test_a_file_that_is_missing_gets_one_line_and_exit_2(files: Path, name: str) -> None:
    (files / name).unlink()
    done = match(files / "problem.json", "--out", files / "plan.json", "--certificate", files / "proof.json", "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{files / name}: No such file or directory\n"


def test_an_output_that_cannot_be_written_is_refused_before_the_search(files: Path) -> None:
    (files / "folder").mkdir()
    for path in (files / "nowhere" / "plan.json", files / "folder", files / "problem.json" / "plan.json"):
        done = match(files / "problem.json", "--out", path, "--seconds", 60)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"{path}: ")
        assert done.stderr.count("\n") == 1
    assert {path.name for path in files.iterdir()} == {"problem.json", "plan.json", "proof.json", "folder"}


def test_a_length_of_time_that_is_none_is_refused(files: Path) -> None:
    for seconds in ("nan", "-1", "soon"):
        done = match(files / "problem.json", "--out", files / "plan.json", "--seconds", seconds)
        assert done.returncode == 2
        assert "--seconds" in done.stderr


def test_help_tells_every_option() -> None:
    said = match("--help").stdout
    assert all(
        name in said for name in ("--out", "--seconds", "--seed", "--rounds", "--certificate", "--explain", "--check")
    )


@pytest.mark.parametrize(
    ("typed", "is_it"),
    [
        ("match problem.json --out plan.json", True),
        ("match --out plan.json problem", True),
        ("match --help", True),
        ("match", False),
        ("match expire", False),
        ("expire match", False),
        ("api --help", False),
        ("", False),
    ],
)
def test_match_with_a_file_is_the_command_and_among_roles_it_is_the_role(typed: str, is_it: bool) -> None:
    assert command.wanted(typed.split()) is is_it


def test_match_alone_is_the_role_and_asks_for_its_settings() -> None:
    done = match()
    assert done.returncode == 2
    assert "POLEPOOL_DATABASE__URL" in done.stderr


def test_nothing_of_the_service_is_loaded_for_it(files: Path) -> None:
    typed = ["pooling", "match", str(files / "problem.json"), "--out", str(files / "plan.json"), "--check"]
    code = f"""
import runpy, sys
sys.argv = {typed}
try:
    runpy.run_module("pooling", run_name="__main__", alter_sys=True)
except SystemExit as ended:
    print(ended.code, sorted({{"asyncpg", "aiokafka", "fastapi", "chassis", "pooling.settings"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603
    assert done.stdout == "0 []\n"


@needs_solver
def test_what_it_finds_and_proves_passes_its_own_check(files: Path) -> None:
    plan, proof = files / "new.json", files / "new-proof.json"
    done = match(files / "problem.json", "--out", plan, "--certificate", proof, "--rounds", 20)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "value 18387" in done.stderr.splitlines()[-1]
    assert "1 of 2 lines placed" in done.stderr.splitlines()[-1]
    done = match(files / "problem.json", "--out", plan, "--certificate", proof, "--check")
    assert (done.returncode, done.stdout) == (0, "")
    assert {path.name for path in files.iterdir()} == {
        "problem.json",
        "plan.json",
        "proof.json",
        "new.json",
        "new-proof.json",
    }


@needs_solver
def test_what_it_explains_passes_its_own_check(files: Path) -> None:
    plan = files / "new.json"
    done = match(files / "problem.json", "--out", plan, "--rounds", 20, "--explain")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    written = json.loads(plan.read_bytes())
    assert written["placed"][0]["alternatives"][0] == {"resource": "van-1", "start": 495, "difference": -500}
    assert written["unplaced"][0]["near_misses"] == [
        {"change": {"start": [375, 375]}, "resource": "van-1", "start": 375}
    ]
    assert match(files / "problem.json", "--out", plan, "--check").returncode == 0
    plan.write_text(json.dumps(written | {"unplaced": [written["unplaced"][0] | {"because": "time"}]}), "utf-8")
    done = match(files / "problem.json", "--out", plan, "--check")
    assert (done.returncode, done.stdout) == (1, "'errand-van': because: is 'taken', not 'time'\n")


@needs_solver
def test_the_same_seed_and_rounds_give_the_same_plan(files: Path) -> None:
    (files / "problem.json").write_text(json.dumps(crowded(60)), "utf-8")
    plans = []
    for name in ("a.json", "b.json"):
        done = match(files / "problem.json", "--out", files / name, "--rounds", 15, "--seed", 7)
        assert done.returncode == 0, done.stderr
        plans.append(json.loads((files / name).read_bytes()) | {"seconds": 0})
    assert plans[0] == plans[1]


@needs_solver
def test_ctrl_c_gives_the_best_plan_so_far(files: Path) -> None:
    (files / "problem.json").write_text(json.dumps(crowded(1500)), "utf-8")
    out = files / "new.json"
    typed = [
        sys.executable,
        "-m",
        "pooling",
        "match",
        str(files / "problem.json"),
        "--out",
        str(out),
        "--seconds",
        "3600",
    ]
    with subprocess.Popen(typed, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stderr is not None
        assert process.stderr.readline().startswith("value ")
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert match(files / "problem.json", "--out", out, "--check").returncode == 0


def crowded(lines: int) -> dict[str, Any]:
    """Lines that compete for vans, one to fifty of them, whose best plan takes a while to prove."""
    chance = Random(lines)  # noqa: S311
    van = EXAMPLE["resources"][0] | {"units": 2, "free": [[0, 10080]]}
    asked = [
        {
            "id": f"line-{index}",
            "kind": "vehicle",
            "value": chance.randint(2000, 20000),
            "minutes": chance.randint(60, 600),
            "start": [(first := chance.randint(0, 9000)), first + 120],
            "at": [46.3 + chance.random() / 5, -0.5 + chance.random() / 5],
        }
        for index in range(lines)
    ]
    return {
        "format": "polepool.matching/1",
        "km_cost": 45,
        "resources": [van | {"id": f"van-{index}"} for index in range(max(2, lines // 50))],
        "requests": [{"id": f"request-{line['id']}", "pole": "niort", "lines": [line]} for line in asked],
    }
