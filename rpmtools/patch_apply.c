// SPDX-License-Identifier: GPL-2.0-or-later
// Applies source patches with patch(1) and says which hunk failed.
#include "rpmtools/patch_apply.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"

#include <libgen.h>
#include <string.h>

/* Appends what patch(1) printed to the log. */
static void keep_output(const char *log, const char *text)
{
    cleanup_file FILE *file = fopen(log, "a");

    if (file)
        fputs(text, file);
}

/*
 * Collects "file: hunk #2 FAILED at 123." from the output of patch(1):
 *     patching file src/t.c
 *     Hunk #2 FAILED at 123.
 * and its other complaints as they are.
 */
static void collect_failures(char *output, struct string_list *failures)
{
    const char *file = "?";
    char *rest = NULL;

    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "patching file ", 14) == 0)
            file = line + 14;
        else if (strncmp(line, "checking file ", 14) == 0)
            file = line + 14;
        else if (strncmp(line, "Hunk #", 6) == 0 && strstr(line, "FAILED"))
            string_list_format(failures, "%s: hunk %s", file, line + 5);
        else if (strncmp(line, "|+++ ", 5) == 0) /* patch(1) quotes the header of a lost file */
            string_list_format(failures, "%.*s: the package has no such file",
                               (int)strcspn(line + 5, "\t"), line + 5);
        else if (strncmp(line, "patch: **** ", 12) == 0)
            string_list_add(failures, line + 12);
        else if (strstr(line, "Reversed (or previously applied) patch detected"))
            string_list_format(failures, "%s: the change seems to be in the package already", file);
        else if (strstr(line, "which does not exist") || strstr(line, "already exists"))
            string_list_add(failures, line);
    }
}

/* The first words of patch(1) are about what it guesses; the user needs file and hunk. */
static int patch_failure(const char *patch, char *output, struct sc_error **err)
{
    cleanup_strings struct string_list failures = {0};
    cleanup_free char *all = NULL;

    collect_failures(output, &failures);
    all = string_list_join(&failures, "; ");
    return sc_error_set(err, SC_FAILED, "%s does not apply: %s", patch,
                        failures.count ? all : "see the log");
}

/* In the C locale: the output is parsed. */
static int apply_one(const char *directory, const char *patch, const char *log,
                     struct sc_error **err)
{
    /* -f: no questions, and never in reverse; -r -: no files with rejected hunks */
    const char *argv[] = {"patch", "-p1", "-F0", "-f",  "--no-backup-if-mismatch",
                          "-r",    "-",   "-i",  patch, NULL};
    const char *env[] = {"LC_ALL=C", "POSIXLY_CORRECT", "QUOTING_STYLE=literal", NULL};
    cleanup_free char *output = NULL;
    cleanup_free char *copy = sc_format("%s", patch);
    struct sc_run how = {
        .argv = argv, .env = env, .directory = directory, .log = log, .output = &output};
    int status = sc_run(&how, err);

    if (status < 0)
        return sc_error_wrap(err, "%s", patch);
    keep_output(log, output);
    if (status > 0)
        return patch_failure(basename(copy), output, err);
    if (!strstr(output, "patching "))
        return sc_error_set(err, SC_FAILED, "%s is not a unified diff: it changes no file",
                            basename(copy));
    return 0;
}

int patch_apply_all(const char *directory, const struct string_list *patches, const char *log,
                    struct sc_error **err)
{
    for (size_t i = 0; i < patches->count; i++)
        if (apply_one(directory, patches->items[i], log, err) < 0)
            return -1;
    return 0;
}
