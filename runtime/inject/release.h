/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets a process go on that a BPF program holds at its first call. */
#ifndef SYSCARE_INJECT_RELEASE_H
#define SYSCARE_INJECT_RELEASE_H

#include "runtime/inject/injector.h"

/* For an INJECT_LAZY request, writes tgid → time to the release map, once. */
void hold_release(struct job *job);

#endif
