// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a linked file as the differ and its oracle read it.
#include "differ/differ.h"
#include "differ/oracle.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

FUZZ_ELF_MUTATOR

/* Every function and every object as text. */
static void write_all(struct view *view)
{
    for (size_t i = 0; i < view->code_count; i++)
        if (!view->codes[i].parent)
            free(view_text(view, &view->codes[i]));
    for (size_t i = 0; i < view->image->symbol_count; i++)
        if (view->image->symbols[i].type == STT_OBJECT)
            free(view_object_text(view, &view->image->symbols[i]));
}

static void look_up(const struct image *image)
{
    for (size_t i = 0; i < image->dynamic_count; i++) {
        const struct image_symbol *symbol = &image->dynamic[i];

        image_plt_of(image, symbol);
        image_got_of(image, symbol);
        image_dynamic(image, symbol->name);
        image_symbol_has_version(symbol, "a@@B");
        image_symbol_at(image, symbol->address);
    }
    image_needs(image, "libc.so.6");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct differ differ = {.job = {.arch = arch_find("x86_64")}};
    cleanup_error struct sc_error *err = NULL;
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    struct view *view = NULL;
    struct image *image;

    differ.decoder = differ.job.arch->decoder_open(&err);
    if (!differ.decoder)
        abort();
    image = image_open(&differ.pool, differ.job.arch, differ.decoder, path, NULL, &err);
    if (image) {
        look_up(image);
        view = view_open(&differ, image, NULL, &err);
    }
    if (view)
        write_all(view);
    view_close(view);
    image_close(image);
    differ.job.arch->decoder_close(differ.decoder);
    pool_free(&differ.pool);
    return 0;
}
