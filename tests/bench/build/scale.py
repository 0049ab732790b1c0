#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How syscare-diff's time grows with the number of symbols, on objects that are made up.

usage: scale.py WORK [SYMBOLS...]        prints: SYMBOLS CPU_SECONDS MICROSECONDS_PER_SYMBOL PEAK_MB

The objects have what real ones have: functions in sections of their own, static ones, clones with numbers,
static variables with numbers, constants and strings. One function in a thousand differs.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(os.environ["top_builddir"])

# An empty compilation unit: there are no types whose layout could differ.
DWARF = """.section .debug_abbrev,"",@progbits
.byte 1,0x11,0,3,8,0,0,0
.section .debug_info,"",@progbits
.long 1f-0f
0: .value 5
.byte 1,8
.long 0
.byte 1
.asciz "a unit that is made up"
1:
.section .note.GNU-stack,"",@progbits
"""


def function(index, patched):
    """One function, with what it refers to: a variable, a string, the function before it."""
    name = (f"f{index}", f"f{index}", f"g{index // 16}.constprop.{index}", f"h{index}.isra.0")[index % 4]
    scope = ".globl" if index % 4 == 0 else ".local"
    number = index % 1000 + (7 if patched and index % 1000 == 1 else 0)
    before = (f"f{index - 1}", f"f{index - 1}", f"g{(index - 1) // 16}.constprop.{index - 1}",
              f"h{index - 1}.isra.0")[(index - 1) % 4] if index else "f0"
    return f""".section .text.{name},"ax",@progbits
{scope} {name}
.type {name},@function
{name}: endbr64
push %rbp
mov ${number + index % 77},%esi
add count.{index}(%rip),%esi
lea .LC{index}(%rip),%rdi
call {before}@PLT
add ${index % 113},%eax
pop %rbp
ret
.size {name},.-{name}
.section .data.count.{index},"aw",@progbits
.type count.{index},@object
.local count.{index}
.size count.{index},4
.balign 4
count.{index}: .long {index}
.section .rodata.str1.1,"aMS",@progbits,1
.LC{index}: .string "text {index % 5000}"
"""


def make_side(directory, functions, patched):
    """Assembles and links one version; the object is what a replay would be, too."""
    directory.mkdir(parents=True)
    source = directory / "unit.s"
    with open(source, "w", encoding="ascii") as out:
        out.write('.file "unit.c"\n')
        for index in range(functions):
            out.write(function(index, patched))
        out.write(DWARF)
    subprocess.run(["as", "-o", "unit.o", "unit.s"], cwd=directory, check=True)
    subprocess.run(["ld", "-shared", "--build-id", "-Map=out.map", "-o", "out", "unit.o"], cwd=directory, check=True)
    source.unlink()


def make_job(work):
    sides = {side: {"elf": str(work / side / "out"), "map": str(work / side / "out.map")} for side in "rp"}
    job = {"version": 1, "arch": "x86_64", "target_elf": "/usr/lib/scale.so",
           "uuid": "01234567-89ab-cdef-0123-456789abcdef", "build_id": "00" * 20, "target_digest": "00" * 32,
           "reference": sides["r"], "patched": sides["p"],
           "objects": [{"name": "unit.o", "source": "unit.c", "tu": "unit", "inputs": ["unit.o"],
                        "reference": str(work / "r/unit.o"), "patched": str(work / "p/unit.o")}],
           "ld": "/usr/bin/ld", "output": str(work / "patch"), "report": str(work / "report.json")}
    path = work / "job.json"
    path.write_text(json.dumps(job))
    return path


def measure(argv):
    """Exit status, user and system time, peak memory in bytes."""
    with open("/dev/null", "rb") as nothing:
        process = subprocess.Popen(argv, stdin=nothing, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, said.decode(errors="replace")


def measure_size(place, symbols):
    """CPU time and peak memory of syscare-diff on objects with that many symbols."""
    for side in "rp":
        make_side(place / side, symbols // 2, side == "p") # each function has a variable
    job = make_job(place)
    runs = []
    for _ in range(3 if symbols <= 10000 else 1):
        status, cpu, peak, said = measure([TOP / "syscare-diff", job])
        if status != 0:
            sys.exit(f"syscare-diff ended with {status}: {said[:500]}")
        runs.append((cpu, peak))
    return min(runs)


def main():
    work, sizes = Path(sys.argv[1]), [int(a) for a in sys.argv[2:]] or [1000, 10000, 100000]
    for symbols in sizes:
        cpu, peak = measure_size(work / str(symbols), symbols)
        print(f"{symbols} {cpu:.3f} {cpu / symbols * 1e6:.1f} {peak / 1e6:.1f}", flush=True)


if __name__ == "__main__":
    main()
