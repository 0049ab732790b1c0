// SPDX-License-Identifier: GPL-2.0-or-later
// Finds which ELF files the patch changes, and through which translation units.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/elf_match.h"

#include <string.h>

#define BUILD_ID_HEX (2 * SC_BUILD_ID_MAX + 1)

/* --- files ----------------------------------------------------------------------------------- */

static bool same_contents(const char *path, const char *other)
{
    cleanup_file FILE *a = fopen(path, "r");
    cleanup_file FILE *b = fopen(other, "r");
    char one[16384], two[sizeof(one)];
    size_t n;

    if (!a || !b)
        return false;
    do {
        n = fread(one, 1, sizeof(one), a);
        if (fread(two, 1, sizeof(two), b) != n || memcmp(one, two, n) != 0)
            return false;
    } while (n == sizeof(one));
    return true;
}

/* Contents, not times: configure and generators write the same files anew. */
bool build_file_same(const struct build *build, const char *path, bool *missing)
{
    cleanup_free char *old = NULL;
    size_t length = strlen(build->workspace->build);

    *missing = false;
    if (strncmp(path, build->workspace->build, length) != 0 || path[length] != '/')
        return true; /* a file of the host: the same for both */
    old = sc_format("%s%s", build->base_view, path + length);
    *missing = !sc_file_exists(old) && !sc_file_exists(path);
    return same_contents(old, path);
}

/* Files that were compared: sorted lists, because thousands of units read the same headers. */
struct file_cache {
    struct string_list paths;
    char *answers; /* one for each path: 's'ame, 'd'ifferent, 'm'issing */
};

static void clear_cache(struct file_cache *cache)
{
    string_list_clear(&cache->paths);
    free(cache->answers);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void cache_dependencies(struct file_cache *cache, const struct capture *capture)
{
    for (size_t i = 0; i < capture->unit_count; i++)
        string_list_extend(&cache->paths, &capture->units[i].deps);
}

/* All files that any unit of either tree was made from, each compared once. */
static void fill_cache(struct file_cache *cache, const struct build *build)
{
    struct string_list *paths = &cache->paths;
    size_t kept = 0;

    cache_dependencies(cache, build->reference);
    cache_dependencies(cache, build->patched);
    if (!paths->count)
        return;
    qsort(paths->items, paths->count, sizeof(char *), compare_strings);
    for (size_t i = 0; i < paths->count; i++) {
        if (kept && strcmp(paths->items[kept - 1], paths->items[i]) == 0)
            free(paths->items[i]);
        else
            paths->items[kept++] = paths->items[i];
    }
    paths->count = kept;
    paths->items[kept] = NULL;
    cache->answers = malloc(kept);
    if (!cache->answers)
        abort();
    for (size_t i = 0; i < kept; i++) {
        bool missing, same = build_file_same(build, paths->items[i], &missing);

        cache->answers[i] = missing ? 'm' : same ? 's' : 'd';
    }
}

/* Every path that is asked for was put in by fill_cache. */
static char cached_answer(const struct file_cache *cache, const char *path)
{
    char **found =
        bsearch(&path, cache->paths.items, cache->paths.count, sizeof(char *), compare_strings);

    return cache->answers[found - cache->paths.items];
}

/* --- units ----------------------------------------------------------------------------------- */

/*
 * True if a file that the unit was made from differs. A file that was removed after the unit was
 * compiled (a temporary one) says nothing: then it counts as different if the unit was compiled
 * again at all.
 */
static bool inputs_differ(const struct file_cache *cache, const struct capture_unit *unit,
                          bool compiled)
{
    for (size_t i = 0; i < unit->deps.count; i++) {
        char answer = cached_answer(cache, unit->deps.items[i]);

        if (answer == 'd' || (answer == 'm' && compiled))
            return true;
    }
    return false;
}

/* The same compile with other options has another id: source, directory and object tell. */
static bool same_place(const struct capture_unit *a, const struct capture_unit *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->cwd, b->cwd) == 0 &&
           strcmp(a->object, b->object) == 0 && strcmp(a->kind, b->kind) == 0;
}

/* What the patched link makes of a reference unit: the index of its id in ids, or of its place. */
static const char *find_counterpart(const struct capture *capture, const struct string_list *ids,
                                    const struct capture_unit *unit)
{
    if (string_list_has(ids, unit->id))
        return unit->id;
    for (size_t i = 0; i < ids->count; i++) {
        const struct capture_unit *other = capture_unit_find(capture, ids->items[i]);

        if (other && same_place(unit, other))
            return ids->items[i];
    }
    return NULL;
}

/* Ids of all units in a link. */
static void link_units(const struct capture_link *link, struct string_list *ids)
{
    for (size_t i = 0; i < link->input_count; i++)
        for (size_t j = 0; j < link->inputs[i].tus.count; j++)
            if (!string_list_has(ids, link->inputs[i].tus.items[j]))
                string_list_add(ids, link->inputs[i].tus.items[j]);
}

