/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds code in the target that makes a system call and returns, or puts it there. */
#ifndef SYSCARE_INJECT_GADGET_H
#define SYSCARE_INJECT_GADGET_H

#include "runtime/inject/injector.h"

/*
 * A program without a C library may have no such code: then it is written, through the stopped
 * thread tid, into the unused end of a page of its code. 0, or -1 with the reply set.
 */
int gadgets_find(struct job *job, pid_t tid, struct arch_gadgets *gadgets);

#endif
