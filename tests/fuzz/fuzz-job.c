// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the differ's job.
#include "differ/differ.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct differ differ = {0};
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);

    if (job_read(&differ, path, NULL) == 0) {
        const struct edits *edits = &differ.job.edits;
        bool edited;

        for (size_t i = 0; i < differ.job.object_count; i++)
            job_object_is_input(&differ.job.objects[i], "a.o");
        for (size_t i = 0; i < edits->count; i++) {
            const struct edit_file *file = edits_find(edits, edits->files[i].path);

            if (!file)
                abort();
            edits_line(file, 1000000, &edited);
            edits_old_line(file, 3, &edited);
            edits_place(edits, &differ.pool, file->path, 7);
        }
    }
    pool_free(&differ.pool);
    return 0;
}
