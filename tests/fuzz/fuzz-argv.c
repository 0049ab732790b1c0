// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: command lines of as and ld with response files, and what the assembler read.
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "wrappers/as_options.h"
#include "wrappers/as_source.h"
#include "wrappers/ld_options.h"
#include "wrappers/response_file.h"

#include <stdlib.h>

/* The command line "tool @words", where the input is what the file holds. */
static void parse(const char *word)
{
    char *argv[] = {(char *)"tool", (char *)word, NULL};
    cleanup_argv char **words = argv_expand(argv);
    cleanup_as_options struct as_options as = {0};
    struct ld_options ld;
    size_t count = 0;

    while (words[count])
        count++;
    as_options_parse(words, &as);
    as_options_stdin(&as);
    if (as.input_count + as.code_count > count || !as.output)
        abort();
    ld_options_parse(words, &ld);
    if (!ld.output)
        abort();
}

static void read_assembler(const char *path, int fd)
{
    cleanup_as_source struct as_source source = {0};
    struct json_object *deps = json_object_new_array();

    as_source_read(fd, &source, NULL);
    as_dependencies_read(path, "x.s", deps, NULL);
    json_object_put(deps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], word[65] = "@";
    cleanup_close int fd = -1;

    fuzz_directory(); /* it has no file that an input could name, but for the input itself */
    fuzz_directory_file("x", data, size);
    fd = fuzz_file(data, size, path);
    snprintf(word + 1, sizeof(word) - 1, "%s", path);
    parse(word);
    read_assembler(path, fd);
    return 0;
}
