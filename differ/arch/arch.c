// SPDX-License-Identifier: GPL-2.0-or-later
// The table of architectures.
#include "differ/arch/arch.h"

#include <string.h>

static const struct arch *const architectures[] = {&arch_x86_64};

const struct arch *arch_find(const char *name)
{
    for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
        if (strcmp(architectures[i]->name, name) == 0)
            return architectures[i];
    return NULL;
}
