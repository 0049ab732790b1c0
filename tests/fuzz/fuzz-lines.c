// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: two versions of a source: which lines are the same, numbers kept, edits told.
#include "lib/cleanup.h"
#include "rpmtools/c_lines.h"
#include "rpmtools/line_diff.h"
#include "rpmtools/linekeep.h"
#include "rpmtools/source_edits.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { ORIGINAL, PATCHED, PART_COUNT };

FUZZ_PARTS_MUTATOR(PART_COUNT)

/* Pairs must be equal lines, in order on both sides. */
static void check_diff(const struct fuzz_part *old, const struct fuzz_part *new)
{
    struct text_line *a, *b;
    size_t count = text_split((const char *)old->data, old->size, &a);
    size_t new_count = text_split((const char *)new->data, new->size, &b);
    cleanup_free uint32_t *twin = calloc(new_count + 1, sizeof(*twin));
    uint32_t last = 0;

    line_diff(a, count, b, new_count, twin);
    for (size_t i = 0; i < new_count; i++) {
        if (!twin[i])
            continue;
        if (twin[i] > count || twin[i] <= last || a[twin[i] - 1].size != b[i].size ||
            memcmp(a[twin[i] - 1].text, b[i].text, b[i].size) != 0)
            abort();
        last = twin[i];
    }
    free(a);
    free(b);
}

/* Without the directives, the kept text is the patched one. */
static void check_kept(const struct fuzz_part *old, const struct fuzz_part *new)
{
    const char *text = (const char *)new->data;
    uint32_t next = LINEKEEP_BASE;
    cleanup_free char *kept = NULL;
    cleanup_free char *stripped = NULL;
    size_t size, left;

    if (linekeep_text((const char *)old->data, old->size, text, new->size, &next, &kept, &size) !=
        LINEKEEP_DONE)
        return;
    stripped = source_strip_kept(kept, size, &left);
    if (left != new->size || memcmp(stripped, text, left) != 0)
        abort();
    json_object_put(source_edits((const char *)old->data, old->size, kept, size, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_part parts[PART_COUNT];

    /* an input that is too short has no parts at all; a source that is empty is still a text */
    fuzz_split(data, size, parts, PART_COUNT);
    if (!parts[ORIGINAL].data)
        return 0;
    check_diff(&parts[ORIGINAL], &parts[PATCHED]);
    check_kept(&parts[ORIGINAL], &parts[PATCHED]);
    json_object_put(source_edits((const char *)parts[ORIGINAL].data, parts[ORIGINAL].size,
                                 (const char *)parts[PATCHED].data, parts[PATCHED].size, false));
    return 0;
}
