// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-replay: compiles a captured translation unit again, with a section for every function and
// object.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "wrappers/replay_link.h"
#include "wrappers/replay_unit.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

static const char usage_text[] =
    "Usage: syscare-replay CAPTURE UNIT_ID OUTPUT.o [-- OPTION...]\n"
    "       syscare-replay CAPTURE --link LINK_ID OUTPUT.o [-- OPTION...]\n"
    "Run the compile that CAPTURE/tu/UNIT_ID.json records once more, in the directory where it "
    "ran,\n"
    "with function and data sections, and write the object to OUTPUT.o and nothing else.\n"
    "OPTIONs are given to the compiler (cc1, cc1plus) behind the recorded ones.\n"
    "\n"
    "      --link  run a link with link-time optimisation again, and write all that it "
    "makes\n"
    "              of its LTO inputs as one object; OPTIONs are GCC's\n"
    "  -h, --help  this text\n";

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

/* What the command line asks for. */
struct request {
    bool link;     /* a link, not a unit */
    char *capture; /* as given, as all of these */
    char *id;
    char *output;
    char **extra; /* behind "--" */
};

/* 0, or -1 when the command line is wrong. */
static int request_parse(int argc, char **argv, struct request *request)
{
    int at = 1;

    if (argc < 4 || argv[1][0] == '-')
        return -1;
    request->capture = argv[at++];
    request->link = strcmp(argv[at], "--link") == 0;
    at += request->link;
    if (argc < at + 2 || argv[at][0] == '-')
        return -1;
    request->id = argv[at++];
    request->output = argv[at++];
    if (argv[at] && strcmp(argv[at++], "--") != 0)
        return -1;
    request->extra = argv + at;
    return 0;
}

static int request_run(const struct request *request, struct sc_error **err)
{
    cleanup_free char *capture = realpath(request->capture, NULL);
    cleanup_free char *output = NULL;
    struct replay replay = {.id = request->id, .extra = request->extra};

    if (!capture)
        return sc_error_errno(err, "%s", request->capture);
    output = output_absolute(request->output, err);
    if (!output)
        return -1;
    replay.capture = capture;
    replay.output = output;
    return request->link ? link_replay(&replay, err) : unit_replay(&replay, err);
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;
    struct request request = {0};

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return SC_OK;
    }
    if (request_parse(argc, argv, &request) < 0) {
        fputs(usage_text, stderr);
        return SC_USAGE;
    }
    if (request_run(&request, &err) < 0) {
        fprintf(stderr, "syscare-replay: %s\n", err->message);
        return sc_error_status(err);
    }
    return SC_OK;
}
