#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes a patch object for tests, with tables as in lib/patch_format.h but without the differ.
# usage: inject-make-patch.sh OUTPUT TARGET UUID-BYTE FUNCTION[:quiesce][:corrupt][:entry]...
# entry: the jump stands at the entry, and processes are met where the target begins.
set -eu
out=$1 target=$2 uuid=$3
shift 3
here=$(dirname "$0")
CC=${CC:-gcc}

value() { nm "$target" | awk -v n="$1" '$3 == n { print "0x" $1; exit }'; }
size() { nm -S "$target" | awk -v n="$1" '$4 == n { print "0x" $2; exit }'; }
# File offset of an address, by the PT_LOAD that holds it.
offset() {
    readelf -lW "$target" | awk '$1 == "LOAD" { print $2, $3, $5 }' | while read -r o v s; do
        if [ $(($1)) -ge $((v)) ] && [ $(($1)) -lt $((v + s)) ]; then
            echo $(($1 - v + o))
            break
        fi
    done
}
bytes() { od -An -v -tx1 -j "$1" -N "$2" "$target" | tr -d '\n' | sed 's/^ */0x/; s/  */,0x/g'; }
build_id=$(readelf -n "$target" | awk '/Build ID/ { print $3; exit }')

asm=$out.S
sections=$out.tables
: > "$sections"
strings=1
{
    echo '.section .note.syscare,"a",@note'
    echo '.p2align 2'
    echo '.long 8, 88, 0x100'
    echo '.asciz "SysCare"'
    echo ".long 1"
    echo ".short 62, $((${#build_id} / 2))"
    echo ".byte $(echo "$build_id" | sed 's/\(..\)/,0x\1/g; s/^,//')"
    echo ".zero $((32 - ${#build_id} / 2))"
    echo ".fill 16, 1, $uuid"
    echo ".zero 32"
    echo '.text'
    # A call into the target that only the runtime can resolve: place is its operand.
    echo '.globl call_helper'
    echo '.hidden call_helper'
    echo 'call_helper: sub $8, %rsp'
    echo '.byte 0xe8'
    echo 'helper_place: .long 0'
    echo 'add $8, %rsp; ret'
} > "$asm"

# Code that nobody calls, for patches of some size.
[ -z "${PATCH_FILLER:-}" ] || echo ".fill $PATCH_FILLER, 1, 0x90" >> "$asm"
strings_text='' arms=''
for spec in "$@"; do
    name=${spec%%:*}
    flags=0 corrupt=0 strategy=1
    case $spec in *:quiesce*) flags=1 ;; esac
    case $spec in *:corrupt*) corrupt=1 ;; esac
    case $spec in *:entry*) strategy=2 arms=yes ;; esac
    address=$(value "$name")
    at=$(offset "$address")
    head=$(bytes "$at" 24)
    case $head in
    0xf3,0x0f,0x1e,0xfa*) skip=4 undo= ;;
    0x53,* | 0x55,*) skip=1 undo='lea 8(%rsp), %rsp' ;;
    0x48,0x83,0xec,*) skip=4 undo="lea $(echo "$head" | cut -d, -f4)(%rsp), %rsp" ;;
    0x0f,0x1f,0x44,0x00,0x00*) skip=5 undo= ;;
    *) echo "no rule for the first instruction of $name: $head" >&2; exit 1 ;;
    esac
    [ $strategy = 1 ] || skip=0 undo=
    old=$(bytes "$at" $((skip + 5)))
    [ $corrupt = 0 ] || old=$(echo "$old" | sed 's/,[^,]*$/,0xf4/')
    digest=$(tail -c +$((at + 1)) "$target" | head -c $(($(size "$name"))) | sha256sum | cut -c1-64)
    {
        echo '.text'
        echo "trampoline_$name: $undo"
        echo "jmp new_$name"
        echo ".hidden new_$name"
    } >> "$asm"
    {
        echo ".quad new_$name, 16, $address, $(size "$name"), $at, trampoline_$name"
        echo ".byte $(echo "$digest" | sed 's/\(..\)/,0x\1/g; s/^,//')"
        echo ".byte $old"
        echo ".zero $((24 - skip - 5))"
        echo ".long $strings, $flags"
        echo ".byte $strategy, $skip, 5"
        echo ".zero 5"
    } >> "$sections"
    strings_text="$strings_text .asciz \"$name\";"
    strings=$((strings + ${#name} + 1))
done
{
    echo '.section .syscare.funcs,"",@progbits'
    cat "$sections"
    echo '.section .syscare.sym,"",@progbits'
    echo ".quad $(value target_counter), 4; .long $strings, 0, 0; .byte 2,0,0,0"
    echo ".quad $(value target_helper), 4; .long $((strings + 15)), 0, 0; .byte 1,0,0,0"
    echo '.section .syscare.rela,"",@progbits'
    echo '.quad helper_place, -4; .long 4, 1'
    if [ "$arms" ]; then
        echo '.section .syscare.arm,"",@progbits'
        if readelf -lW "$target" | grep -q INTERP; then
            arm=$(readelf -hW "$target" | awk '/Entry point/ { print $NF }')
        else
            arm=$(readelf -dW "$target" | awk '$2 == "(INIT)" { print $3 }')
        fi
        echo ".quad $arm, $(offset "$arm"); .byte $(bytes "$(offset "$arm")" 4); .zero 11; .byte 4"
    fi
    echo '.section .syscare.strtab,"",@progbits'
    echo ".byte 0; $strings_text .asciz \"target_counter\"; .asciz \"target_helper\""
    echo '.section .note.GNU-stack,"",@progbits'
} >> "$asm"

# The functions that no table names would refer to nothing; they are only dead code.
$CC -O2 -fPIC -ffreestanding -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -shared -nostdlib -Wl,-z,noseparate-code -Wl,--build-id \
    -o "$out" "${PATCH_SOURCE:-$here/inject-patch.c}" "$asm"
rm -f "$asm" "$sections"
