/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds code in the target that makes a system call and returns. */
#ifndef SYSCARE_INJECT_GADGET_H
#define SYSCARE_INJECT_GADGET_H

#include "runtime/inject/injector.h"

/* 0, or -1 with INJECT_UNSUPPORTED when the process has no such code. */
int gadgets_find(struct job *job, struct arch_gadgets *gadgets);

#endif
