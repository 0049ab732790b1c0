#!/bin/bash
# A first instruction that reads the program's own data stays; the jump goes behind it.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"
ldflags='-Wl,--build-id'

# begins NAME PATTERN BEFORE AFTER: the old f() begins with such an instruction, and is patched
begins()
{
    name=$1 pattern=$2 before=$3 after=$4
    differ
    first=$(objdump -d --no-show-raw-insn --disassemble=f o/out | awk '/<f>:/ { getline; print; exit }')
    if [ "$status" != 0 ] || ! grep -q "$pattern" <<< "$first"; then
        sed 's/^/# /' log
        echo "# status $status; f begins with '$first', wanted '$pattern'"
        tap_result 1 "$name"
        return
    fi
    goes "$name" "$before" "$after"
}

# case_of FLAGS BODY NEW_BODY
case_of()
{
    new_case
    cflags="$1 -fcf-protection=none"
    for side in o p; do
        [ $side = o ] && body=$2 || body=$3
        cat > $side/main.c <<END
#include <stdio.h>
volatile int g = 5, h = 6;
__thread int t = 4;
static int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
void set(void);
void set(void) { table[1]++; }
__attribute__((noipa)) int f(int x)
{
    $body
}
void run(void) { printf("%d %d", f(1), f(2)); }
END
    done
}

case_of '-O2 -fPIE' 'int a = g; return a * 3 + x * h;' 'int b = x / 3; return b + x * h + g + 100;'
begins 'a_load_of_a_variable' 'mov  *0x.*(%rip),%' '21 27' '111 117'
case_of '-O2 -fPIE' 'return table[x] * 17 + x * table[x + 1];' 'return x > 1 ? x * 1000 + table[x] : 7;'
begins 'the_address_of_a_table' 'movslq\|lea ' '37 59' '7 2003'
case_of '-O2 -fPIE' 'if (g == 0) return x; return x * 3 + x / 2;' 'if (g == 0) return 1; return x * 30 + x / 2;'
begins 'a_comparison_of_a_variable' 'mov\|cmp' '3 7' '30 61'
case_of '-O2 -fPIE' 'return t * 7 + x * 3 + x / 2;' 'return x * 30 + x / 2 + t;'
begins 'a_load_of_a_thread_local_variable' '%fs:' '31 35' '34 65'
case_of '-O2 -fno-pie' 'int a = g; return a * 3 + x * h;' 'int b = x / 3; return b + x * h + g + 100;'
ldflags='-Wl,--build-id -no-pie'
begins 'a_load_of_a_variable_at_a_fixed_address' 'mov  *0x.*(%rip),%' '21 27' '111 117'

# what it loads is what the new code takes as its argument
new_case
for side in o p; do
    [ $side = o ] && load='mov g(%rip), %edi' || load=nop
    cat > $side/main.c <<END
#include <stdio.h>
int g = 5;
__attribute__((noipa)) int f(int x) { return x; }
__asm__(".pushsection .text.f_, \"ax\"\n.globl first\n.type first,@function\nfirst: $load\n"
        "lea 3(%rdi,%rdi,2), %eax\n nop\n nop\n nop\n ret\n.size first,.-first\n.popsection");
int first(int x);
void run(void) { printf("%d", first(1)); }
END
done
ldflags='-Wl,--build-id' cflags='-O2 -fPIE -fcf-protection=none'
differ
goes 'a_load_over_an_argument_of_the_new_code_is_jumped_over' 18 6
tap_that 'because_the_new_code_may_read_it' \
    grep -q 'jump into first stands at its first byte.*overwrites a register that the new function may read' report.json

# pointer_case CALL BODY NEW_BODY
pointer_case()
{
    new_case
    cflags='-O2 -fPIE -fcf-protection=none'
    for side in o p; do
        [ $side = o ] && body=$2 || body=$3
        cat > $side/main.c <<END
#include <stdio.h>
struct pair { int a, b; };
static struct pair pair = {5, 6};
int patched;
__attribute__((noipa)) int f(const struct pair *p)
{
    $body
}
void run(void) { printf("%d", $1); }
END
    done
}

pointer_case 'f(&pair)' 'return p->a * 3 + p->b * p->b;' 'int n = p->a; return n * 30 + p->b / 2;'
begins 'a_load_by_a_pointer_that_the_new_code_begins_with_too' 'mov  *[0-9a-fx]*(%rdi),%' 51 153
tap_that 'the_jump_stands_behind_it' grep -q '"strategy": *"skip-first"' report.json

# the fix checks the pointer first: the load must not be executed any more
pointer_case 'patched ? f(NULL) : f(&pair)' 'return p->a * 3 + p->b * p->b;' \
    'if (!p) return -1; return p->a * 3 + p->b * p->b;'
differ
tap_that 'a_load_by_a_pointer_that_is_checked_now_is_jumped_over' \
    grep -q "'mov.*dword ptr \[rdi.*it reads memory that the new function may not read" report.json
tap_done
