// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: debugging information of an object: layouts of types, places in the source.
#include "differ/differ.h"
#include "differ/dwarf_types.h"
#include "differ/read.h"
#include "differ/source_info.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

FUZZ_ELF_MUTATOR

static void read_types(struct pool *pool, const char *path)
{
    struct type_table table = {0};
    size_t count;

    if (dwarf_types_read(pool, path, &table, NULL) <= 0)
        return;
    for (size_t i = 0; i < table.layouts.count; i++) {
        const struct type_layout *layout = table.layouts.items[i];

        if (!name_index_find(&table.index, layout->key, &count))
            abort();
    }
}

static void read_places(struct pool *pool, const struct object *object, const char *path)
{
    static const struct edits none;
    const struct source_info *info =
        source_info_read(pool, object, path, NULL, &none, arch_find("x86_64")->abs_type, true);

    for (size_t i = 1; info && i < object->section_count; i++)
        source_place_of(info, i, object->sections[i].size / 2);
    for (size_t i = 0; info && i < info->functions.count && i < 64; i++) {
        const struct source_thing *thing = info->functions.items[i];

        source_function(info, thing->name);
        if (thing->place.file)
            source_owner(info, thing->place.file, thing->from);
    }
    for (size_t i = 0; info && i < info->variables.count && i < 64; i++)
        source_variable(info, ((const struct source_thing *)info->variables.items[i])->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct arch *arch = arch_find("x86_64");
    struct decoder *decoder = arch->decoder_open(NULL);
    struct pool pool = {0};
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    struct object *object;

    read_types(&pool, path);
    object = object_read(&pool, arch, decoder, path, NULL);
    if (object)
        read_places(&pool, object, path);
    object_close(object);
    arch->decoder_close(decoder);
    pool_free(&pool);
    return 0;
}
