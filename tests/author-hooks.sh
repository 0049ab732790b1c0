#!/bin/bash
# Hooks and shadow variables of syscare-patch.h, in running processes.
# SPDX-License-Identifier: GPL-2.0-or-later
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
case $builddir in /*) ;; *) builddir=$PWD/$builddir ;; esac
case $srcdir in /*) ;; *) srcdir=$PWD/$srcdir ;; esac
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
if [ "$(id -u)" -ne 0 ]; then
    tap_skip_all "needs root: it attaches to processes"
fi
: "${CC:=gcc}"
tool=$builddir/tests/author-tool
work=$(mktemp -d) || exit 99
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -9 "$pid" 2> /dev/null; done
    rm -rf "$work"
}
trap finish EXIT
cd "$work" || exit 99
mkdir o p

# --- building ---------------------------------------------------------------------------------------

cat > o/version.c << 'END'
extern int puts(const char *);
extern int remember_old(void);
int version(int x)
{
    if (x > 99)
        puts("much");
    return x;
}
int remember(const void *object, int add)
{
    if (!object)
        puts("nothing");
    return -1;
}
END

# The source patch: its hooks write down when they ran, and which version they then see.
cat > p/version.c << 'END'
#define SYSCARE_PATCH_RUNTIME
#include <syscare-patch.h>
extern int puts(const char *);
extern char trace_text[256];
extern volatile int wanted, held;
extern int (*volatile call_version)(int);
int version(int x)
{
    if (x > 99)
        puts("more");
    return x + 1;
}
static void begin(const void *object, void *data)
{
    (void)object;
    *(int *)data = 100;
}
int remember(const void *object, int add)
{
    int *count;
    if (!add)
        return syscare_shadow_detach(object, 7);
    count = syscare_shadow_attach(object, 7, sizeof(*count), begin);
    return count ? ++*count : -2;
}
static void note(char what)
{
    volatile char *end = trace_text; /* no strlen of it: static programs have that by ifunc */
    while (*end)
        end++;
    *end++ = what;
    *end = '0' + call_version(1);
    while (held)
        ;
}
static void clobber(void)
{
    __asm__ volatile("pxor %%xmm7,%%xmm7; pxor %%xmm15,%%xmm15; std; cld" ::: "xmm7", "xmm15");
}
static int before(void) { clobber(); note('b'); return wanted; }
static void after(void) { clobber(); note('a'); }
static void leaving(void) { clobber(); note('l'); }
static void left(void) { clobber(); note('r'); }
SYSCARE_PRE_APPLY(before);
SYSCARE_POST_APPLY(after);
SYSCARE_PRE_REVERT(leaving);
SYSCARE_POST_REVERT(left);
END

# Leaves the programs o/target and p/target, and the patch object.
build() {
    local side id digest
    for side in o p; do
        (cd "$side" && $CC -g -O2 -fcf-protection=full -I"$srcdir/include" -c version.c -o version.o &&
            $CC -g -O2 -fcf-protection=full -I"$srcdir/include" -ffunction-sections \
                -fdata-sections -c version.c -o version.replay &&
            $CC -O2 "-Wl,--build-id=0x$(od -An -v -tx1 -N 20 /dev/urandom | tr -d ' \n')" \
                -Wl,-Map=target.map -o target "$srcdir/tests/author-target.c" version.o \
                -lpthread) || return
    done
    read -r id digest <<< "$("$tool" identify o/target)" || return
    cat > job.json << END
{"version":1,"arch":"x86_64","target_elf":"/usr/bin/target","uuid":"01234567-89ab-cdef-0123-456789abcde$((RANDOM % 10))",
 "build_id":"$id","target_digest":"$digest",
 "reference":{"elf":"$work/o/target","map":"$work/o/target.map"},
 "patched":{"elf":"$work/p/target","map":"$work/p/target.map"},
 "objects":[{"name":"version.o","source":"version.c","tu":"1","inputs":["version.o"],
             "reference":"$work/o/version.replay","patched":"$work/p/version.replay"}],
 "ld":"ld","output":"$work/patch","report":"$work/report.json"}
END
    "$builddir/syscare-diff" job.json
}

# --- processes ---------------------------------------------------------------------------------------

start() {
    rm -f in out
    mkfifo in out || return
    setpriv --pdeathsig KILL o/target < in > out &
    pid=$!
    pids+=("$pid")
    exec 7> in 8< out
    [ "$(ask call)" = 1 ]
}

