#!/bin/bash
# What a process says of its libraries is not trusted: such a process is left alone, unharmed.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"
cflags='-O2 -fPIE -fcf-protection=full'

cat > dep.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int dep_number(void) { return 1; }
static int inside(void) { return 40; }
static void *writer(void) { syscall(SYS_creat, "resolver-ran", 0600); return inside; }
static void *wanderer(void) { return (void *)0x1000; }
static void *sleeper(void) { for (;;) ; }
static void *honest(void) { return inside; }
int dep_writes(void) __attribute__((ifunc("writer")));
int dep_wanders(void) __attribute__((ifunc("wanderer")));
int dep_sleeps(void) __attribute__((ifunc("sleeper")));
int dep_honest(void) __attribute__((ifunc("honest")));
END
gcc -O2 -fPIC -shared -Wl,-soname,libdep.so -o libdep.so dep.c
libs="-L$work -ldep -Wl,-rpath,$work" ldflags='-Wl,--build-id -rdynamic'

# case_of CALL: a program that can spoil its own lists, and a fix that needs a new import
case_of()
{
    new_case
    cat > o/main.c <<'END'
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int dep_number(void), dep_writes(void), dep_wanders(void), dep_sleeps(void), dep_honest(void);
__attribute__((noipa)) int f(int x) { return x * 3 + x / 7; }
void run(void) { printf("%d", f(1) + dep_number()); }
static struct r_debug *debug(void)
{
    for (ElfW(Dyn) *dyn = _DYNAMIC; dyn->d_tag; dyn++)
        if (dyn->d_tag == DT_DEBUG)
            return (struct r_debug *)dyn->d_un.d_ptr;
    abort();
}
static struct link_map *last(void)
{
    struct link_map *map = debug()->r_map;
    while (map->l_next)
        map = map->l_next;
    return map;
}
void cycle(void) { last()->l_next = debug()->r_map; }
void stray(void) { last()->l_next = (struct link_map *)0x1234; }
void kernel(void) { last()->l_next = (struct link_map *)0xffffffff81000000; }
void adding(void) { debug()->r_state = RT_ADD; }
void none(void) { debug()->r_map = NULL; }
void moved(void) { last()->l_addr += 4096; }
END
    sed "s|return x \* 3 + x / 7|return x * 30 + $1|" o/main.c > p/main.c
    differ
    [ "$status" = 0 ] || { sed 's/^/# /' log; tap_result 1 "case_of_$1"; }
}

# spoiled NAME FUNCTION RESULT REASON
spoiled()
{
    bad=0
    start ./o/out
    expect before "$said" 4
    [ -z "$2" ] || ask "$2"
    inject apply
    expect "apply ($text)" "$result" "$3"
    case $text in *"$4"*) ;; *) expect reason "$text" "$4" ;; esac
    ask
    expect afterwards "$said" 4
    stop
    tap_result $bad "$1"
}

case_of 'atoi("5")'
spoiled a_list_without_end_is_not_followed cycle BUSY 'list of libraries cannot be read'
spoiled a_list_that_leads_nowhere_is_not_followed stray BUSY 'list of libraries cannot be read'
spoiled a_list_that_leads_into_the_kernel_is_not_followed kernel BUSY 'list of libraries cannot be read'
spoiled libraries_that_are_being_loaded_are_waited_for adding BUSY 'just loading or unloading'
spoiled no_list_at_all_is_waited_for none BUSY 'libraries are not loaded yet'
spoiled a_library_that_is_not_where_the_list_says_is_refused moved UNSUPPORTED \
    'order in which its libraries were loaded is not understood'
goes 'the_same_program_unspoiled_is_patched' 4 36

case_of 'dep_honest()'
goes 'a_resolver_that_only_chooses_is_asked' 4 71
case_of 'dep_writes()'
rm -f resolver-ran
spoiled a_resolver_that_makes_system_calls_is_stopped '' UNSUPPORTED 'does not work outside'
[ ! -e resolver-ran ]
tap_result $? 'what_it_wanted_to_write_was_not_written'
case_of 'dep_wanders()'
spoiled a_resolver_that_leads_somewhere_else_is_refused '' UNSUPPORTED 'leads out of its library'
case_of 'dep_sleeps()'
spoiled a_resolver_that_does_not_return_is_given_up '' UNSUPPORTED 'does not work outside'
tap_done
