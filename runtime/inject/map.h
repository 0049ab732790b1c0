/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps a patch into a process, and unmaps it. */
#ifndef SYSCARE_INJECT_MAP_H
#define SYSCARE_INJECT_MAP_H

#include "runtime/inject/infect.h"
#include "runtime/inject/injector.h"

/*
 * Maps, relocates and marks the patch for each instance of job->state that has no usable mapping.
 * The host is borrowed for that; when it returns it stands as before. 0, JOB_RETRY or -1 with the
 * reply set; on failure nothing refers to what may be left mapped.
 */
int patch_map(struct job *job, struct tracee *host);

/*
 * Compares the code and constants of mappings made earlier with what they must be. One that
 * differs is given up: its instance counts as unmapped. tid: any stopped thread. 0; JOB_RETRY as
 * imports_get; -1 with the reply set, also when functions jump into such a mapping.
 */
int patch_map_verify(struct job *job, pid_t tid);

/* Unmaps the patch of one instance, unless it holds a signal handler. Nothing else may refer to it.
 */
int patch_unmap(struct job *job, struct tracee *host, const struct process_instance *instance);

/* True if an instance of job->state lacks the patch. */
bool patch_map_needed(const struct job *job);

#endif
