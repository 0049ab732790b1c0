/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to features.c, features_nop.c and features_trial.c: what trials of probes have in common.
 */
#ifndef SYSCARE_RUNTIME_FEATURES_P_H
#define SYSCARE_RUNTIME_FEATURES_P_H

#include "runtime/features.h"

#include <bpf/bpf.h>
#include <stdint.h>

/* Loads `return 0` with what our program needs. Returns its descriptor, or -1. */
int features_load_trivial(uint32_t flags, enum bpf_attach_type type);

/* File offset of a function of this program. 0 when it cannot be told. */
uint64_t features_offset(uintptr_t address);

/*
 * Probes an instruction of this program, at its file offset, without any effect. Returns a
 * descriptor that keeps the probe, or -1.
 */
int features_probe_offset(uint64_t offset);

/* features.nop_probes. True also where there is no such instruction or no such optimisation. */
bool features_try_nop(void);

#endif