ask() {
    local reply
    echo "$1" >&7 || return
    IFS= read -r -t 10 -u 8 reply || reply="no answer"
    echo "$reply"
}

end() {
    kill -9 "$pid"
    wait "$pid"
    return 0
} 2> /dev/null

inject() {
    "$tool" "$builddir/runtime/syscare-inject" "$1" "${target:-$pid}" "$work/patch" "${@:2}"
}

faulty() {
    "$tool" "$builddir/tests/inject-faulty" "$1" "$pid" "$work/patch" "${@:2}"
}

# Until the process is in nobody's hands: a thread that was let go detaches on its own.
alive() {
    kill -0 "$pid" && ! grep -q '^State:.[ZX]' "/proc/$pid/status"
}

# --- the order of things -------------------------------------------------------------------------------

tap_that "a_patch_with_hooks_and_shadow_variables_is_made" build || tap_bail "no patch"
tap_that "the_target_starts" start || tap_bail "no target"
tap_prints "apply_succeeds" PATCHED inject apply
tap_prints "pre_apply_runs_in_the_old_and_post_apply_in_the_new_version" "[b1a2]" ask trace
tap_prints "the_new_version_runs" 2 ask call
tap_prints "a_second_apply_does_nothing" ALREADY inject apply
tap_prints "and_runs_no_hook" "[b1a2]" ask trace
tap_prints "revert_succeeds" REVERTED inject revert
tap_prints "pre_revert_runs_in_the_new_and_post_revert_in_the_old_version" "[b1a2l2r1]" ask trace
tap_prints "the_old_version_runs" 1 ask call
tap_prints "a_second_revert_does_nothing" ALREADY inject revert
tap_prints "apply_runs_the_hooks_again" PATCHED inject apply
tap_prints "once_each" "[b1a2l2r1b1a2]" ask trace
tap_prints "revert_and_unmap" REVERTED inject revert unmap
tap_prints "ran_the_hooks_first" "[b1a2l2r1b1a2l2r1]" ask trace
end

start
tap_prints "a_process_whose_first_call_is_held_gets_the_hooks_too" PATCHED inject apply lazy
tap_prints "in_the_same_order" "[b1a2]" ask trace
end

# --- refusal -------------------------------------------------------------------------------------------

start
ask "want 3" > /dev/null
tap_prints "a_pre_apply_hook_can_refuse_a_process" \
    "UNSUPPORTED: the patch's hook before does not want this process (it returned 3)" inject apply
tap_prints "the_process_runs_the_old_code" 1 ask call
tap_prints "it_is_not_asked_again" \
    "UNSUPPORTED: the patch's hook before does not want this process (it returned 3)" inject apply
tap_prints "the_hook_ran_once" "[b1]" ask trace
tap_prints "revert_forgets_the_refusal" REVERTED inject revert
tap_prints "without_hooks_for_what_never_was" "[b1]" ask trace
ask "want 0" > /dev/null
tap_prints "then_it_is_asked_again" PATCHED inject apply
tap_prints "and_patched" 2 ask call
end

# --- fork -----------------------------------------------------------------------------------------------

start
inject apply > /dev/null
child=$(ask fork)
target=$child
tap_prints "a_forked_child_is_patched_already" ALREADY inject apply
tap_prints "and_runs_no_hooks" "[b1a2]" ask trace
tap_prints "it_is_reverted_with_its_own_hooks" REVERTED inject revert
tap_prints "once" "[b1a2l2r1]" ask trace
unset target
tap_prints "the_child_ends" ended ask end
tap_prints "its_parent_stays_patched" 2 ask call
tap_prints "and_saw_nothing_of_it" "[b1a2]" ask trace
end

# --- a hook that does not return ------------------------------------------------------------------------

start
ask "hold 1" > /dev/null
tap_prints "a_hook_that_does_not_return_is_given_up" \
    "BUSY: the patch's hook before does not return" inject apply
tap_prints "the_process_lives_with_the_old_code" 1 ask call
tap_prints "it_is_not_called_a_second_time" \
    "BUSY: the patch's hook before has not returned" inject apply deadline=1000
