#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a patch object for a program without symbols: functions that do what they did before.

usage: detour.py OUTPUT TARGET UUID-BYTE COUNT

The new function is the beginning of the old one, moved into the patch, and a jump to the rest. So
any server can be patched and unpatched under load, and must never show it. Functions are those of
.eh_frame; the tables are those of lib/patch_format.h.
"""
import hashlib
import os
import re
import subprocess
import sys

# Instructions that do the same at another address.
MOVABLE = {"push", "pop", "mov", "xor", "sub", "add", "and", "or", "test", "cmp", "lea", "movl",
           "movq", "movzbl", "movslq", "endbr64", "nop", "movabs", "cmpl", "cmpq", "cmpb", "testb"}
FIRST = {"push", "sub", "endbr64"}
JUMP_SIZE = 5
ROOM = 24  # SC_OLD_BYTES_MAX


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def segments(target):
    """(offset, address, size) of each PT_LOAD."""
    rows = re.findall(r"^\s+LOAD\s+(\S+) (\S+) \S+ (\S+)", run("readelf", "-lW", target), re.M)
    return [tuple(int(word, 16) for word in row) for row in rows]


def functions(target):
    """Start and end of each function."""
    text = run("readelf", "--debug-dump=frames", target)
    found = set(re.findall(r"FDE cie=\S+ pc=([0-9a-f]+)\.\.([0-9a-f]+)", text))
    return sorted((int(a, 16), int(b, 16)) for a, b in found)


def disassemble(target):
    """{address: (bytes, mnemonic, operands)}, and the set of all addresses that are jumped to."""
    code, aims = {}, set()
    for line in run("objdump", "-d", "-w", "-z", target).splitlines():
        match = re.match(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t?(\S*)\s*(.*)", line)
        if not match:
            continue
        operands = match[4].split("#")[0].split("<")[0].strip()
        code[int(match[1], 16)] = (bytes.fromhex(match[2]), match[3], operands)
        if match[3].startswith(("j", "call", "bnd", "notrack")):
            for aim in re.findall(r"\b([0-9a-f]+)\b", operands):
                aims.add(int(aim, 16))
    return code, aims


def head_of(start, end, code, aims):
    """The length of the first instruction, and the bytes that move; None if they cannot."""
    moved, at, first = b"", start, 0
    while len(moved) < first + JUMP_SIZE or not first:
        data, mnemonic, operands = code.get(at, (b"", "", ""))
        if not data or "%rip" in operands or mnemonic not in (MOVABLE if first else FIRST):
            return None
        moved += data
        at += len(data)
        first = first or len(data)
    if at + 8 > end or len(moved) > ROOM or end - start < 32:
        return None
    if any(start + i in aims for i in range(first + 1, first + JUMP_SIZE)):
        return None
    return first, moved


def byte_list(data):
    return ".byte " + ",".join(str(byte) for byte in data)


def main(output, target, uuid, count):
    image = open(target, "rb").read()
    build_id = bytes.fromhex(re.search(r"Build ID: (\S+)", run("readelf", "-n", target))[1])
    code, aims = disassemble(target)
    loads = segments(target)
    text, funcs, syms, relas, names = [], [], [], [], ["", "rest"]
    for start, end in functions(target):
        head = head_of(start, end, code, aims) if len(funcs) < count else None
        offset = next((start - v + o for o, v, s in loads if v <= start < v + s), None)
        if head is None or offset is None:
            continue
        first, moved = head
        number, name = len(funcs), "f%x" % start
        digest = hashlib.sha256(image[offset:offset + end - start]).digest()
        old = image[offset:offset + first + JUMP_SIZE]
        text += [".p2align 4", f"new_{number}:", byte_list(moved), ".byte 0xe9",
                 f"place_{number}a: .long 0", f"trampoline_{number}:",
                 byte_list(moved[first:]), ".byte 0xe9", f"place_{number}b: .long 0"]
        funcs += [f".quad new_{number}, {len(moved) + 5}, {start}, {end - start}, {offset},"
                  f" trampoline_{number}\n{byte_list(digest)}\n{byte_list(old)}\n"
                  f".zero {ROOM - len(old)}\n.long {sum(len(n) + 1 for n in names)}, 0\n"
                  f".byte 1, {first}, {JUMP_SIZE}\n.zero 5"]
        names.append(name)
        syms.append(f".quad {start + len(moved)}, 4; .long 1, 0, 0; .byte 1,0,0,0")
        relas += [f".quad place_{number}{c}, -4; .long 4, {number}" for c in "ab"]
    note = [".section .note.syscare,\"a\",@note", ".p2align 2", ".long 8, 88, 0x100",
            ".asciz \"SysCare\"", ".long 1", f".short 62, {len(build_id)}", byte_list(build_id),
            f".zero {32 - len(build_id)}", f".fill 16, 1, 0x{uuid}", ".zero 32"]
    with open(output + ".S", "w") as asm:
        asm.write("\n".join(
            note + [".text"] + text + [".section .syscare.funcs,\"\",@progbits"] + funcs
            + [".section .syscare.sym,\"\",@progbits"] + syms
            + [".section .syscare.rela,\"\",@progbits"] + relas
            + [".section .syscare.strtab,\"\",@progbits"] + [f".asciz \"{n}\"" for n in names]
            + [".section .note.GNU-stack,\"\",@progbits", ""]))
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-nostdlib", "-Wl,--build-id",
                    "-o", output, output + ".S"], check=True)
    os.unlink(output + ".S")
    print(f"{len(funcs)} functions of {target}")
    return 0 if funcs else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
