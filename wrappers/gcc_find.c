// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the GCCs of this machine and the programs that each of them runs.
#include "wrappers/gcc_find.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "lib/string_list.h"

#include <dirent.h>
#include <regex.h>
#include <string.h>

/* What would make GCC answer with our shims, or for another place. */
static const char *const clean_environment[] = {"COMPILER_PATH", "GCC_EXEC_PREFIX",
                                                "SYSCARE_CAPTURE_DIR", "LC_ALL=C", NULL};

/* The first line that `gcc option` prints; NULL when it fails, or prints nothing. */
static char *gcc_ask(const char *gcc, const char *option, struct sc_error **err)
{
    const char *argv[] = {gcc, option, NULL};
    char *output = NULL;
    struct sc_run run = {
        .argv = argv, .env = clean_environment, .output = &output, .log = "/dev/null"};
    int status = sc_run(&run, err);

    if (output)
        output[strcspn(output, "\n")] = '\0';
    if (status == 0 && output && *output)
        return output;
    free(output);
    return NULL;
}

static void gcc_free(struct gcc *gcc)
{
    free(gcc->path);
    free(gcc->target);
    free(gcc->version);
    free(gcc->full_version);
}

/* Usable as one component of a path? They come from a program's output. */
static bool is_component(const char *text)
{
    return text && *text && *text != '.' && !strchr(text, '/');
}

static bool list_has(const struct gcc_list *list, const struct gcc *gcc)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->gccs[i].target, gcc->target) == 0 &&
            strcmp(list->gccs[i].version, gcc->version) == 0)
            return true;
    return false;
}

int gcc_list_add(struct gcc_list *list, const char *path, struct sc_error **err)
{
    cleanup_error struct sc_error *unused = NULL;
    cleanup_free char *cc1 = NULL;
    struct gcc gcc = {.path = sc_format("%s", path)};

    gcc.target = gcc_ask(path, "-dumpmachine", err);
    gcc.version = gcc.target ? gcc_ask(path, "-dumpversion", err) : NULL;
    gcc.full_version = gcc.version ? gcc_ask(path, "-dumpfullversion", err) : NULL;
    if (gcc.full_version) /* clang has all but this; the next line sorts out what else there is */
        cc1 = gcc_program(&gcc, "cc1", err);
    if (!cc1 || !is_component(gcc.target) || !is_component(gcc.version) || list_has(list, &gcc)) {
        gcc_free(&gcc);
        return err && *err ? -1 : 0;
    }
    list->gccs = reallocarray(list->gccs, list->count + 1, sizeof(*list->gccs));
    if (!list->gccs)
        abort();
    list->gccs[list->count++] = gcc;
    return 1;
}

/* What is asked of each file of PATH that has a compiler's name. */
struct search {
    struct gcc_list *list;
    regex_t names;
    struct string_list asked; /* files that were asked already */
};

/*
 * A compiler has several names, and directories of PATH may be one: each file is asked once. What
 * has no compiler's name itself (ccache) does what the name of the link says.
 */
static bool was_asked(struct search *search, const char *path)
{
    cleanup_free char *file = realpath(path, NULL);
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (!slash || regexec(&search->names, slash + 1, 0, NULL, 0) != 0)
        return false;
    if (string_list_has(&search->asked, file))
        return true;
    string_list_add(&search->asked, file);
    return false;
}

/* One directory of PATH. Symbolic links are followed: ccache and Debian's alternatives are links.
 */
static int search_directory(struct search *search, const char *path, struct sc_error **err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    int failed = 0;

    for (int i = 0; i < count; i++) {
        cleanup_free char *file = sc_format("%s/%s", path, entries[i]->d_name);

        if (!failed && regexec(&search->names, entries[i]->d_name, 0, NULL, 0) == 0 &&
            access(file, X_OK) == 0 && !was_asked(search, file))
            failed = gcc_list_add(search->list, file, err) < 0;
        free(entries[i]);
    }
    free(entries);
    return failed ? -1 : 0;
}

int gcc_list_search(struct gcc_list *list, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s", getenv("PATH") ? getenv("PATH") : "/usr/bin");
    char *rest = path, *directory;
    struct search search = {.list = list};
    int failed = 0;

    if (regcomp(&search.names, "^(cc|(.*-)?gcc(-[0-9.]+)?)$", REG_EXTENDED | REG_NOSUB) != 0)
        return sc_error_set(err, SC_FAILED, "regcomp failed");
    while (!failed && (directory = strsep(&rest, ":")))
        if (*directory == '/')
            failed = search_directory(&search, directory, err) < 0;
    regfree(&search.names);
    string_list_clear(&search.asked);
    return failed ? -1 : 0;
}

void gcc_list_free(struct gcc_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        gcc_free(&list->gccs[i]);
    free(list->gccs);
}

/* Searches PATH as execvp(3) does. */
static char *path_search(const char *name)
{
    cleanup_free char *path = sc_format("%s", getenv("PATH") ? getenv("PATH") : "/usr/bin");
    char *rest = path, *directory;

    while ((directory = strsep(&rest, ":"))) {
        char *file = sc_format("%s/%s", *directory ? directory : ".", name);

        if (*directory == '/' && access(file, X_OK) == 0)
            return file;
        free(file);
    }
    return NULL;
}

char *gcc_program(const struct gcc *gcc, const char *name, struct sc_error **err)
{
    cleanup_free char *option = sc_format("-print-prog-name=%s", name);
    cleanup_free char *found = gcc_ask(gcc->path, option, err);

    if (!found)
        return NULL;
    if (!strchr(found, '/')) /* GCC leaves the search in PATH to the exec that runs it */
        return path_search(found);
    return access(found, X_OK) == 0 ? steal_pointer(&found) : NULL;
}
