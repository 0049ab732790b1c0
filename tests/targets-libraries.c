// SPDX-License-Identifier: GPL-2.0-or-later
// Targets that load the patched library: once, again and again, several times at once.
#include "tests/targets-target.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

bool functions_find(void *handle, struct functions *functions)
{
    static const char *const names[FUNCTIONS] = {"answer0", "answer1", "answer2"};

    for (int i = 0; i < FUNCTIONS; i++)
        *(void **)&functions->answer[i] = dlsym(handle, names[i]);
    return functions->answer[0] && functions->answer[FUNCTIONS - 1];
}

bool functions_open(const char *path, struct functions *functions, void **handle)
{
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle && functions_find(*handle, functions))
        return true;
    errno = ENOENT;
    fail("dlopen");
    return false;
}

#ifndef STATIC_TARGET

/* open LIBRARY: at once */
static void run_open(char **arguments)
{
    void *handle;

    if (functions_open(arguments[0], &program, &handle))
        rounds_forever();
}

/* open-later LIBRARY: when it is told to */
static void run_open_later(char **arguments)
{
    while (!atomic_load(&self->go))
        rest_ms(2);
    run_open(arguments);
}

/* reopen LIBRARY: opened, called, closed, for ever */
static void run_reopen(char **arguments)
{
    void *handle;

    while (functions_open(arguments[0], &program, &handle)) {
        round_once();
        rest_ms(2);
        round_once();
        dlclose(handle);
    }
}

/* namespaces LIBRARY: three namespaces of dlmopen(3), each with its own copy */
static void run_namespaces(char **arguments)
{
    struct functions copies[3];

    for (int i = 0; i < 3; i++) {
        void *handle = dlmopen(LM_ID_NEWLM, arguments[0], RTLD_NOW);

        if (!handle || !functions_find(handle, &copies[i]))
            errno = ENOENT, fail("dlmopen");
    }
    for (;;) {
        for (int i = 0; i < 3; i++)
            round_of(&copies[i]);
        rest_ms(5);
    }
}

/* two-paths LIBRARY OTHER: the same file (or a copy of it) at two places, both loaded */
static void run_two_paths(char **arguments)
{
    struct functions copies[2];
    void *handles[2];

    for (int i = 0; i < 2; i++)
        if (!functions_open(arguments[i], &copies[i], &handles[i]))
            return;
    for (;;) {
        for (int i = 0; i < 2; i++)
            round_of(&copies[i]);
        rest_ms(5);
    }
}

const struct kind kinds_library[] = {
    {"open", run_open},           {"open-later", run_open_later},
    {"reopen", run_reopen},       {"namespaces", run_namespaces},
    {"two-paths", run_two_paths}, {0},
};

#else

const struct kind kinds_library[] = {{0}};

#endif
