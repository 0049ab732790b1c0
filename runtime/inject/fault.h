/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an injector that is built for tests can be killed: before each system call that changes
 * a target, and after the last. INJECT_FAULTS is defined only for the test program
 * (tests/inject.mk); otherwise nothing of this is compiled.
 */
#ifndef SYSCARE_INJECT_FAULT_H
#define SYSCARE_INJECT_FAULT_H

#include "runtime/inject/injector.h"

#ifdef INJECT_FAULTS
#include <signal.h>
static inline void fault_point(struct injector *injector)
{
    if (++injector->fault_count == injector->fault_step)
        raise(SIGKILL);
}
#else
static inline void fault_point(struct injector *injector)
{
    (void)injector;
}
#endif

#endif
