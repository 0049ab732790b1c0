// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the records in a capture directory.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/capture.h"
#include "tests/fuzz/fuzz.h"

/* The parts of an input. */
enum { UNIT, OTHER_UNIT, COMPILES, LINKS, UNCAPTURED, PART_COUNT };

static const char *const names[] = {"tu/1.json", "tu/2.json", "compiles.jsonl", "links.jsonl",
                                    "uncaptured.jsonl"};

FUZZ_PARTS_MUTATOR(PART_COUNT)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_part parts[PART_COUNT];
    cleanup_capture struct capture *capture = NULL;

    fuzz_directory();
    sc_dir_make("tu", 0755, NULL);
    fuzz_split(data, size, parts, PART_COUNT);
    for (size_t i = 0; i < PART_COUNT; i++)
        if (parts[i].size)
            fuzz_directory_file(names[i], parts[i].data, parts[i].size);
    capture = capture_read(".", NULL);
    if (!capture)
        return 0;
    for (size_t i = 0; i < capture->unit_count; i++)
        if (!capture_unit_find(capture, capture->units[i].id))
            abort();
    for (size_t i = 0; i < capture->link_count; i++) {
        const struct capture_link *last = capture_link_last(capture, capture->links[i].base);

        if (capture->links[i].final && (!last || last->order < capture->links[i].order))
            abort();
    }
    if (capture_count_links(".") > capture->link_count + parts[LINKS].size)
        abort();
    return 0;
}
