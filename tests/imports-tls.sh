#!/bin/bash
# Thread-local variables of the target are those that the patch uses, in every model of access.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"

# f() uses variables that the old version of it does not; others() is code that has not changed
case_of()
{
    new_case
    cat > o/main.c <<'END'
#include <stdio.h>
#include <pthread.h>
#ifndef PLACE
#define PLACE
#endif
static __thread int first = 5;
__thread int second = 7;
static __thread char third[20] = "0123456789";
__thread long fourth __attribute__((visibility("hidden"))) = 9;
static __thread int zero[100];
__attribute__((noipa)) int others(int x)
{
    first += x;
    second += x;
    return third[x] + (int)fourth + zero[x]++ - 48;
}
PLACE __attribute__((noipa)) int f(int x)
{
    return x * 1000 + others(1);
}
static void *thread(void *value)
{
    *(int *)value = f(2);
    return NULL;
}
void run(void)
{
    int mine = f(1), other = 0;
    pthread_t id;

    pthread_create(&id, NULL, thread, &other);
    pthread_join(id, NULL);
    printf("%d %d", mine, other);
}
END
    sed 's/return x \* 1000 + others(1);/first += 10; fourth++; third[x] = 50; zero[x + 50]++; return x * 1000 + others(2) * 100 + second + first + zero[51];/' \
        o/main.c > p/main.c
}

# what the first call gives, and the second one in the patched program, in a new thread each time
before='1010 2010'
after='2229 3226'
lives_with()
{
    name=$1
    shift
    case_of
    differ
    if [ "$status" != 0 ]; then
        cut -c1-200 log | head -4 | sed 's/^/# /'
        echo "# status $status; refused '$(codes)'"
        tap_result 1 "$name"
        return
    fi
    set -- ./o/out
    [ -z "$library" ] || set -- ./o/program
    bad=0
    start "$@"
    expect before "$said" "$before"
    inject apply
    expect "apply ($text)" "$result" PATCHED
    ask
    expect after "$said" "$after"
    inject revert
    expect "revert ($text)" "$result" REVERTED
    ask
    expect "a new thread after revert" "${said#* }" "${before#* }"
    stop
    tap_result $bad "$name"
}

for flags in '-O0 -fPIE' '-O1 -fPIE' '-O2 -fPIE' '-O3 -fPIE' '-Os -fPIE' '-O0 -fPIC' '-O2 -fPIC' '-Os -fPIC' \
    '-O2 -fPIC -fno-plt' '-O2 -fPIC -mtls-dialect=gnu2' '-O0 -fPIC -mtls-dialect=gnu2' \
    '-O2 -fPIC -ftls-model=local-dynamic' '-O2 -fPIE -ftls-model=initial-exec' \
    '-O0 -fPIE -ftls-model=initial-exec'; do
    cflags="$flags -fcf-protection=full" ldflags='-Wl,--build-id -pie'
    lives_with "program${flags// /_}"
done
cflags='-O2 -fno-pie -fcf-protection=full' ldflags='-Wl,--build-id -no-pie'
lives_with program_at_a_fixed_address
# behind all of libc, so that this stays where it is
cflags="-O2 -fno-pie -fcf-protection=full -DPLACE=__attribute__((section(\".text_last\")))"
ldflags='-Wl,--build-id -static -no-pie'
lives_with static_program
cflags="-O2 -fPIE -fcf-protection=full -DPLACE=__attribute__((section(\".text_last\")))"
ldflags='-Wl,--build-id -static-pie'
lives_with static_position_independent_program

library=library ldflags='-Wl,--build-id'
for flags in -O0 -O1 -O2 -O3 -Os '-O2 -fno-plt' '-O2 -mtls-dialect=gnu2' '-O0 -mtls-dialect=gnu2' \
    '-O2 -ftls-model=local-dynamic' '-O0 -ftls-model=local-dynamic' '-O2 -ftls-model=initial-exec' \
    '-O0 -ftls-model=initial-exec' '-O2 -Wl,-z,now'; do
    cflags="-fPIC $flags -fcf-protection=full"
    lives_with "library_${flags// /_}"
done
tap_done
