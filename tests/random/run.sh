#!/bin/bash
# Random programs with random edits: the original with the patch must go on as the patched program does, and whatever
# is refused must have a reason that the source explains. Called by make check-random.
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: run.sh FIRST COUNT: seeds; every third is linked with link-time optimisation
: "${LD:=ld}"
first=${1:?} count=${2:?}
here=${top_srcdir:?}/tests/random results=${top_builddir:?}/random
. "$top_srcdir/tests/tap-subr.sh"
command -v csmith > /dev/null || tap_skip_all "needs csmith"
header=$(find /usr/include /usr/local/include -name csmith.h -printf '%h\n' -quit 2> /dev/null)
[ "$header" ] || tap_skip_all "needs csmith.h"
compilers=()
for cc in gcc gcc-11 gcc-12 gcc-13 gcc-14; do
    command -v "$cc" > /dev/null && [ -e "$top_builddir/gcc/$($cc -dumpmachine)/$($cc -dumpversion)/syscare_record.so" ] &&
        compilers+=("$cc")
done
[ ${#compilers[@]} -gt 0 ] || tap_skip_all "the plugin was built for no compiler that is here"
# shellcheck source=tests/adversary-subr.sh
. "$top_srcdir/tests/adversary-subr.sh"
eval "plain_$(declare -f differ)"
# shellcheck source=tests/differ-lto-subr.sh
. "$top_srcdir/tests/differ-lto-subr.sh"
eval "lto_$(declare -f differ)"

# skip NAME REASON
skip()
{
    tap_result 0 "$1 # SKIP $2"
}

# One of the arguments.
draw()
{
    drawn=${*:RANDOM % $# + 1:1}
}

# A program and its edit, in o/FILE and p/FILE. Usage: generate SEED FILE MAIN [static]
generate()
{
    draw '--max-funcs 4' '--max-funcs 9 --max-block-depth 3' '--float --max-funcs 6' '--inline-function --max-funcs 8' \
        '--no-inline-function --max-funcs 8' '--max-funcs 7 --max-block-depth 4'
    # shellcheck disable=SC2086
    timeout 20 csmith -s "$1" --no-argc --concise $drawn > program.c &&
        python3 -B "$here/edit.py" "$1" "$3" program.c "o/$2" "p/$2" "${@:4}" >> edits
}

# Each round in a process of its own: all start with the same variables. Usage: write_start CALLS
write_start()
{
    cat << END
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int round_main(void), other_main(void);
void run(void)
{
    int status = 0;
    pid_t pid;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(3);
        $1
        fflush(NULL);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("signal %d\\n", WTERMSIG(status));
}
END
}

# Sets what differ needs for the seed. Usage: make_case SEED
make_case()
{
    new_case
    : > edits
    RANDOM=$1
    local calls='round_main();'
    lto=$(($1 % 3 == 0)) library=
    draw "${compilers[@]}"
    CC=$drawn
    draw -O0 -O1 -O2 -O2 -O2 -O3 -Os
    cflags="-w -I$header $drawn"
    draw '' '' -fcf-protection=full -fno-plt -fPIE -fno-pie -fno-inline -funroll-loops -fstack-protector-strong \
        -D_FORTIFY_SOURCE=2 -fno-ipa-sra -march=x86-64-v3 '-fno-common -fno-semantic-interposition'
    cflags+=" $drawn" ldflags=
    [[ $drawn != -fno-pie ]] || ldflags=-no-pie
    if ((lto)); then
        draw '' '--param lto-partitions=2 --param lto-min-partition=1' '--param lto-partitions=5 --param lto-min-partition=1'
        cflags+=" -flto=auto -ffat-lto-objects $drawn"
        calls+=' other_main();'
        generate $(($1 + 1000000)) other.c other_main static || return
        ((RANDOM % 2)) && cp o/other.c p/other.c
        generate "$1" program.c round_main static || return
    else
        [[ $drawn == *-f[Pn]*[Ii][Ee] ]] || ((RANDOM % 5)) || { library=library cflags+=' -fPIC'; }
        generate "$1" program.c round_main || return
    fi
    write_start "$calls" | tee o/start.c > p/start.c
}

# Programs may depend on what is left on the stack, which the linker's own code fills, or go on using variables of
# functions that are left: then they say nothing.
is_undefined()
{
    [ "$(LD_BIND_NOW=1 second_round p -)" != "$(second_round p -)" ] || uses_dead_variables
}

uses_dead_variables()
{
    rm -rf checked
    mkdir checked
    # shellcheck disable=SC2086
    gcc ${cflags%%-flto*} -O1 -fno-inline -fsanitize=address p/*.c harness.o -o checked/out > checked/log 2>&1 || return
    ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=0 checked/out - > checked/log 2>&1
    grep -q 'ERROR: AddressSanitizer' checked/log
}

differ()
{
    if ((lto)); then
        lto_differ
    else
        plain_differ
    fi
}

# Reasons that lie in the program: a function of one instruction, a variable that nothing wrote before (which, with
# link-time optimisation, looks like one of the other file).
explained='refused (changed-object-kind|no-skip-first|changed-initialiser|moved-function|ambiguous-static|ambiguous-reference| )+'
rm -rf "$results"
for seed in $(seq "$first" $((first + count - 1))); do
    name="seed_$seed"
    if ! make_case "$seed"; then
        skip "$name" "csmith made no program"
        continue
    fi
    judge
    if [ "$verdict" = wrong ] && is_undefined; then
        verdict='undefined'
    fi
    echo "# $(tr '\n' ' ' < edits)$CC ${cflags#*csmith} ${library:+as a library }- $verdict"
    case $verdict in
        same | nothing) tap_result 0 "$name" ;;
        undefined) skip "$name" "what it prints depends on its stack" ;;
        'does not build') skip "$name" "$(grep -m 1 -o 'error: .*' log || echo 'it does not compile')" ;;
        *)
            if [[ $verdict =~ ^$explained$ ]]; then
                tap_result 0 "$name"
            else
                mkdir -p "$results/$seed"
                cp -r o p log job.json report.json out.patch "$results/$seed" 2> /dev/null
                sed 's/^/# /' log
                tap_result 1 "$name"
            fi
            ;;
    esac
done
tap_done
