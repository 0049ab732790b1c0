// SPDX-License-Identifier: GPL-2.0-or-later
// Compiles the changed units again, in each tree, with every function in a section of its own.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "rpmtools/tool.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

char *build_object_path(const struct build *build, const char *tree,
                        const struct capture_unit *unit)
{
    return unit ? sc_format("%s/replay/%s/%s.o", build->workspace->root, tree, unit->id) : NULL;
}

char *build_types_path(const struct build *build, const char *tree, const struct capture_unit *unit)
{
    return sc_format("%s/replay/%s/types-%s.o", build->workspace->root, tree, unit->id);
}

char *build_link_object_path(const struct build *build, const char *tree,
                             const struct capture_link *link)
{
    return sc_format("%s/replay/%s/link-%s.o", build->workspace->root, tree, link->id);
}

/* The LTO links to be done again in a tree. */
static void collect_links(const struct build *build, bool patched, struct string_list *ids)
{
    for (size_t i = 0; i < build->target_count; i++) {
        const struct build_target *target = &build->targets[i];
        const struct capture_link *link = patched ? target->patched : target->reference;

        if (target->changed && target->lto && !string_list_has(ids, link->id))
            string_list_add(ids, link->id);
    }
}

/*
 * The units to be compiled in a tree, each once even if several ELF files hold it: those whose code
 * is compared, or those whose types are. Types that are new or gone have nothing to be compared
 * with.
 */
static void collect_ids(const struct build *build, const char *tree, bool types,
                        struct string_list *ids)
{
    bool patched = strcmp(tree, TREE_REFERENCE) != 0, unkept = strcmp(tree, TREE_UNKEPT) == 0;

    for (size_t i = 0; i < build->target_count; i++)
        for (size_t j = 0; j < build->targets[i].unit_count; j++) {
            const struct build_unit *unit = &build->targets[i].units[j];
            const struct capture_unit *one = patched ? unit->patched : unit->reference;

            if ((types || unkept) && (!unit->reference || !unit->patched))
                continue;
            if (unkept && !build_unit_is_kept(build, unit->patched))
                continue;
            if (build->targets[i].changed && unit->types == types && one &&
                !string_list_has(ids, one->id))
                string_list_add(ids, one->id);
        }
}

/* P is compiled twice, with and without kept line numbers, from one capture. */
static const char *capture_name(const char *tree)
{
    return strcmp(tree, TREE_UNKEPT) == 0 ? TREE_PATCHED : tree;
}

/* In a child: runs syscare-replay and exits with its status. */
static void replay_child(const struct build *build, const char *tree,
                         const struct capture_unit *unit, bool types) __attribute__((noreturn));

static void replay_child(const struct build *build, const char *tree,
                         const struct capture_unit *unit, bool types)
{
    cleanup_free char *tool = tool_path("syscare-replay");
    cleanup_free char *capture =
        sc_format("%s/capture/%s", build->workspace->root, capture_name(tree));
    cleanup_free char *object =
        types ? build_types_path(build, tree, unit) : build_object_path(build, tree, unit);
    const char *argv[] = {tool, capture, unit->id, object, types ? "--" : NULL, "-fno-lto", NULL};
    struct sc_run how = {.argv = argv, .log = build->workspace->log};
    int status = sc_run(&how, NULL);

    _exit(status == 0 && sc_file_exists(object) ? 0 : 1);
}

/* What runs at the same time. */
struct replay_pool {
    pid_t *pids;                       /* of the children, 0 for one that is free */
    const struct capture_unit **units; /* what each compiles */
    size_t size;
    const struct capture_unit *failed; /* the first that did not work, or NULL */
};

/* Waits until a child has ended; its place is free then. */
static size_t pool_wait(struct replay_pool *pool)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);

        if (pid < 0 && errno == EINTR)
            continue;
        for (size_t i = 0; i < pool->size; i++)
            if (pid > 0 && pool->pids[i] == pid) {
                pool->pids[i] = 0;
                if (status && !pool->failed)
                    pool->failed = pool->units[i];
                return i;
            }
        if (pid < 0)
            return 0;
    }
}

/* A place in the pool where nothing runs. */
static size_t pool_free_place(struct replay_pool *pool)
{
    for (size_t i = 0; i < pool->size; i++)
        if (!pool->pids[i])
            return i;
    return pool_wait(pool);
}

/* Children write into the workspace: none may be left when the step ends, however it ends. */
static void pool_drain(struct replay_pool *pool)
{
    for (size_t i = 0; i < pool->size; i++)
        while (pool->pids[i])
            pool_wait(pool);
}

