// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the maps that linkers write: GNU ld, gold and lld.
//
// The tables of GNU ld and gold are alike, but gold does not tell which inputs the strings and
// constants that it merges come from. lld's is in columns (lld/ELF/MapFile.cpp):
//              VMA              LMA     Size Align Out     In      Symbol
//            1800             1800       2f    16         m1.o:(.text.loc)
#include "differ/link_map.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

#define MAP_MAX (512u << 20)

struct reader {
    struct pool *pool;
    struct list ranges;
    struct list thread_local;
    char *pending;      /* section name that stood alone on the line before */
    bool loaded;        /* the output section has an address: it is not debugging information */
    bool thread;        /* it is .tdata or .tbss */
    const char *merged; /* gold: of what it merged the numbers are to come */
    bool output;        /* the name of an output section stood alone on the line before */
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

static void keep_range(struct reader *reader, uint64_t start, uint64_t size, const char *section,
                       const char *input)
{
    struct map_range *range;

    if (size == 0)
        return;
    range = pool_alloc(reader->pool, sizeof(*range));
    *range = (struct map_range){start, size, section, input};
    list_add(reader->pool, reader->thread ? &reader->thread_local : &reader->ranges, range);
}

/* "ADDRESS SIZE INPUT", the rest of a line behind the name of an input section. */
static void add_range(struct reader *reader, const char *section, char *rest)
{
    uint64_t start, size;

    if (!reader->loaded || !take_number(&rest, &start) || !take_number(&rest, &size) || !*rest)
        return;
    if (strncmp(rest, "0x", 2) == 0) /* LMA or a "size before relaxing": not an input */
        return;
    keep_range(reader, start, size, section, rest);
}

static bool is_thread_local(const char *name, size_t length)
{
    return (length == 6 && strncmp(name, ".tdata", 6) == 0) ||
           (length == 5 && strncmp(name, ".tbss", 5) == 0);
}

/* ".text  0x1000  0x2345": an output section. Debugging sections lie at address 0. */
static void enter_output(struct reader *reader, char *line)
{
    char *rest = line + strcspn(line, " ");
    uint64_t start = 0;

    reader->thread = is_thread_local(line, (size_t)(rest - line));
    rest += strspn(rest, " ");
    reader->output = !*rest;
    reader->loaded = take_number(&rest, &start) && start != 0;
}

/* gold: " ** merge strings  0x7b4  0x14", the numbers perhaps on the line after. */
static bool enter_merged(struct reader *reader, const char *line)
{
    static const char strings[] = " ** merge strings", constants[] = " ** merge constants";

    if (strncmp(line, strings, sizeof(strings) - 1) == 0)
        reader->merged = LINK_MAP_STRINGS;
    else if (strncmp(line, constants, sizeof(constants) - 1) == 0)
        reader->merged = LINK_MAP_CONSTANTS;
    else
        return false;
    return true;
}

static void add_merged(struct reader *reader, char *line)
{
    char *rest = strstr(line, "0x");
    uint64_t start, size;

    if (!rest)
        return;
    if (take_number(&rest, &start) && take_number(&rest, &size) && reader->loaded)
        keep_range(reader, start, size, reader->merged, "");
    reader->merged = NULL;
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
    if (enter_merged(reader, line) || reader->merged) {
        add_merged(reader, line);
        return;
    }
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

/*
 * A row of lld's table: addresses and sizes, then the name in one of three columns. What lld makes
 * or merges itself is "<internal>"; strings and constants are not told apart.
 */
static void read_lld_line(struct reader *reader, char *line)
{
    char *at = line, *end = NULL;
    uint64_t numbers[4];

    for (int i = 0; i < 4; i++) {
        char *from = at;

        numbers[i] = strtoull(from, &at, i == 3 ? 10 : 16);
        if (at == from)
            return;
    }
    if (*at++ != ' ')
        return;
    if (*at != ' ') {
        reader->loaded = numbers[0] != 0;
        reader->thread = is_thread_local(at, strlen(at));
        return;
    }
    if (!reader->loaded || strspn(at, " ") != 8)
        return;
    at += 8;
    for (char *colon = at; (colon = strstr(colon, ":(")); colon++)
        end = colon;
    if (!end)
        return;
    *end = '\0';
    end += 2;
    end[strcspn(end, ")")] = '\0';
    if (strcmp(at, "<internal>") == 0)
        keep_range(reader, numbers[0], numbers[2], LINK_MAP_INTERNAL, "");
    else
        keep_range(reader, numbers[0], numbers[2], end, at);
}

typedef void line_reader(struct reader *reader, char *line);

/* Where the table begins, and who reads it; NULL for no map that is known. */
static char *find_table(char *text, line_reader **read)
{
    static const struct {
        const char *heading;
        line_reader *read;
    } kinds[] = {
        {"\nLinker script and memory map\n", read_line},
        {"\nMemory map\n", read_line},
        {" Align Out     In      Symbol\n", read_lld_line},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *at = strstr(text, kinds[i].heading);

        *read = kinds[i].read;
        if (at)
            return at + strlen(kinds[i].heading);
    }
    return NULL;
}

struct link_map *link_map_read(struct pool *pool, const char *path, struct sc_error **err)
{
    struct reader reader = {.pool = pool};
    cleanup_free char *text = NULL;
    struct link_map *map;
    line_reader *read;
    char *at, *copy;
    size_t size;

    if (sc_file_read(path, MAP_MAX, &text, &size, err) < 0)
        return NULL;
    copy = pool_alloc(pool, size + 1);
    memcpy(copy, text, size);
    at = find_table(copy, &read);
    if (!at) {
        sc_error_set(err, SC_REFUSED, "%s is not a map of GNU ld, gold or lld", path);
        return NULL;
    }
    while (at && *at) {
        char *line = at;

        at = strchr(at, '\n');
        if (at)
            *at++ = '\0';
        read(&reader, line);
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
