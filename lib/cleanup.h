/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variables that free themselves when their scope ends. */
#ifndef SYSCARE_CLEANUP_H
#define SYSCARE_CLEANUP_H

#include "lib/error.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_fn(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close_fn(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_file_fn(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline void cleanup_json_fn(struct json_object **json)
{
    json_object_put(*json);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_file __attribute__((cleanup(cleanup_file_fn)))
#define cleanup_json __attribute__((cleanup(cleanup_json_fn)))
#define cleanup_error __attribute__((cleanup(sc_error_cleanup)))

/* Gives *pp away: returns it and leaves NULL, so that the cleanup finds nothing. */
#define steal_pointer(pp)                                                                          \
    ({                                                                                             \
        __typeof__(*(pp)) stolen_ = *(pp);                                                         \
        *(pp) = NULL;                                                                              \
        stolen_;                                                                                   \
    })

#endif
