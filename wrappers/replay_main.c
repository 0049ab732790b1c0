// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-replay: compiles a captured translation unit again, with a section for every function and
// object.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "wrappers/replay_unit.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>

static const char usage_text[] =
    "Usage: syscare-replay CAPTURE UNIT_ID OUTPUT.o [-- OPTION...]\n"
    "Run the compile that CAPTURE/tu/UNIT_ID.json records once more, in the directory where it "
    "ran,\n"
    "with function and data sections, and write the object to OUTPUT.o and nothing else.\n"
    "OPTIONs are given to the compiler (cc1, cc1plus) behind the recorded ones.\n";

/* The absolute name of a file whose directory exists; NULL with err set. */
static char *output_absolute(const char *path, struct sc_error **err)
{
    cleanup_free char *directory = sc_format("%s", path);
    cleanup_free char *base = sc_format("%s", path);
    char absolute[PATH_MAX];

    if (!realpath(dirname(directory), absolute)) {
        sc_error_errno(err, "the directory of %s", path);
        return NULL;
    }
    return sc_format("%s/%s", absolute, basename(base));
}

static int replay_run(char **argv, char **extra, struct sc_error **err)
{
    cleanup_free char *capture = realpath(argv[0], NULL);
    cleanup_free char *output = NULL;
    struct replay replay = {.id = argv[1], .extra = extra};

    if (!capture)
        return sc_error_errno(err, "%s", argv[0]);
    output = output_absolute(argv[2], err);
    if (!output)
        return -1;
    replay.capture = capture;
    replay.output = output;
    return unit_replay(&replay, err);
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return SC_OK;
    }
    if (argc < 4 || argv[1][0] == '-' || (argc > 4 && strcmp(argv[4], "--") != 0)) {
        fputs(usage_text, stderr);
        return SC_USAGE;
    }
    if (replay_run(argv + 1, argv + (argc > 4 ? 5 : 4), &err) < 0) {
        fprintf(stderr, "syscare-replay: %s\n", err->message);
        return sc_error_status(err);
    }
    return SC_OK;
}
