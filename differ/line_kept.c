// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the functions that would be in the patch too if its lines had the numbers of the patched
// file: those that use __LINE__, mostly in assertions.
//
// The patched unit compiled without the kept numbers is compared with the patched unit as it is, by
// the same phases that compare original and patched.
#include "differ/differ.h"
#include "differ/read.h"

/* Spared: the same in the original and in the patched version, but not without the numbers. */
static void collect(struct differ *differ, const struct job_object *object,
                    const struct job_object *pair)
{
    for (size_t i = 0; i < pair->patched->functions.count; i++) {
        const struct symbol *symbol = pair->patched->functions.items[i];
        struct symbol *kept;
        size_t count;

        if (!symbol->twin || symbol->status != STATUS_CHANGED)
            continue;
        kept = object_symbol(object->patched, symbol->twin->name, &count);
        if (count == 1 && kept->twin && kept->status == STATUS_SAME)
            list_add(&differ->pool, &differ->line_kept, kept);
    }
}

static int read_side(struct differ *other, struct job_object *pair, const char *path,
                     struct object **object, struct sc_error **err)
{
    *object = object_read(&other->pool, other->job.arch, other->decoder, path, err);
    if (!*object)
        return -1;
    (*object)->job = pair;
    return 0;
}

/* A comparison of its own, so that nothing of it gets into that of the patch. */
static int compare_pair(struct differ *differ, const struct job_object *object,
                        struct sc_error **err)
{
    struct job_object pair = {.name = object->name, .source = object->source};
    struct differ other = {
        .decoder = differ->decoder,
        .job = {.arch = differ->job.arch, .objects = &pair, .object_count = 1},
    };
    int result = read_side(&other, &pair, object->patched_path, &pair.reference, err);

    if (result == 0)
        result = read_side(&other, &pair, object->unkept_path, &pair.patched, err);
    if (result == 0) {
        phase_pair(&other);
        phase_compare(&other);
        collect(differ, object, &pair);
    }
    object_close(pair.reference);
    object_close(pair.patched);
    pool_free(&other.pool);
    return result;
}

int phase_line_kept(struct differ *differ, struct sc_error **err)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *object = &differ->job.objects[i];

        if (!object->unkept_path || !object->patched || !object->reference)
            continue;
        differ->line_kept_known = true;
        if (compare_pair(differ, object, err) < 0)
            return sc_error_wrap(err, "line numbers");
    }
    return 0;
}
