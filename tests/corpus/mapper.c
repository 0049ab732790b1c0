// SPDX-License-Identifier: GPL-2.0-or-later
// Loads the libraries that it is given and waits: a process that maps them.
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL)) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
    puts("loaded");
    fflush(stdout);
    for (;;)
        pause();
}
