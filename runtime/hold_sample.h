/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rings that samples of first callers come by, on kernels without BPF. */
#ifndef SYSCARE_RUNTIME_HOLD_SAMPLE_H
#define SYSCARE_RUNTIME_HOLD_SAMPLE_H

#include "lib/error.h"
#include "runtime/bpf/hold.h"

#include <stdint.h>

struct hold;
struct sampler;

/* Makes hold->sampler. 0, or -1 with err set. */
int sampler_open(struct hold *hold, struct sc_error **err);

/* The process of the event is not told again, for its slot, before until. */
void sampler_rest(struct hold *hold, const struct hold_event *event, uint64_t until);

/* NULL is allowed. */
void sampler_close(struct sampler *sampler);

#endif