/* After a failure no further unit is begun; those that run are waited for. */
static int pool_run(const struct build *build, const char *tree, bool types,
                    const struct string_list *ids, struct replay_pool *pool, struct sc_error **err)
{
    const struct capture *capture =
        strcmp(tree, TREE_REFERENCE) == 0 ? build->reference : build->patched;

    for (size_t i = 0; i < ids->count && !pool->failed; i++) {
        size_t place = pool_free_place(pool);

        pool->units[place] = capture_unit_find(capture, ids->items[i]);
        pool->pids[place] = fork();
        if (pool->pids[place] == 0)
            replay_child(build, tree, pool->units[place], types);
        if (pool->pids[place] < 0) {
            pool->pids[place] = 0;
            pool_drain(pool);
            return sc_error_errno(err, "fork");
        }
    }
    pool_drain(pool);
    return 0;
}

/* Units of one tree, which is shown. */
static int replay_ids(const struct build *build, const char *tree, bool types,
                      struct sc_error **err)
{
    struct replay_pool pool = {.size = (size_t)build->options.jobs};
    cleanup_strings struct string_list ids = {0};
    int result;

    collect_ids(build, tree, types, &ids);
    pool.pids = calloc(pool.size, sizeof(*pool.pids));
    pool.units = calloc(pool.size, sizeof(*pool.units));
    if (!pool.pids || !pool.units)
        abort();
    result = pool_run(build, tree, types, &ids, &pool, err);
    free(pool.pids);
    free(pool.units);
    if (!pool.failed || result < 0)
        return result;
    return sc_error_set(err, SC_FAILED, "%s (%s) could not be compiled again", pool.failed->source,
                        pool.failed->id);
}

/* One after the other: an LTO link uses all processors by itself. */
static int replay_links(const struct build *build, const char *tree, const struct string_list *ids,
                        struct sc_error **err)
{
    cleanup_free char *tool = tool_path("syscare-replay");
    cleanup_free char *capture = sc_format("%s/capture/%s", build->workspace->root, tree);

    for (size_t i = 0; i < ids->count; i++) {
        cleanup_free char *object =
            sc_format("%s/replay/%s/link-%s.o", build->workspace->root, tree, ids->items[i]);
        const char *argv[] = {tool, capture, "--link", ids->items[i], object, NULL};
        struct sc_run how = {.argv = argv, .log = build->workspace->log};
        int status = sc_run(&how, err);

        if (status < 0)
            return -1;
        if (status || !sc_file_exists(object))
            return sc_error_set(err, SC_FAILED, "the LTO link %s could not be done again",
                                ids->items[i]);
    }
    return 0;
}

/*
 * On a scratch tree: a compile writes dependency files too. Without overlays the tree itself is
 * used, because nothing is built in it any more.
 */
static int replay_tree(const struct build *build, const char *base, bool patched,
                       struct sc_error **err)
{
    const char *tree = patched ? TREE_PATCHED : TREE_REFERENCE; /* its capture and objects */
    struct workspace *workspace = build->workspace;
    cleanup_strings struct string_list links = {0};
    cleanup_free char *directory = sc_format("%s/replay/%s", workspace->root, tree);
    bool scratch = workspace->overlays;

    collect_links(build, patched, &links);
    if (sc_dir_make(directory, 0755, err) < 0)
        return -1;
    if (scratch && workspace_tree_make(workspace, TREE_SCRATCH, base, err) < 0)
        return -1;
    if (workspace_tree_show(workspace, scratch ? TREE_SCRATCH : base, err) < 0 ||
        replay_ids(build, tree, false, err) < 0 || replay_ids(build, tree, true, err) < 0 ||
        replay_links(build, tree, &links, err) < 0 || workspace_tree_hide(workspace, err) < 0)
        return -1;
    return scratch ? workspace_tree_drop(workspace, TREE_SCRATCH, err) : 0;
}

/* For --explain only; a scratch tree must be there, because P's own files stay as they are. */
static int replay_unkept(const struct build *build, struct sc_error **err)
{
    struct workspace *workspace = build->workspace;
    cleanup_free char *directory = sc_format("%s/replay/" TREE_UNKEPT, workspace->root);

    if (sc_dir_make(directory, 0755, err) < 0 ||
        workspace_tree_make(workspace, TREE_SCRATCH, TREE_PATCHED, err) < 0 ||
        workspace_tree_show(workspace, TREE_SCRATCH, err) < 0 || build_strip_kept(build, err) < 0 ||
        replay_ids(build, TREE_UNKEPT, false, err) < 0 || workspace_tree_hide(workspace, err) < 0)
        return -1;
    return workspace_tree_drop(workspace, TREE_SCRATCH, err);
}

/* Tree after tree, because both must be at the same path: it is in __FILE__ and in the id. */
int build_replay(struct build *build, struct sc_error **err)
{
    if (replay_tree(build, build->base, false, err) < 0)
        return sc_error_wrap(err, "original tree");
    if (replay_tree(build, TREE_PATCHED, true, err) < 0)
        return sc_error_wrap(err, "patched tree");
    if (build->options.explain && build->workspace->overlays && build->changes.kept.count &&
        replay_unkept(build, err) < 0)
        return sc_error_wrap(err, "patched tree without kept line numbers");
    return 0;
}
