// SPDX-License-Identifier: GPL-2.0-or-later
// The way of one comparison from object files to a patch object.
#include "differ/comdat.h"
#include "differ/differ.h"
#include "differ/entry.h"
#include "differ/frames.h"
#include "differ/lto.h"
#include "differ/oracle.h"
#include "differ/read.h"
#include "differ/registrar.h"
#include "differ/tls.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

static struct object *read_object(struct differ *differ, struct job_object *job, const char *path,
                                  struct sc_error **err)
{
    struct object *object =
        object_read(&differ->pool, differ->job.arch, differ->decoder, path, err);

    if (!object)
        return NULL;
    object->job = job;
    if (job->lto)
        lto_find_partitions(object);
    tls_relax(differ, object);
    return object;
}

int phase_read(struct differ *differ, struct sc_error **err)
{
    struct job *job = &differ->job;
    struct pool *pool = &differ->pool;

    differ->decoder = job->arch->decoder_open(err);
    if (!differ->decoder)
        return -1;
    differ->reference =
        image_open(pool, job->arch, differ->decoder, job->reference_elf, job->reference_map, err);
    if (!differ->reference)
        return sc_error_wrap(err, "reference");
    differ->patched =
        image_open(pool, job->arch, differ->decoder, job->patched_elf, job->patched_map, err);
    if (!differ->patched)
        return sc_error_wrap(err, "patched");
    for (size_t i = 0; i < job->object_count; i++) {
        struct job_object *object = &job->objects[i];

        if (object->reference_path) {
            object->reference = read_object(differ, object, object->reference_path, err);
            if (!object->reference)
                return sc_error_wrap(err, "reference object");
        }
        if (object->patched_path) {
            object->patched = read_object(differ, object, object->patched_path, err);
            if (!object->patched)
                return sc_error_wrap(err, "patched object");
        }
    }
    return 0;
}

/* An object that still has all its code in one section was not compiled for us. */
static void check_sections(struct differ *differ, const struct object *object)
{
    for (size_t i = 1; i < object->section_count; i++) {
        const struct section *section = &object->sections[i];

        if (strcmp(section->name, ".text") == 0 && section->symbols.count > 1)
            differ_refuse(differ, REFUSE_ASSEMBLER, object, NULL,
                          "%s holds several functions in one section: assembler, or compiled "
                          "without -ffunction-sections",
                          object->job->name);
    }
}

void phase_sanity(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *object = &differ->job.objects[i];

        if (object->reference)
            check_sections(differ, object->reference);
        if (object->patched)
            check_sections(differ, object->patched);
    }
}

bool differ_has_changes(const struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct object *object = differ->job.objects[i].patched;

        for (size_t j = 0; object && j < object->functions.count; j++) {
            const struct symbol *symbol = object->functions.items[j];

            if (symbol->twin && symbol->status == STATUS_CHANGED)
                return true;
        }
    }
    return false;
}

/* Emits beside the output and links; the intermediate object does not stay. */
static int make_patch(struct differ *differ, struct sc_error **err)
{
    cleanup_free char *object = sc_format("%s.o", differ->job.output);
    int result = phase_emit(differ, object, err);

    if (result == 0)
        result = phase_link(differ, object, err);
    unlink(object);
    if (result < 0 || differ->refusals.count)
        unlink(differ->job.output);
    return result;
}

int differ_run(struct differ *differ, struct sc_error **err)
{
    if (phase_read(differ, err) < 0 || entries_scan(differ, err) < 0)
        return -1;
    phase_comdat(differ);
    phase_sanity(differ);
    phase_pair(differ);
    phase_compare(differ);
    phase_marks(differ);
    phase_close(differ);
    phase_check(differ);
    frames_check(differ);
    registrar_check(differ);
    if (phase_layout(differ, err) < 0)
        return -1;
    if (differ->refusals.count)
        return 0;
    if (oracle_compare(differ, err) < 0)
        return -1;
    if (differ->refusals.count)
        return 0;
    return differ_has_changes(differ) ? make_patch(differ, err) : 0;
}

void differ_free(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        object_close(differ->job.objects[i].reference);
        object_close(differ->job.objects[i].patched);
    }
    view_close(differ->reference_view);
    view_close(differ->patched_view);
    image_close(differ->reference);
    image_close(differ->patched);
    if (differ->decoder)
        differ->job.arch->decoder_close(differ->decoder);
    free(differ->branch_targets);
    pool_free(&differ->pool);
}