static void add_inputs(struct build_unit *unit, const struct capture_link *link, const char *id)
{
    for (size_t i = 0; i < link->input_count; i++)
        if (string_list_has(&link->inputs[i].tus, id) &&
            !string_list_has(&unit->inputs, link->inputs[i].name))
            string_list_add(&unit->inputs, link->inputs[i].name);
}

/* The names in both maps: a unit may be in another archive after the patch. */
static void add_unit(struct build_target *target, struct capture_unit *reference,
                     struct capture_unit *patched)
{
    struct build_unit *unit;

    target->units = reallocarray(target->units, target->unit_count + 1, sizeof(*target->units));
    if (!target->units)
        abort();
    unit = &target->units[target->unit_count++];
    memset(unit, 0, sizeof(*unit));
    unit->reference = reference;
    unit->patched = patched;
    if (reference)
        add_inputs(unit, target->reference, reference->id);
    if (patched)
        add_inputs(unit, target->patched, patched->id);
}

static int lost_record(const char *id, struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "the capture has no record of unit %s", id);
}

/* One unit of the reference link: the same, changed, or gone. 1: stale, it should have changed. */
static int compare_unit(struct build *build, struct build_target *target,
                        const struct file_cache *cache, const char *id,
                        const struct string_list *patched_ids, struct sc_error **err)
{
    struct capture_unit *unit = capture_unit_find(build->reference, id);
    const char *other_id = unit ? find_counterpart(build->patched, patched_ids, unit) : NULL;
    struct capture_unit *other = other_id ? capture_unit_find(build->patched, other_id) : NULL;
    bool compiled;

    if (!unit || (other_id && !other))
        return lost_record(unit ? other_id : id, err);
    /* Without the scripts all is as it was; else they would have had something to do. */
    if (build->configured && (!other || strcmp(unit->id, other->id) != 0))
        return 1;
    if (!other) {
        add_unit(target, unit, NULL);
        return 0;
    }
    /* assembler units have no line in compiles.jsonl */
    compiled = other->compiled || strcmp(other->kind, "as") == 0;
    if (strcmp(unit->id, other->id) == 0 && !inputs_differ(cache, unit, compiled) &&
        !inputs_differ(cache, other, compiled))
        return 0;
    if (!compiled)
        return 1;
    add_unit(target, unit, other);
    return 0;
}

/* Units that only the patched link has. */
static int add_new_units(struct build *build, struct build_target *target,
                         const struct string_list *patched_ids, struct sc_error **err)
{
    cleanup_strings struct string_list reference_ids = {0};

    link_units(target->reference, &reference_ids);
    for (size_t i = 0; i < patched_ids->count; i++) {
        struct capture_unit *unit = capture_unit_find(build->patched, patched_ids->items[i]);

        if (!unit)
            return lost_record(patched_ids->items[i], err);
        if (find_counterpart(build->reference, &reference_ids, unit))
            continue;
        if (build->configured)
            return 1;
        add_unit(target, NULL, unit);
    }
    return 0;
}

/* --- targets --------------------------------------------------------------------------------- */

/*
 * The link of P that stands for target->reference. In P some links are not done again (nothing
 * changed) and some are done once where R did them twice: the last one counts, as in R.
 */
static int find_patched_link(struct build *build, struct build_target *target,
                             struct sc_error **err)
{
    struct capture_link *link = target->reference;

    if (capture_link_last(build->reference, link->base) != link)
        return sc_error_set(err, SC_FAILED,
                            "%s: the build links %s several times, and ships a result that is not "
                            "the last one",
                            target->path, link->output);
    target->patched = capture_link_last(build->patched, link->base);
    if (!target->patched && build->full_reason)
        return sc_error_set(err, SC_FAILED, "%s: the patched build does not link %s any more",
                            target->path, link->output);
    return 0;
}

/* Sets target->changed: the linker's results differ in what is mapped. */
static int compare_links(struct build_target *target, struct sc_error **err)
{
    char one[SC_DIGEST_HEX_SIZE], two[SC_DIGEST_HEX_SIZE], build_id[BUILD_ID_HEX];

    if (!target->patched)
        return 0;
    if (elf_match_identify(target->reference->copy, one, build_id, err) < 0 ||
        elf_match_identify(target->patched->copy, two, build_id, err) < 0)
        return -1;
    target->changed = strcmp(one, two) != 0;
    return 0;
}

