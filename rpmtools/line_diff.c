// SPDX-License-Identifier: GPL-2.0-or-later
// Finds which lines of a text are those of another, by Myers' algorithm.
#include "rpmtools/line_diff.h"

#include "lib/cleanup.h"

#include <stdbool.h>
#include <string.h>

/* After so many steps without a meeting, the search takes the best point reached. */
#define STEPS_MAX 4096

/*
 * The search. A point (x, y) is "x lines of old and y of new are dealt with"; its diagonal is
 * x - y. reach_* tell for a diagonal how far the search from the start or the end got, as x.
 */
struct search {
    const uint32_t *old, *new_;
    ptrdiff_t *reach_forward, *reach_backward; /* by diagonal, from -new_count - 1 on */
    uint32_t *twin;
};

/* A rectangle of old lines [x0, x1) and new lines [y0, y1). */
struct box {
    ptrdiff_t x0, x1, y0, y1;
};

/* The diagonals that one direction has reached. */
struct range {
    ptrdiff_t min, max;
};

size_t text_split(const char *text, size_t size, struct text_line **lines)
{
    size_t count = 0, room = 0;

    *lines = NULL;
    while (size) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline ? (size_t)(newline - text) + 1 : size;

        if (count == room) {
            room = room ? 2 * room : 256;
            *lines = reallocarray(*lines, room, sizeof(**lines));
            if (!*lines)
                abort();
        }
        (*lines)[count++] = (struct text_line){text, length};
        text += length;
        size -= length;
    }
    return count;
}

/* FNV-1a: only decides where in the table a line is looked for. */
static uint64_t line_hash(const struct text_line *line)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < line->size; i++)
        hash = (hash ^ (unsigned char)line->text[i]) * 0x100000001b3;
    return hash;
}

/* Equal lines get equal numbers; table holds a line for each number + 1 and has mask + 1 slots. */
struct numbering {
    struct text_line *lines;
    uint32_t *numbers;
    size_t mask;
    uint32_t used;
};

/* Open addressing; the table is at most half full, so the search ends. */
static uint32_t line_number(struct numbering *numbering, const struct text_line *line)
{
    size_t slot = line_hash(line) & numbering->mask;

    while (numbering->numbers[slot]) {
        const struct text_line *other = &numbering->lines[slot];

        if (other->size == line->size && memcmp(other->text, line->text, line->size) == 0)
            return numbering->numbers[slot];
        slot = (slot + 1) & numbering->mask;
    }
    numbering->lines[slot] = *line;
    return numbering->numbers[slot] = ++numbering->used;
}

/* The next step outwards: one diagonal more on each side, where the box has one. */
static void range_widen(struct range *range, const struct range *limit, ptrdiff_t *reach,
                        ptrdiff_t unreached)
{
    if (range->min > limit->min)
        reach[--range->min - 1] = unreached;
    else
        range->min++;
    if (range->max < limit->max)
        reach[++range->max + 1] = unreached;
    else
        range->max--;
}

static bool range_has(const struct range *range, ptrdiff_t diagonal)
{
    return range->min <= diagonal && diagonal <= range->max;
}

/*
 * The farthest point on diagonal d with one more step: from the diagonal beside it that got
 * farther, then along equal lines as far as they go.
 */
static ptrdiff_t step_forward(const struct search *search, const struct box *box, ptrdiff_t d)
{
    ptrdiff_t low = search->reach_forward[d - 1], high = search->reach_forward[d + 1];
    ptrdiff_t x = low < high ? high : low + 1;

    while (x < box->x1 && x - d < box->y1 && search->old[x] == search->new_[x - d])
        x++;
    return search->reach_forward[d] = x;
}

/* The same from the end, towards the start. */
static ptrdiff_t step_backward(const struct search *search, const struct box *box, ptrdiff_t d)
{
    ptrdiff_t low = search->reach_backward[d - 1], high = search->reach_backward[d + 1];
    ptrdiff_t x = low < high ? low : high - 1;

    while (x > box->x0 && x - d > box->y0 && search->old[x - 1] == search->new_[x - d - 1])
        x--;
    return search->reach_backward[d] = x;
}

