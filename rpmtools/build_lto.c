// SPDX-License-Identifier: GPL-2.0-or-later
// Targets linked with link-time optimisation: their code comes from objects that the link made.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

/* The largest map that is read: those of browsers have some 100 MB. */
#define MAP_MAX (1u << 30)

/*
 * "/tmp/ccFjTagk.ltrans0.ltrans.o" (lto-wrapper, several partitions or one) and "x.lto.o": the
 * names that GCC gives to what it hands back to the linker. The random part differs in each link.
 */
static bool is_lto_object(const char *name, size_t size)
{
    static const char *const ends[] = {".ltrans.o", ".lto.o", NULL};

    for (size_t i = 0; ends[i]; i++) {
        size_t length = strlen(ends[i]);

        if (size > length && memcmp(name + size - length, ends[i], length) == 0)
            return true;
    }
    return false;
}

/* Appends the names of the objects of LTO that a map mentions. */
static int collect_names(const char *map, struct string_list *names, struct sc_error **err)
{
    cleanup_free char *text = NULL;
    char *rest = NULL;
    size_t size;

    if (sc_file_read(map, MAP_MAX, &text, &size, err) < 0)
        return -1;
    for (char *word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
        if (is_lto_object(word, strlen(word)) && !string_list_has(names, word))
            string_list_add(names, word);
    return 0;
}

/* Slim or fat: once the linker plugin claims an object, its code comes from LTO. */
static bool is_lto_unit(const struct build_unit *unit)
{
    return (unit->reference && unit->reference->lto) || (unit->patched && unit->patched->lto);
}

/* Units that LTO compiled have no object of their own in the link; the others have. */
static void mark_lto_units(struct build_target *target)
{
    for (size_t i = 0; i < target->unit_count; i++) {
        target->units[i].types = is_lto_unit(&target->units[i]);
        target->lto |= target->units[i].types;
    }
}

/*
 * Units compiled by LTO are compared as one object, the replay of the whole link: the passes see
 * across files, and a change in one may change any other.
 */
int build_prepare_lto(struct build *build, struct build_target *target, struct sc_error **err)
{
    if (!target->reference->lto && !target->patched->lto)
        return 0;
    if (!target->reference->lto || !target->patched->lto) {
        build_refuse(build, target->path, "lto", NULL, NULL, NULL,
                     "only one of the original and the patched link uses link-time optimisation",
                     "leave the flags of the build alone");
        return 0;
    }
    mark_lto_units(target);
    if (!target->lto)
        return 0;
    if (collect_names(target->reference->map, &target->lto_inputs, err) < 0 ||
        collect_names(target->patched->map, &target->lto_inputs, err) < 0)
        return -1;
    if (!target->lto_inputs.count)
        build_refuse(build, target->path, "lto", NULL, NULL, NULL,
                     "the linker's map does not name the objects of link-time optimisation",
                     "nothing can be done from the patch's side");
    return 0;
}
