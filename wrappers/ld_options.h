/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the shim must know of a linker's command line: output and map (ld(1), gold, lld). */
#ifndef SYSCARE_LD_OPTIONS_H
#define SYSCARE_LD_OPTIONS_H

#include <stdbool.h>

/* Strings are shared with the vector that was parsed. */
struct ld_options {
    const char *output; /* "a.out" without -o */
    const char *map;    /* file of the package's own -Map, NULL without; as the last one says */
    bool map_stdout;    /* the package wants the map on standard output: -M, -Map=- */
    bool plugin;        /* a linker plugin is loaded: LTO objects can take part */
    bool informs_only;  /* --version, --help: without inputs nothing is linked */
};

/* argv: response files expanded, argv[0] is the program. */
void ld_options_parse(char *const *argv, struct ld_options *options);

#endif
