#!/bin/bash
# Exceptions through patched functions of real processes: applied, taken back, applied again, removed.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/pair-subr.sh
. "${top_srcdir:?}/tests/pair-subr.sh"
# shellcheck disable=SC2034
pair_source=main.cc pair_compile="${CXX:-g++} -g -O2"

# Prints a line for each line that it reads: which functions caught and cleaned up.
write_source() {
    cat << 'EOF'
#include <cstdio>
#include <stdexcept>
#include <string>
struct Guard { const char *name; explicit Guard(const char *n) : name(n) {} ~Guard() { printf("~%s ", name); } };
static volatile int limit = 10;
__attribute__((noipa)) void inner(int x) { Guard guard("inner"); if (x > limit) throw std::runtime_error("big"); }
__attribute__((noipa)) int first(int x)
{
    Guard guard("old1");
    if (x > 1000) puts("never");
    try { inner(x); } catch (const std::exception &e) { printf("%s ", e.what()); throw 7; }
    return x;
}
__attribute__((noipa)) int second(int x)
{
    Guard guard("old2");
    if (x > 1000) puts("never");
    return first(x) + 1;
}
int main()
{
    char line[80];
    setvbuf(stdout, nullptr, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        try { printf("%d\n", second(20)); } catch (int x) { printf("main %d\n", x); }
    }
}
EOF
}

# Mappings of patch objects in a process.
mappings() {
    awk '/syscare|\/sctarget/ && $6 !~ /usr\/bin/' "/proc/${target_pid[$1]}/maps" | wc -l
}

old='~inner big ~old1 ~old2 main 7'
world_begin "$builddir/tests/differ-cxx-process.world" > /dev/null 2>&1 || tap_bail "no world"
tap_that "target_is_built" make_target || tap_bail "no target"
tap_that "patch_of_one_function_is_made" make_pair_patch FIX1 11 's/"old1"/"new1"/; s/throw 7/throw 8/' || tap_bail "no patch"
tap_that "patch_of_another_function_is_made" make_pair_patch FIX2 21 's/"old2"/"new2"/' || tap_bail "no patch"
target_start running
tap_that "daemon_starts" daemon_start || tap_bail "no daemon"
tap_prints "old_functions_are_passed_through_before" "$old" ask running go
tap_that "apply_succeeds" ctl apply FIX1
tap_prints "a_patched_function_catches_throws_anew_and_cleans_up" '~inner big ~new1 ~old2 main 8' ask running go
tap_that "second_patch_is_applied" ctl apply FIX2
tap_prints "two_patches_are_passed_through" '~inner big ~new1 ~new2 main 8' ask running go
target_start later
tap_prints "a_process_that_starts_later_as_well" '~inner big ~new1 ~new2 main 8' ask later go
tap_that "deactive_succeeds" ctl deactive FIX1
tap_prints "what_is_deactivated_is_passed_through_no_more" '~inner big ~old1 ~new2 main 7' ask running go
tap_that "apply_succeeds_again" ctl apply FIX1
tap_prints "after_applying_again_too" '~inner big ~new1 ~new2 main 8' ask running go
tap_that "first_patch_is_removed" ctl remove FIX1
tap_prints "the_other_one_stays_in_force" '~inner big ~old1 ~new2 main 7' ask running go
tap_that "second_patch_is_removed" ctl remove FIX2
tap_prints "old_functions_are_passed_through_after" "$old" ask running go
tap_prints "once_more" "$old" ask later go
left=$(mappings running)
[ "$left" -gt 0 ]
tap_result $? "frames_that_were_registered_stay_mapped"
tap_that "apply_after_removal_succeeds" ctl apply FIX1
tap_prints "exceptions_pass_after_removal_and_application" '~inner big ~new1 ~old2 main 8' ask running go
tap_done
