// SPDX-License-Identifier: GPL-2.0-or-later
// The daemon's log: journald with fields, or lines on stderr.
#include "runtime/log.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#define FIELDS_MAX 6

struct log log_open(bool foreground, bool verbose)
{
    struct log log = {.verbose = verbose};

    /* systemd.exec(5): set where stderr goes to the journal. */
    log.journal = !foreground && getenv("JOURNAL_STREAM");
    return log;
}

/* Appends "NAME=value" as a field; the text is freed by fields_free. */
static void add_field(struct iovec *fields, int *count, char *text)
{
    fields[*count].iov_base = text;
    fields[*count].iov_len = strlen(text);
    (*count)++;
}

/* With the fields of doc/contract: journalctl PATCH=… finds what happened to a patch. */
static void write_journal(int priority, const struct log_about *about, const char *message)
{
    struct iovec fields[FIELDS_MAX];
    int count = 0;

    add_field(fields, &count, sc_format("MESSAGE=%s", message));
    add_field(fields, &count, sc_format("PRIORITY=%d", priority));
    add_field(fields, &count, sc_format("SYSLOG_IDENTIFIER=syscared"));
    if (about->patch)
        add_field(fields, &count, sc_format("PATCH=%s", about->patch));
    if (about->pid)
        add_field(fields, &count, sc_format("PID=%d", about->pid));
    if (about->result)
        add_field(fields, &count, sc_format("RESULT=%s", about->result));
    sd_journal_sendv(fields, count);
    while (count > 0)
        free(fields[--count].iov_base);
}

/* One write(2) a line, so that lines of threads do not mix. */
static void write_stderr(const struct log_about *about, const char *message)
{
    cleanup_free char *patch = about->patch ? sc_format(" PATCH=%s", about->patch) : NULL;
    cleanup_free char *pid = about->pid ? sc_format(" PID=%d", about->pid) : NULL;
    cleanup_free char *result = about->result ? sc_format(" RESULT=%s", about->result) : NULL;
    cleanup_free char *line = sc_format("syscared: %s%s%s%s\n", message, patch ? patch : "",
                                        pid ? pid : "", result ? result : "");

    (void)sc_write_all(STDERR_FILENO, line, strlen(line));
}

void log_write(const struct log *log, int priority, const struct log_about *about, const char *fmt,
               ...)
{
    static const struct log_about nothing;
    cleanup_free char *message = NULL;
    va_list args;

    if (priority == LOG_DEBUG && !log->verbose)
        return;
    va_start(args, fmt);
    if (vasprintf(&message, fmt, args) < 0)
        message = NULL;
    va_end(args);
    if (!message)
        return;
    if (log->journal)
        write_journal(priority, about ? about : &nothing, message);
    else
        write_stderr(about ? about : &nothing, message);
}
