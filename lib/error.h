/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors as values: a status, a message and the context added on the way up. */
#ifndef SYSCARE_ERROR_H
#define SYSCARE_ERROR_H

/* What a command ends with; the numbers are the exit statuses of doc/contract. */
enum sc_status {
    SC_OK = 0,
    SC_FAILED = 1,  /* something went wrong; nothing was changed */
    SC_USAGE = 2,   /* the command line is wrong */
    SC_REFUSED = 3, /* it could be done, but not safely: a reason code is printed */
    SC_NOTHING = 4, /* there is nothing to patch */
    SC_PARTIAL = 5, /* done in part */
};

/* An error that travels upwards. Owned by whoever holds the pointer; free with sc_error_free. */
struct sc_error {
    enum sc_status status;
    int saved_errno; /* errno where the error arose, 0 when it is not a system error */
    char *message;   /* "context: context: cause", never NULL, no final newline */
};

/*
 * Makes *err from a printf format. A NULL err is allowed: the caller does not want to know.
 * An error that *err already holds is replaced. Returns -1, so that callers can `return` it.
 */
int sc_error_set(struct sc_error **err, enum sc_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As sc_error_set with SC_FAILED, with ": " and the text of errno appended. Keeps errno. */
int sc_error_errno(struct sc_error **err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message of *err. Returns -1. */
int sc_error_wrap(struct sc_error **err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The status of err; SC_FAILED when err is NULL. */
enum sc_status sc_error_status(const struct sc_error *err);

/* Frees err; NULL is allowed. */
void sc_error_free(struct sc_error *err);

/* For __attribute__((cleanup)): see cleanup_error in cleanup.h. */
void sc_error_cleanup(struct sc_error **err);

#endif
