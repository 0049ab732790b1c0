/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the symbols that a patch imports are in one process: SC_SYM_IMPORT and SC_SYM_WORD. Found
 * by reading alone; nothing needs to be stopped.
 */
#ifndef SYSCARE_INJECT_IMPORTS_H
#define SYSCARE_INJECT_IMPORTS_H

#include "runtime/inject/injector.h"

/* The mapping that a value leads into: it must still be there when the value is used. */
struct import_origin {
    uint64_t start, offset, device, inode;
};

/* The values for one instance of the target. */
struct import_set {
    uint64_t bias;                 /* of the target */
    uint64_t *values;              /* for each row of .syscare.sym; 0 where it needs none */
    struct import_origin *origins; /* the same; all zero for words and for what is not defined */
};

/*
 * The values for an instance, from the last time if what they lead to has not moved since. They
 * are valid until the next call; NULL when the patch needs none. 0; JOB_RETRY with the reply set
 * when the process is just loading libraries; -1 with the reply set when it cannot be had.
 */
int imports_get(struct job *job, const struct process_instance *instance, const uint64_t **values);

/* The same for all instances, before anything is stopped. */
int imports_prepare(struct job *job);

void imports_free(struct job *job);

#endif
