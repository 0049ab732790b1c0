// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the capture archive of an official build. Inputs are plain tar: what is read once
// libarchive has unpacked zstd.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/capture_archive.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/stat.h>

#if FUZZ_WITH_ENGINE
#define BLOCK 512u

/* Fields of a tar header (pax, "ustar Interchange Format"): offset and width. */
static const struct {
    uint16_t at, width;
} fields[] = {{0, 100}, {100, 8},   {108, 8}, {116, 8},  {124, 12}, {136, 12},
              {156, 1}, {157, 100}, {257, 8}, {265, 32}, {329, 8},  {345, 155}};

/* Headers have a checksum, without which nothing behind it would ever be reached. */
static void repair_checksum(uint8_t *header)
{
    unsigned int sum = 8 * ' ';

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? 0 : header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    header[155] = ' ';
}

static void repair_headers(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
        if (memcmp(data + at + 257, "ustar", 5) == 0)
            repair_checksum(data + at);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    unsigned int state = seed * 2654435761u;
    size_t at = size >= BLOCK ? BLOCK * fuzz_random(&state, (uint32_t)(size / BLOCK)) : 0;

    if (size >= BLOCK && fuzz_random(&state, 3) && memcmp(data + at + 257, "ustar", 5) == 0) {
        size_t i = fuzz_random(&state, sizeof(fields) / sizeof(*fields));

        LLVMFuzzerMutate(data + at + fields[i].at, fields[i].width, fields[i].width);
    } else if (size >= BLOCK && fuzz_random(&state, 2)) {
        LLVMFuzzerMutate(data + at, BLOCK, BLOCK);
    } else {
        size = LLVMFuzzerMutate(data, size, max);
    }
    repair_headers(data, size);
    return size;
}
#endif

static const char *const place_names[] = {"tree/", "installed/", "root/", "capture/"};

/* Beside the places there must be nothing but what was there before. */
static int check_file(const char *path, const char *relative, void *data, struct sc_error **err)
{
    (void)path, (void)data, (void)err;
    for (size_t i = 0; i < 4; i++)
        if (strncmp(relative, place_names[i], strlen(place_names[i])) == 0)
            return 0;
    if (strcmp(relative, "x.tar") != 0)
        abort();
    return 0;
}

/* The places are still what they were: directories. */
static void check_places(const struct capture_places *places)
{
    const char *const paths[] = {places->tree, places->installed, places->root, places->capture};
    struct stat st;

    for (size_t i = 0; i < 4; i++)
        if (lstat(paths[i], &st) == 0 && !S_ISDIR(st.st_mode))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *here = NULL, *tree = NULL, *installed = NULL, *root = NULL, *capture = NULL;
    cleanup_json struct json_object *result = NULL;
    cleanup_error struct sc_error *err = NULL;
    struct capture_places places;

    fuzz_directory();
    fuzz_directory_file("x.tar", data, size);
    here = realpath(".", NULL);
    tree = sc_format("%s/tree", here);
    installed = sc_format("%s/installed", here);
    root = sc_format("%s/root", here);
    capture = sc_format("%s/capture", here);
    places = (struct capture_places){tree, installed, root, capture};
    capture_header_free(capture_header_read("x.tar", NULL));
    capture_archive_unpack("x.tar", &places, &result, NULL);
    check_places(&places);
    if (sc_tree_walk(here, check_file, NULL, &err) < 0)
        abort();
    return 0;
}