ask "hold 0" > /dev/null
sleep 0.2
tap_prints "when_it_has_returned_the_patch_is_applied" PATCHED inject apply
tap_prints "and_it_ran_once" "[b1a2]" ask trace
ask "hold 1" > /dev/null
tap_prints "the_same_before_a_revert" "BUSY: the patch's hook leaving does not return" inject revert
ask "hold 0" > /dev/null
sleep 0.2
tap_prints "which_then_succeeds" REVERTED inject revert
tap_prints "with_each_hook_once" "[b1a2l2r1]" ask trace
end

# --- the thread that is borrowed --------------------------------------------------------------------------

start
ask "spin 1" > /dev/null
cycles() {
    for _ in $(seq 30); do
        [ "$(inject apply)" = PATCHED ] && [ "$(inject revert)" = REVERTED ] || return
    done
}
tap_that "hooks_run_on_a_thread_that_computes" cycles
tap_prints "its_registers_are_as_they_were" 0 ask torn
end

# --- the injector dies ------------------------------------------------------------------------------------

# Kills it at each step of a request; the process lives, and the next one puts all right.
# Usage: kill_at_each_step apply|revert WORD WANTED_TRACE [lazy]
kill_at_each_step() {
    local step=1 answer trace
    while :; do
        start || return
        if [ "$1" = revert ]; then
            inject apply > /dev/null || return
        fi
        answer=$(faulty "$1" "fault=$step" "${@:4}")
        sleep 0.02
        alive || { echo "dead after step $step"; return 1; }
        if [ "$answer" != DIED ]; then
            [ "$answer" = "$2" ] || { echo "step $step: $answer"; return 1; }
            end
            break
        fi
        answer=$(inject "$1")
        case $answer in
        "$2" | ALREADY) ;;
        *) echo "after step $step: $answer"; return 1 ;;
        esac
        trace=$(ask trace)
        [ "$trace" = "$3" ] || { echo "after step $step: $trace"; return 1; }
        end
        step=$((step + ${stride:-1}))
    done
    echo "$step steps" >&2
    [ "$step" -gt 20 ]
}
tap_that "whenever_the_injector_dies_in_apply_each_hook_runs_once" \
    kill_at_each_step apply PATCHED '[b1a2]'
stride=5 # what differs from the above is little
tap_that "whenever_it_dies_with_a_held_caller_each_hook_runs_once" \
    kill_at_each_step apply PATCHED '[b1a2]' lazy
stride=1
tap_that "whenever_it_dies_in_revert_each_hook_runs_once" \
    kill_at_each_step revert REVERTED '[b1a2l2r1]'

# --- shadow variables ---------------------------------------------------------------------------------------

start
tap_prints "there_is_no_shadow_before" -1 ask "remember 1"
inject apply > /dev/null
tap_prints "a_shadow_is_constructed" 101 ask "remember 1"
tap_prints "it_stays" 102 ask "remember 1"
tap_prints "another_object_has_its_own" 101 ask "remember 2"
tap_prints "a_shadow_can_be_taken_away" 1 ask "forget 1"
tap_prints "only_once" 0 ask "forget 1"
tap_prints "then_it_begins_anew" 101 ask "remember 1"
inject revert > /dev/null
inject apply > /dev/null
tap_prints "after_a_revert_none_is_left" 101 ask "remember 2"
end
runtime_imports() {
    printf '#define SYSCARE_PATCH_RUNTIME\n#include <syscare-patch.h>\n' > alone.c
    $CC -O2 -fPIC -I"$srcdir/include" -c alone.c -o alone.o && nm -u alone.o
}
tap_prints "shadow_variables_need_no_function_of_any_library" "" runtime_imports
headers_compile() {
    local standard
    printf '#define SYSCARE_PATCH_RUNTIME\n#include <syscare-patch.h>\nvoid hook(void);\nvoid hook(void) {}\nSYSCARE_POST_APPLY(hook);\n' > alone.c
    cp alone.c alone.cc
    for standard in gnu89 gnu99 gnu11 gnu17; do
        $CC -std="$standard" -Wall -Wextra -Werror -Wmissing-prototypes -Wdeclaration-after-statement \
            -I"$srcdir/include" -c alone.c -o alone.o || return
    done
    $CC -std=gnu++17 -Wall -Wextra -Werror -I"$srcdir/include" -c alone.cc -o alone.o
}
tap_that "the_headers_compile_without_warnings_in_old_c_and_c++" headers_compile
tap_done
