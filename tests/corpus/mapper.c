// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a library and waits: a process that maps it. Usage: mapper LIBRARY [OTHER...]
// Some libraries use others without saying so (libevent_extra uses libevent_core); these are loaded
// before.
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;

    for (int i = 2; i < argc && !library; i++)
        if (dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL))
            library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    puts("loaded");
    fflush(stdout);
    for (;;)
        pause();
}
