// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the ELF files of the package, how each was linked, and whether they are what was shipped.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/elf_match.h"

#include <string.h>

#define BUILD_ID_HEX (2 * SC_BUILD_ID_MAX + 1)

/* --- the ELF files of the package ------------------------------------------------------------ */

/* True if an equal file is in the list: hard links and copies have one build-id, so one patch. */
static bool is_known(const struct build *build, const char *digest)
{
    for (size_t i = 0; i < build->target_count; i++)
        if (strcmp(build->targets[i].digest, digest) == 0)
            return true;
    return false;
}

/* Below usr/lib/debug lie .debug files, which look like programs and are none. */
static int visit_file(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct build *build = data;
    char digest[SC_DIGEST_HEX_SIZE], build_id[BUILD_ID_HEX];
    struct build_target *target;
    int kind;

    if (strncmp(relative, "usr/lib/debug/", 14) == 0)
        return 0;
    kind = elf_match_identify(path, digest, build_id, err);
    if (kind != ELF_MATCH_PROGRAM || is_known(build, digest))
        return kind < 0 ? -1 : 0;
    build->targets = reallocarray(build->targets, build->target_count + 1, sizeof(*build->targets));
    if (!build->targets)
        abort();
    target = &build->targets[build->target_count++];
    memset(target, 0, sizeof(*target));
    target->path = sc_format("/%s", relative);
    target->built = sc_format("%s", path);
    strcpy(target->digest, digest);
    return 0;
}

/* --- their links ----------------------------------------------------------------------------- */

/* Digests of what the linker wrote, in the order of the links; "" for what is no program. */
struct link_digests {
    char (*items)[SC_DIGEST_HEX_SIZE];
};

static void clear_digests(struct link_digests *digests)
{
    free(digests->items);
}

/* All links, also those of configure: some hundred small files, read once. */
static int digest_links(const struct capture *capture, struct link_digests *digests,
                        struct sc_error **err)
{
    char build_id[BUILD_ID_HEX];

    digests->items = calloc(capture->link_count + 1, sizeof(*digests->items));
    if (!digests->items)
        abort();
    for (size_t i = 0; i < capture->link_count; i++) {
        const struct capture_link *link = &capture->links[i];

        if (!link->final)
            continue;
        if (elf_match_identify(link->copy, digests->items[i], build_id, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * The link whose output was installed as target: by contents, never by name. The last one of those
 * that are equal, because a later link of a build is nearer to %install.
 */
static struct capture_link *find_link(const struct build *build, const struct build_target *target,
                                      const struct link_digests *digests)
{
    struct capture *capture = build->reference;

    for (size_t i = capture->link_count; i > 0; i--)
        if (capture->links[i - 1].final && strcmp(digests->items[i - 1], target->digest) == 0)
            return &capture->links[i - 1];
    for (size_t i = capture->link_count; i > 0; i--)
        if (capture->links[i - 1].final &&
            elf_match_code(capture->links[i - 1].copy, target->built))
            return &capture->links[i - 1];
    return NULL;
}

/* A package that is not captured at all must not end as "nothing changed". */
static int check_captured(const struct build *build, struct sc_error **err)
{
    size_t captured = 0;

    if (!build->target_count)
        return sc_error_set(err, SC_FAILED,
                            "the package has no ELF file: there is nothing that a "
                            "live patch could change");
    for (size_t i = 0; i < build->target_count; i++)
        captured += build->targets[i].reference != NULL;
    if (captured)
        return 0;
    return sc_error_set(err, SC_FAILED,
                        "none of the package's ELF files was linked by a linker that we could see "
                        "(%zu links were seen, %zu compilers were not ours: rustc, go and clang "
                        "packages cannot be patched)",
                        build->reference->link_count, build->reference->stranger_count);
}

/* From what is installed back to how it was linked: what is not shipped does not matter. */
int build_find_targets(struct build *build, struct sc_error **err)
{
    cleanup_free char *directory = sc_format("%s/capture/" TREE_REFERENCE, build->workspace->root);
    __attribute__((cleanup(clear_digests))) struct link_digests digests = {0};

    build->reference = capture_read(directory, err);
    if (!build->reference)
        return -1;
    if (sc_tree_walk(build->reference_root, visit_file, build, err) < 0 ||
        digest_links(build->reference, &digests, err) < 0)
        return -1;
    for (size_t i = 0; i < build->target_count; i++) {
        struct build_target *target = &build->targets[i];

        target->reference = find_link(build, target, &digests);
        if (!target->reference)
            build_log_note(&build->log, "not captured: %s", target->path);
    }
    return check_captured(build, err);
}

/* --- are they what was shipped --------------------------------------------------------------- */

/*
 * All are compared now, because it is quick; a file that differs matters only if the patch changes
 * it. When none is equal, the build as a whole went another way, and that is said at once.
 */
int build_check_faithful(struct build *build, struct sc_error **err)
{
    size_t equal = 0;

    for (size_t i = 0; i < build->target_count; i++) {
        struct build_target *target = &build->targets[i];

        int result = build->faithful ? faithful_check(build->faithful, build->reference_root,
                                                      target->path, &target->faithful, err)
                                     : faithful_self(build->reference_root, target->path,
                                                     &target->faithful, err);

        if (result < 0)
            return sc_error_wrap(err, "%s", target->path);
        equal += target->faithful.level != FAITHFUL_NONE;
    }
    if (equal)
        return 0;
    for (size_t i = 0; i < build->target_count; i++)
        build_refuse(build, build->targets[i].path, "not-faithful", NULL, NULL, NULL,
                     build->targets[i].faithful.reason, BUILD_ADVICE_FAITHFUL);
    return build_refused(build, err);
}
