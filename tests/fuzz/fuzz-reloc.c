// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a relocatable object as the differ reads it, compared with itself.
#include "differ/comdat.h"
#include "differ/compare.h"
#include "differ/differ.h"
#include "differ/eh_frame.h"
#include "differ/lto.h"
#include "differ/read.h"
#include "differ/tls.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

FUZZ_ELF_MUTATOR

/* What the rest of the differ takes for granted. */
static void check(const struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        const struct symbol *symbol = object->all.items[i];

        if (symbol->section && (symbol->value > symbol->section->size ||
                                symbol->size > symbol->section->size - symbol->value))
            abort();
    }
    for (size_t i = 1; i < object->section_count; i++) {
        const struct section *section = &object->sections[i];

        if (section->kind == SECTION_TEXT && section->size && !section->data)
            abort();
        for (size_t j = 0; j < section->relocation_count; j++)
            if (section->relocations[j].offset >= section->size)
                abort();
    }
}

/* The same file as both sides: nothing differs, whatever is in it. */
static void compare(struct differ *differ, struct object *one, struct object *two)
{
    struct job_object job = {.name = "a.o", .source = "a.c", .reference = one, .patched = two};

    one->job = two->job = &job;
    lto_find_partitions(one);
    lto_find_partitions(two);
    tls_relax(differ, one);
    tls_relax(differ, two);
    differ->job.objects = &job;
    differ->job.object_count = 1;
    phase_comdat(differ);
    phase_sanity(differ);
    phase_pair(differ);
    phase_compare(differ);
    for (size_t i = 0; i < two->all.count; i++) {
        const struct symbol *symbol = two->all.items[i];

        if (symbol->twin)
            compare_contents(symbol->twin, symbol);
    }
    differ->job.object_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image program = {0}; /* what the objects are linked to is asked for once */
    struct differ differ = {
        .job = {.arch = arch_find("x86_64")}, .reference = &program, .patched = &program};
    cleanup_error struct sc_error *err = NULL;
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    struct object *one, *two = NULL;

    differ.decoder = differ.job.arch->decoder_open(&err);
    if (!differ.decoder)
        abort();
    one = object_read(&differ.pool, differ.job.arch, differ.decoder, path, &err);
    if (one) {
        check(one);
        two = object_read(&differ.pool, differ.job.arch, differ.decoder, path, NULL);
    }
    if (two)
        compare(&differ, one, two);
    object_close(one);
    object_close(two);
    differ.job.arch->decoder_close(differ.decoder);
    pool_free(&differ.pool);
    return 0;
}
