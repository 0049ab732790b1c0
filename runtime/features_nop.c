// SPDX-License-Identifier: GPL-2.0-or-later
// Tries whether a probe on a 5-byte nop is harmless.
//
// Linux 6.18 replaces a breakpoint on such a nop, once it was hit, by a call of a page that it maps
// into the process. A child that is forked then has the call but not the page (VM_DONTCOPY), and
// dies of SIGSEGV when it comes there: seen on 6.18.44, with any tool that sets such a probe.
#include "runtime/features_P.h"

#include "lib/cleanup.h"
#include "runtime/arch/arch.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The probe is optimised at the first hit; a few more do no harm. */
#define HITS 4

/* Quietly: neither a core file nor a line in the kernel's log. */
static void die_quietly(int signal)
{
    (void)signal;
    _exit(1);
}

/* In a child: hits the probe, then has a child of its own do so. Never returns. */
static void run_child(arch_function function)
{
    int status = 1;
    pid_t grandchild;

    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGSEGV, die_quietly);
    signal(SIGILL, die_quietly);
    signal(SIGTRAP, die_quietly);
    for (int i = 0; i < HITS; i++)
        function();
    grandchild = fork();
    if (grandchild == 0) {
        function();
        _exit(0);
    }
    if (grandchild < 0 || waitpid(grandchild, &status, 0) < 0 || status != 0)
        _exit(1);
    _exit(0);
}

bool features_try_nop(void)
{
    arch_function function = arch_optimised_function();
    uint64_t offset = function ? features_offset((uintptr_t)function) : 0;
    cleanup_close int probe = -1;
    int status = 1;
    pid_t child;

    if (!function)
        return true;
    probe = features_probe_offset(offset);
    child = probe < 0 ? -1 : fork();
    if (child == 0)
        run_child(function);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