/* 1: P is stale, some unit was not compiled though its sources differ. */
static int find_target_units(struct build *build, struct build_target *target,
                             const struct file_cache *cache, struct sc_error **err)
{
    cleanup_strings struct string_list ids = {0}, patched_ids = {0};
    const struct capture_link *link = target->patched ? target->patched : target->reference;

    link_units(target->reference, &ids);
    link_units(link, &patched_ids);
    for (size_t i = 0; i < ids.count; i++) {
        int result;

        if (!target->patched) {
            /* not linked again: then none of its units may differ */
            const struct capture_unit *unit = capture_unit_find(build->reference, ids.items[i]);

            if (!unit)
                return lost_record(ids.items[i], err);
            if (inputs_differ(cache, unit, false))
                return 1;
            continue;
        }
        result = compare_unit(build, target, cache, ids.items[i], &patched_ids, err);
        if (result)
            return result;
    }
    return target->patched ? add_new_units(build, target, &patched_ids, err) : 0;
}

/* For the second attempt, after P was built again. */
static void forget_units(struct build *build)
{
    for (size_t i = 0; i < build->target_count; i++) {
        struct build_target *target = &build->targets[i];

        for (size_t j = 0; j < target->unit_count; j++)
            string_list_clear(&target->units[j].inputs);
        target->unit_count = 0;
        target->lto = false;
        string_list_clear(&target->lto_inputs);
        target->patched = NULL;
        target->changed = false;
    }
}

/* 1: P is stale. P must be shown. */
static int find_all_units(struct build *build, struct sc_error **err)
{
    __attribute__((cleanup(clear_cache))) struct file_cache cache = {0};
    int result = 0;

    fill_cache(&cache, build);
    for (size_t i = 0; i < build->target_count && result == 0; i++) {
        struct build_target *target = &build->targets[i];

        if (!target->reference)
            continue;
        if (find_patched_link(build, target, err) < 0 || compare_links(target, err) < 0)
            return -1;
        result = find_target_units(build, target, &cache, err);
    }
    return result;
}

/* P is shown while its files are compared with those of R, which are read elsewhere. */
static int find_units_of_build(struct build *build, struct sc_error **err)
{
    int result;

    forget_units(build);
    if (workspace_tree_show(build->workspace, TREE_PATCHED, err) < 0)
        return -1;
    result = find_all_units(build, err);
    if (workspace_tree_hide(build->workspace, err) < 0)
        return -1;
    return result;
}

/* Files that no linker of ours made: equal in P, or we cannot know what the patch does to them. */
static int check_uncaptured(struct build *build, struct build_target *target, struct sc_error **err)
{
    cleanup_free char *root = rpmbuild_root(&build->rpmbuild);
    cleanup_free char *path = sc_format("%s%s", root, target->path);
    char digest[SC_DIGEST_HEX_SIZE] = "", build_id[BUILD_ID_HEX];

    if (elf_match_identify(path, digest, build_id, err) < 0)
        return -1;
    if (strcmp(digest, target->digest) != 0)
        build_refuse(build, target->path, "not-captured", NULL, NULL, NULL,
                     "the patch changes it, and how it was linked could not be recorded",
                     "only what GCC and GNU ld, gold or lld make can be patched");
    return 0;
}

/* What is known now to be impossible. */
static int check_target(struct build *build, struct build_target *target, struct sc_error **err)
{
    if (!target->reference)
        return check_uncaptured(build, target, err);
    if (!target->changed)
        return 0;
    if (target->faithful.level == FAITHFUL_NONE)
        build_refuse(build, target->path, "not-faithful", NULL, NULL, NULL, target->faithful.reason,
                     BUILD_ADVICE_FAITHFUL);
    if (!target->unit_count)
        build_refuse(build, target->path, "link-changed", NULL, NULL, NULL,
                     "it differs though no unit in it was made from changed files",
                     "look for a linker script or an object that the patch changes");
    for (size_t i = 0; i < target->unit_count; i++) {
        const struct build_unit *unit = &target->units[i];
        const struct capture_unit *one = unit->reference ? unit->reference : unit->patched;

        if (strcmp(one->kind, "as") == 0)
            build_refuse(build, target->path, "assembler", NULL, one->object, one->source,
                         "the patch changes a source in assembly language",
                         "only functions that a compiler made can be patched");
    }
    return build_prepare_lto(build, target, err);
}

/*
 * make(1) knows only the dependencies that the package's author wrote down; the records know what
 * was read. Where they disagree, P is built again from the start.
 */
int build_find_units(struct build *build, struct sc_error **err)
{
    int result = find_units_of_build(build, err);
    bool changed = false;

    if (result > 0) {
        if (build_patched_again(build, "make(1) did not compile all that depends on the patch",
                                err) < 0)
            return -1;
        result = find_units_of_build(build, err);
    }
    if (result)
        return result < 0 ? -1
                          : sc_error_set(err, SC_FAILED,
                                         "units of the patched tree were not "
                                         "compiled though their sources changed");
    for (size_t i = 0; i < build->target_count; i++) {
        if (check_target(build, &build->targets[i], err) < 0)
            return -1;
        changed |= build->targets[i].changed;
    }
    if (build_refused(build, err) < 0)
        return -1;
    return changed ? 0
                   : sc_error_set(err, SC_NOTHING,
                                  "nothing to patch: every shipped ELF is the same with the patch");
}
