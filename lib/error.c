// SPDX-License-Identifier: GPL-2.0-or-later
// Makes, wraps and frees errors.
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char out_of_memory[] = "out of memory";

/* Puts a new error into *err; takes message, which is NULL when memory ran out. */
static int error_store(struct sc_error **err, enum sc_status status, int number, char *message)
{
    struct sc_error *made;

    if (!err) {
        free(message);
        return -1;
    }
    made = calloc(1, sizeof(*made));
    if (!made)
        abort(); /* not even an error can be told */
    made->status = status;
    made->saved_errno = number;
    made->message = message ? message : out_of_memory;
    sc_error_free(*err);
    *err = made;
    return -1;
}

int sc_error_set(struct sc_error **err, enum sc_status status, const char *fmt, ...)
{
    char *message = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&message, fmt, args) < 0)
        message = NULL;
    va_end(args);
    return error_store(err, status, 0, message);
}

int sc_error_errno(struct sc_error **err, const char *fmt, ...)
{
    int number = errno;
    char *context = NULL;
    char *message = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&context, fmt, args) < 0)
        context = NULL;
    va_end(args);
    if (asprintf(&message, "%s: %s", context ? context : "?", strerror(number)) < 0)
        message = NULL;
    free(context);
    error_store(err, SC_FAILED, number, message);
    errno = number;
    return -1;
}

int sc_error_wrap(struct sc_error **err, const char *fmt, ...)
{
    char *context = NULL;
    char *message = NULL;
    va_list args;

    if (!err || !*err)
        return -1;
    va_start(args, fmt);
    if (vasprintf(&context, fmt, args) < 0)
        context = NULL;
    va_end(args);
    if (context && asprintf(&message, "%s: %s", context, (*err)->message) >= 0) {
        if ((*err)->message != out_of_memory)
            free((*err)->message);
        (*err)->message = message;
    }
    free(context);
    return -1;
}

enum sc_status sc_error_status(const struct sc_error *err)
{
    return err ? err->status : SC_FAILED;
}

void sc_error_free(struct sc_error *err)
{
    if (!err)
        return;
    if (err->message != out_of_memory)
        free(err->message);
    free(err);
}

void sc_error_cleanup(struct sc_error **err)
{
    sc_error_free(*err);
}
