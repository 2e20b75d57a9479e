"""Many runs in a row on one state, each with a fault that a seed draws, each followed by a whole run.

uv run python tests/soak.py [--rounds 100] [--seed 1] [--first 1] [--only FAULT]

A fault is a kind and what it meets, as `kill Spark`; `--only kill` draws from all of that kind. The fault of
a round depends on the seed and its number alone, so `--first 51` begins with that of round 51. Each round
prints the fault, its moment, what the run with it said, then of the whole run after it the time, the files
and the size of the state. After each, versions, their files, aliases, a table that no job writes, rows and
predictions must be as before. What is not as it must be stands below its round; with any such finding it
exits with 1. It needs Linux, whose /proc it reads; without root it fills no disk.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from soak_bundle import Soak
from soak_faults import KINDS
from start import search_path

GROWTH = {"CPU": 1.5, "handles": 1.2, "memory": 1.2}  # last by first third
FILES = 1.25  # of each version, by those of a version that no fault came before


def play_round(soak: Soak, kind: str, what: str, chance: random.Random) -> tuple[str, dict[str, float]]:
    """What the run with the fault said, and the figures of the whole run after it."""
    before = soak.facts()
    said = KINDS[kind][0](soak, what, chance)
    soak.check_gone()
    if kind == "first" or what == "all":
        soak.expected["by_hand"] = []
    else:
        soak.check_kept(before)
    return said, soak.whole_run()


def grown(rounds: list[dict[str, float]]) -> list[str]:
    """What grows that must not: figures of the last third beside those of the first, and files.

    The first two runs had no fault, so what they added is what each version may add.
    """
    third, found = len(rounds) // 3, []
    for name, most in GROWTH.items():
        parts = rounds[:third], rounds[-third:]
        first, last = (median(figures[name] for figures in part) for part in parts)
        said = f"; GROWS by more than {most}" if last > most * first else ""
        found.append(f"{name}: {first:.2f} in the first third, {last:.2f} in the last{said}")
    clean = rounds[1]["files"] - rounds[0]["files"]
    each = (rounds[-1]["files"] - rounds[1]["files"]) / max(1, rounds[-1]["versions"] - rounds[1]["versions"])
    said = f"; GROWS by more than {FILES}" if each > FILES * clean else ""
    return [*found, f"files for each version: {clean} without a fault, {each:.1f} with{said}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--only", default="", metavar="FAULT", help="the begin of its name, as 'kill main'")
    arguments = parser.parse_args()
    os.environ["PATH"] = search_path()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    faults = [(kind, what) for kind, (_, each) in KINDS.items() for what in each]
    faults = [(kind, what) for kind, what in faults if f"{kind} {what}".startswith(arguments.only)]
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        soak = Soak(Path(folder))
        try:
            numbers = range(arguments.first, arguments.rounds + 1)
            return play(soak, faults, numbers, arguments.seed)
        finally:
            soak.close()


def play(soak: Soak, faults: list[tuple[str, str]], numbers: range, seed: int) -> int:
    if not soak.has_disks:
        print("No disk is filled: only root can mount a small one.")
        faults = [(kind, what) for kind, what in faults if kind != "fill"]
    if not faults or not numbers:
        print("No such fault; kinds are", ", ".join(KINDS), "and --first is at most --rounds")
        return 2
    print(f"Rounds {numbers[0]} to {numbers[-1]}, seed {seed}, of {len(faults)} faults", flush=True)
    begin, bad, missed, rounds = time.monotonic(), 0, 0, list[dict[str, float]]()
    for _ in range(2):
        rounds.append(soak.whole_run())
    for finding in soak.findings:
        print(f"      FOUND: {finding}", flush=True)
        bad = 1
    folders = soak.by_folder
    try:
        for number in numbers:
            chance = random.Random(f"{seed} {number}")  # so that a round is the same without those before
            kind = chance.choice(sorted({kind for kind, _ in faults}))
            what = chance.choice([what for each, what in faults if each == kind])
            soak.findings, soak.missed = [], False
            said, figures = play_round(soak, kind, what, chance)
            rounds.append(figures)
            bad += bool(soak.findings)
            missed += soak.missed
            print(
                f"{number:3} {kind} {what}{' (met nothing)' * soak.missed} {said[:200]} | "
                f"{figures['seconds']:.0f} s, "
                f"{figures['CPU']:.0f} s of CPU, {figures['files']} files, {figures['size']:.1f} MB, "
                f"{figures['handles']:.0f} handles, {figures['memory']:.0f} MB memory"
            )
            for finding in soak.findings:
                print(f"      FOUND: {finding}")
            sys.stdout.flush()
    finally:  # also if it is stopped
        minutes = (time.monotonic() - begin) / 60
        played = f"{len(rounds) - 2} rounds, {missed} of which met nothing"
        print(f"\n{played}, seed {seed}, {minutes:.0f} minutes; {bad} with findings")
        versions = rounds[-1]["versions"] - rounds[0]["versions"]
        print(f"{versions:.0f} versions came. Files by folder, first and last, and for each version:")
        for name in sorted(folders | soak.by_folder):
            each = (soak.by_folder[name] - folders[name]) / max(1, versions)
            print(f"  {name}: {folders[name]}, {soak.by_folder[name]}, {each:.1f}")
        growth = grown(rounds) if len(rounds) >= 9 else []
        print("\n".join(growth), flush=True)
    return 1 if bad or any("GROWS" in line for line in growth) else 0


if __name__ == "__main__":
    sys.exit(main())
