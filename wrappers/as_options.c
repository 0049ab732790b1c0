// SPDX-License-Identifier: GPL-2.0-or-later
// The command line of the GNU assembler, taken apart.
#include "wrappers/as_options.h"

#include <stdlib.h>
#include <string.h>

/*
 * Options whose argument is the next word. Taking "include" of `-I include` for an input once made
 * the assembler ignore its standard input, and so broke a build that uses -pipe.
 */
static const char *const separate_options[] = {"-I",
                                               "-t",
                                               "--defsym",
                                               "-defsym",
                                               "--debug-prefix-map",
                                               "-debug-prefix-map",
                                               "--listing-lhs-width",
                                               "--listing-lhs-width2",
                                               "--listing-rhs-width",
                                               "--listing-cont-lines",
                                               "-march",
                                               "-mtune",
                                               NULL};

static const char *const informing_options[] = {
    "--help", "--target-help", "--version", "-version", "--dump-config", "-help", NULL};

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* -o and --MD with their arguments, which do not describe the code. Returns the words used, 0: not
 * one. */
static int parse_file_option(char *const *argv, struct as_options *options)
{
    if (strcmp(argv[0], "-o") == 0 && argv[1]) {
        options->output = argv[1];
        return 2;
    }
    if (strncmp(argv[0], "-o", 2) == 0 && argv[0][2]) {
        options->output = argv[0] + 2;
        return 1;
    }
    if ((strcmp(argv[0], "--MD") == 0 || strcmp(argv[0], "-MD") == 0) && argv[1]) {
        options->dependency = argv[1];
        return 2;
    }
    if (strncmp(argv[0], "--MD=", 5) == 0) {
        options->dependency = argv[0] + 5;
        return 1;
    }
    return 0;
}

/* Listings (-a, -al, -aln=file) are output too. "-alternate" is the one other option in -a. */
static bool is_listing(const char *word)
{
    return strncmp(word, "-a", 2) == 0 && strcmp(word, "-alternate") != 0;
}

/* One option that is not about files: keeps it, and its argument. Returns the words used. */
static int parse_code_option(char *const *argv, struct as_options *options)
{
    int words = is_one_of(argv[0], separate_options) && argv[1] ? 2 : 1;

    if (is_one_of(argv[0], informing_options))
        options->informs_only = true;
    if (is_listing(argv[0]))
        return 1;
    for (int i = 0; i < words; i++)
        options->code_options[options->code_count++] = argv[i];
    return words;
}

void as_options_parse(char *const *argv, struct as_options *options)
{
    size_t count = 0;

    while (argv[count])
        count++;
    *options = (struct as_options){.output = "a.out",
                                   .inputs = calloc(count + 1, sizeof(char *)),
                                   .code_options = calloc(count + 1, sizeof(char *))};
    if (!options->inputs || !options->code_options)
        abort();
    for (size_t i = 1; i < count;) {
        int words;

        if (argv[i][0] != '-' || !argv[i][1]) {
            options->inputs[options->input_count++] = argv[i++];
            continue;
        }
        words = parse_file_option(argv + i, options);
        i += (size_t)(words ? words : parse_code_option(argv + i, options));
    }
}

bool as_options_stdin(const struct as_options *options)
{
    for (size_t i = 0; i < options->input_count; i++)
        if (strcmp(options->inputs[i], "-") == 0)
            return true;
    return options->input_count == 0;
}

void as_options_free(struct as_options *options)
{
    free(options->inputs);
    free(options->code_options);
}
