// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the map that GNU ld writes.
#include "differ/link_map.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

#define MAP_MAX (512u << 20)

struct reader {
    struct pool *pool;
    struct list ranges;
    struct list thread_local;
    char *pending; /* section name that stood alone on the line before */
    bool loaded;   /* the output section has an address: it is not debugging information */
    bool thread;   /* it is .tdata or .tbss */
    bool output;   /* the name of an output section stood alone on the line before */
};

/* "0x..." at *at; moves *at behind it and the blanks. */
static bool take_number(char **at, uint64_t *value)
{
    char *end;

    if (strncmp(*at, "0x", 2) != 0)
        return false;
    *value = strtoull(*at, &end, 16);
    if (end == *at + 2)
        return false;
    *at = end + strspn(end, " ");
    return true;
}

/* "ADDRESS SIZE INPUT", the rest of a line behind the name of an input section. */
static void add_range(struct reader *reader, const char *section, char *rest)
{
    struct map_range *range;
    uint64_t start, size;

    if (!reader->loaded || !take_number(&rest, &start) || !take_number(&rest, &size) || !*rest ||
        size == 0)
        return;
    if (strncmp(rest, "0x", 2) == 0) /* LMA or a "size before relaxing": not an input */
        return;
    range = pool_alloc(reader->pool, sizeof(*range));
    *range = (struct map_range){start, size, section, rest};
    list_add(reader->pool, reader->thread ? &reader->thread_local : &reader->ranges, range);
}

/* ".text  0x1000  0x2345": an output section. Debugging sections lie at address 0. */
static void enter_output(struct reader *reader, char *line)
{
    char *rest = line + strcspn(line, " ");
    uint64_t start = 0;

    reader->thread = strncmp(line, ".tdata", (size_t)(rest - line)) == 0 ||
                     strncmp(line, ".tbss", (size_t)(rest - line)) == 0;
    rest += strspn(rest, " ");
    reader->output = !*rest;
    reader->loaded = take_number(&rest, &start) && start != 0;
}

/*
 * Input sections are indented by one blank: " .text  0x1139  0x2a  a.o". A name too long for its
 * column stands on a line of its own.
 */
static void read_line(struct reader *reader, char *line)
{
    char *pending = reader->pending;
    size_t name;

    reader->pending = NULL;
    if (line[0] != ' ') {
        if (line[0])
            enter_output(reader, line);
        return;
    }
    if (line[1] == ' ' && reader->output) {
        char *rest = line + strspn(line, " ");
        uint64_t start = 0;

        reader->output = false;
        reader->loaded = take_number(&rest, &start) && start != 0;
        return;
    }
    if (line[1] == ' ') {
        if (pending)
            add_range(reader, pending, line + strspn(line, " "));
        return;
    }
    name = strcspn(line + 1, " ");
    if (line[1] == '*')
        return; /* *fill*, or the pattern of the linker script */
    if (!line[1 + name]) {
        reader->pending = line + 1;
        return;
    }
    line[1 + name] = '\0';
    add_range(reader, line + 1, line + 2 + name + strspn(line + 2 + name, " "));
}

static int compare_ranges(const void *a, const void *b)
{
    const struct map_range *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * ld still lists an input section all of whose strings or constants were merged into others, with
 * its old size, at the place where the next one begins. Such a line overlaps the one after it.
 */
static struct link_map *make_map(struct pool *pool, const struct list *ranges)
{
    struct link_map *map = pool_alloc(pool, sizeof(*map));
    struct map_range **from = (struct map_range **)ranges->items;
    size_t count = ranges->count;

    map->ranges = pool_alloc(pool, (count + 1) * sizeof(*map->ranges));
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && from[i + 1]->start >= from[i]->start &&
            from[i + 1]->start - from[i]->start < from[i]->size)
            continue;
        map->ranges[map->count++] = *from[i];
    }
    qsort(map->ranges, map->count, sizeof(*map->ranges), compare_ranges);
    return map;
}

struct link_map *link_map_read(struct pool *pool, const char *path, struct sc_error **err)
{
    static const char heading[] = "\nLinker script and memory map\n";
    struct reader reader = {.pool = pool};
    cleanup_free char *text = NULL;
    struct link_map *map;
    char *at, *copy;
    size_t size;

    if (sc_file_read(path, MAP_MAX, &text, &size, err) < 0)
        return NULL;
    copy = pool_alloc(pool, size + 1);
    memcpy(copy, text, size);
    at = strstr(copy, heading);
    if (!at) {
        sc_error_set(err, SC_REFUSED, "%s is not a map of GNU ld (ld.bfd)", path);
        return NULL;
    }
    for (at += sizeof(heading) - 1; at && *at;) {
        char *line = at;

        at = strchr(at, '\n');
        if (at)
            *at++ = '\0';
        read_line(&reader, line);
    }
    map = make_map(pool, &reader.ranges);
    map->thread_local = make_map(pool, &reader.thread_local);
    return map;
}

const struct map_range *link_map_find(const struct link_map *map, uint64_t address)
{
    size_t low = 0, high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (map->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - map->ranges[low - 1].start >= map->ranges[low - 1].size)
        return NULL;
    return &map->ranges[low - 1];
}
