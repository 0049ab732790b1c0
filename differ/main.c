// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-diff: makes a patch object from the objects and links of the original and the patched
// build.
#include "differ/differ.h"

#include "lib/cleanup.h"

#include <stdio.h>
#include <string.h>

static void print_refusals(const struct differ *differ)
{
    for (size_t i = 0; i < differ->refusals.count; i++) {
        const struct refusal *refusal = differ->refusals.items[i];

        const char *place = refusal->source ? refusal->source : refusal->object;

        fprintf(stderr, "syscare-diff: refused (%s): %s%s%s; %s\n", refusal_name(refusal->code),
                place ? place : "", place ? ": " : "", refusal->message,
                refusal_advice(refusal->code));
    }
}

static enum sc_status run(struct differ *differ, const char *job, struct sc_error **err)
{
    enum sc_status status;

    if (job_read(differ, job, err) < 0 || differ_run(differ, err) < 0)
        return sc_error_status(*err);
    if (phase_line_kept(differ, err) < 0)
        return sc_error_status(*err);
    phase_explain(differ);
    phase_warn(differ);
    if (differ->refusals.count)
        status = SC_REFUSED;
    else
        status = differ_has_changes(differ) ? SC_OK : SC_NOTHING;
    return report_write(differ, status, err) < 0 ? SC_FAILED : status;
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;
    struct differ differ = {0};
    enum sc_status status;

    if (argc != 2 || argv[1][0] == '-') {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;

        fprintf(help ? stdout : stderr, "usage: syscare-diff JOB.json\n");
        return help ? SC_OK : SC_USAGE;
    }
    status = run(&differ, argv[1], &err);
    if (err)
        fprintf(stderr, "syscare-diff: %s\n", err->message);
    print_refusals(&differ);
    if (status == SC_NOTHING)
        fprintf(stderr, "syscare-diff: nothing changed\n");
    differ_free(&differ);
    return (int)status;
}
