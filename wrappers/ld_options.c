// SPDX-License-Identifier: GPL-2.0-or-later
// What the shim must know of a linker's command line: output and map.
#include "wrappers/ld_options.h"

#include <stddef.h>
#include <string.h>

/* Options whose argument is the next word and could look like an option that matters here. */
static const char *const separate_options[] = {
    "-e",          "-f",      "-h",     "-l",          "-L",
    "-m",          "-R",      "-T",     "-u",          "-y",
    "-z",          "-soname", "-rpath", "-rpath-link", "-dynamic-linker",
    "-plugin-opt", "-init",   "-fini",  "-entry",      "-defsym",
    NULL};

/*
 * If word is the long option name, alone or with =VALUE, the value: the part behind the '=', or
 * next; *used says whether next was taken. NULL otherwise. Long options have one dash or two.
 */
static const char *long_option(const char *word, const char *next, const char *name, bool *used)
{
    size_t size = strlen(name);

    word += word[0] == '-' && word[1] == '-' ? 2 : 1;
    *used = false;
    if (strncmp(word, name, size) != 0)
        return NULL;
    if (word[size] == '=')
        return word + size + 1;
    *used = word[size] == '\0' && next;
    return *used ? next : NULL;
}

/* -o, in all its spellings: one dash and 'o' is always this option. */
static const char *output_option(const char *word, const char *next, bool *used)
{
    if (word[1] != 'o')
        return word[1] == '-' ? long_option(word, next, "output", used) : NULL;
    *used = word[2] == '\0' && next;
    return *used ? next : word[2] ? word + 2 : NULL;
}

static void map_set(struct ld_options *options, const char *file)
{
    options->map_stdout = strcmp(file, "-") == 0;
    options->map = options->map_stdout ? NULL : file;
}

static bool is_one_of(const char *word, const char *const *words)
{
    word += word[0] == '-' && word[1] == '-' && word[2];
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* One option; returns true if it took the next word. */
static bool option_parse(const char *word, const char *next, struct ld_options *options)
{
    const char *value;
    bool used = false;

    if ((value = output_option(word, next, &used)))
        options->output = value;
    else if ((value = long_option(word, next, "Map", &used)))
        map_set(options, value);
    else if (strcmp(word, "-M") == 0 || strcmp(word, "--print-map") == 0 ||
             strcmp(word, "-print-map") == 0)
        map_set(options, "-");
    else if ((value = long_option(word, next, "plugin", &used)))
        options->plugin = true;
    else if (strcmp(word, "--version") == 0 || strcmp(word, "--help") == 0)
        options->informs_only = true;
    else
        return is_one_of(word, separate_options);
    return used;
}

void ld_options_parse(char *const *argv, struct ld_options *options)
{
    *options = (struct ld_options){.output = "a.out"};
    if (!*argv)
        return;
    while (*++argv)
        if (argv[0][0] == '-' && argv[0][1] && option_parse(argv[0], argv[1], options) && argv[1])
            argv++;
}