/* The diagonal on which the forward search got farthest; its point lies inside the box. */
static ptrdiff_t best_forward(const struct search *search, const struct box *box,
                              const struct range *range)
{
    ptrdiff_t best = range->min, most = -1;

    for (ptrdiff_t d = range->min; d <= range->max; d += 2) {
        ptrdiff_t x = search->reach_forward[d];

        if (x <= box->x1 && x - d <= box->y1 && 2 * x - d > most) {
            most = 2 * x - d;
            best = d;
        }
    }
    return best;
}

/* A point (*x, *y) on a shortest way through the box, whose two halves are both smaller. */
static void find_middle(const struct search *search, const struct box *box, ptrdiff_t *x,
                        ptrdiff_t *y)
{
    const struct range limit = {box->x0 - box->y1, box->x1 - box->y0};
    struct range forward = {box->x0 - box->y0, box->x0 - box->y0};
    struct range backward = {box->x1 - box->y1, box->x1 - box->y1};
    bool odd = (forward.min - backward.min) & 1;
    ptrdiff_t d;

    search->reach_forward[forward.min] = box->x0;
    search->reach_backward[backward.min] = box->x1;
    for (int steps = 0; steps < STEPS_MAX; steps++) {
        range_widen(&forward, &limit, search->reach_forward, -1);
        for (d = forward.max; d >= forward.min; d -= 2) {
            *x = step_forward(search, box, d);
            *y = *x - d;
            if (odd && range_has(&backward, d) && search->reach_backward[d] <= *x)
                return;
        }
        range_widen(&backward, &limit, search->reach_backward, PTRDIFF_MAX);
        for (d = backward.max; d >= backward.min; d -= 2) {
            *x = step_backward(search, box, d);
            *y = *x - d;
            if (!odd && range_has(&forward, d) && *x <= search->reach_forward[d])
                return;
        }
    }
    d = best_forward(search, box, &forward);
    *x = search->reach_forward[d];
    *y = *x - d;
}

/*
 * Equal lines at both ends are pairs in any best solution. What is left is cut at a point of a
 * shortest way, and each half is a smaller problem of the same kind.
 */
static void search_box(const struct search *search, struct box box)
{
    ptrdiff_t x, y;

    while (box.x0 < box.x1 && box.y0 < box.y1 && search->old[box.x0] == search->new_[box.y0])
        search->twin[box.y0++] = (uint32_t)++box.x0;
    while (box.x0 < box.x1 && box.y0 < box.y1 &&
           search->old[box.x1 - 1] == search->new_[box.y1 - 1])
        search->twin[--box.y1] = (uint32_t)box.x1--;
    if (box.x0 == box.x1 || box.y0 == box.y1)
        return;
    find_middle(search, &box, &x, &y);
    search_box(search, (struct box){box.x0, x, box.y0, y});
    search_box(search, (struct box){x, box.x1, y, box.y1});
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        abort();
    return memory;
}

void line_diff(const struct text_line *old, size_t old_count, const struct text_line *new_,
               size_t new_count, uint32_t *twin)
{
    size_t diagonals = old_count + new_count + 3, slots = 16;
    cleanup_free uint32_t *old_numbers = zeroed(old_count + 1, sizeof(uint32_t));
    cleanup_free uint32_t *new_numbers = zeroed(new_count + 1, sizeof(uint32_t));
    cleanup_free ptrdiff_t *forward = zeroed(diagonals, sizeof(ptrdiff_t));
    cleanup_free ptrdiff_t *backward = zeroed(diagonals, sizeof(ptrdiff_t));
    cleanup_free struct text_line *lines = NULL;
    cleanup_free uint32_t *numbers = NULL;
    struct search search = {.old = old_numbers, .new_ = new_numbers, .twin = twin};
    struct numbering numbering;

    while (slots < 2 * (old_count + new_count))
        slots *= 2;
    lines = zeroed(slots, sizeof(*lines));
    numbers = zeroed(slots, sizeof(*numbers));
    numbering = (struct numbering){.lines = lines, .numbers = numbers, .mask = slots - 1};
    for (size_t i = 0; i < old_count; i++)
        old_numbers[i] = line_number(&numbering, &old[i]);
    for (size_t i = 0; i < new_count; i++)
        new_numbers[i] = line_number(&numbering, &new_[i]);
    search.reach_forward = forward + new_count + 1;
    search.reach_backward = backward + new_count + 1;
    memset(twin, 0, new_count * sizeof(*twin));
    search_box(&search, (struct box){0, (ptrdiff_t)old_count, 0, (ptrdiff_t)new_count});
}
