// SPDX-License-Identifier: GPL-2.0-or-later
// Inserts #line so that unchanged lines of patched C sources keep their numbers.
#include "rpmtools/linekeep.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "rpmtools/c_lines.h"
#include "rpmtools/line_diff.h"

#include <string.h>
#include <sys/stat.h>

#define SOURCE_MAX (256u << 20) /* bytes; nobody writes a larger C file */
#define DEPTH_MAX 4096          /* nested conditionals */
#define NUMBER_MAX 2147483647u  /* of a line: C11, 6.10.4 */

/* A file being numbered. */
struct keeper {
    struct text_line *old, *new_;
    size_t old_count, new_count;
    uint32_t *twin;       /* line_diff */
    struct c_line *lines; /* c_lines_scan of the new text */
    /*
     * For each open conditional: a directive was put into it. Whether the compiler reads that
     * group is not known here, so after its end the numbering has to be set again.
     */
    bool dirty[DEPTH_MAX];
    size_t depth;
    bool unsure; /* the current number depends on which group was read */
    bool any;    /* a directive was put */
    FILE *out;
};

static void keeper_clear(struct keeper *keeper)
{
    free(keeper->old);
    free(keeper->new_);
    free(keeper->twin);
    free(keeper->lines);
}

/* Has the effect of a line that was just copied on the conditionals. False: nested too deep. */
static bool keeper_follow(struct keeper *keeper, enum c_directive directive)
{
    if (directive == C_IF) {
        if (keeper->depth == DEPTH_MAX)
            return false;
        keeper->dirty[keeper->depth++] = false;
    } else if (directive == C_ELSE) {
        keeper->unsure |= keeper->dirty[keeper->depth - 1];
    } else if (directive == C_ENDIF) {
        keeper->unsure |= keeper->dirty[--keeper->depth];
    }
    return true;
}

/*
 * Without a file name: with one, __FILE__ would become what the compiler was given, or not. All
 * groups that are open hold a directive now.
 */
static void keeper_put(struct keeper *keeper, uint32_t number)
{
    fprintf(keeper->out, "#line %u\n", number);
    memset(keeper->dirty, true, keeper->depth * sizeof(keeper->dirty[0]));
    keeper->unsure = false;
    keeper->any = true;
}

/*
 * Copies the new text to out. counted is the number that the compiler would give the line; where it
 * is not the one wanted and a directive can stand, that sets it right. Where none can stand, the
 * line keeps a wrong number until the next place: a comment or a macro's body does not mind.
 */
static bool keeper_write(struct keeper *keeper, uint32_t *next_number)
{
    uint32_t counted = 1;

    for (size_t i = 0; i < keeper->new_count; i++, counted++) {
        uint32_t wanted = keeper->twin[i] ? keeper->twin[i] : (*next_number)++;

        if ((wanted != counted || keeper->unsure) && !keeper->lines[i].inside) {
            keeper_put(keeper, wanted);
            counted = wanted;
        }
        fwrite(keeper->new_[i].text, 1, keeper->new_[i].size, keeper->out);
        if (!keeper_follow(keeper, keeper->lines[i].directive) || *next_number >= NUMBER_MAX)
            return false;
    }
    return true;
}

/* A NUL, or a carriage return that ends no line, makes lines that the compiler counts otherwise. */
static bool text_is_strange(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!text[i] || (text[i] == '\r' && (i + 1 == size || text[i + 1] != '\n')))
            return true;
    return false;
}

/*
 * A file that a generator made numbers its lines by another file's; changing that would change
 * what it says.
 */
static enum linekeep_outcome keeper_scan(struct keeper *keeper, const char *text, size_t size)
{
    if (!c_lines_scan(text, size, keeper->lines, keeper->new_count))
        return LINEKEEP_UNSETTLED;
    for (size_t i = 0; i < keeper->new_count; i++)
        if (keeper->lines[i].directive == C_LINE)
            return LINEKEEP_HAS_DIRECTIVES;
    return LINEKEEP_DONE;
}

/* The scan comes first: it is linear, and what it leaves alone needs no comparison. */
static enum linekeep_outcome keeper_run(struct keeper *keeper, const char *text, size_t size,
                                        uint32_t *next_number, char **kept, size_t *kept_size)
{
    enum linekeep_outcome outcome = keeper_scan(keeper, text, size);
    bool whole;

    if (outcome != LINEKEEP_DONE)
        return outcome;
    line_diff(keeper->old, keeper->old_count, keeper->new_, keeper->new_count, keeper->twin);
    keeper->out = open_memstream(kept, kept_size);
    if (!keeper->out)
        abort();
    whole = keeper_write(keeper, next_number);
    if (fclose(keeper->out))
        abort();
    if (whole && keeper->any)
        return LINEKEEP_DONE;
    free(steal_pointer(kept));
    return whole ? LINEKEEP_SAME : LINEKEEP_UNSETTLED;
}

enum linekeep_outcome linekeep_text(const char *original, size_t original_size, const char *patched,
                                    size_t patched_size, uint32_t *next_number, char **kept,
                                    size_t *kept_size)
{
    struct keeper keeper = {0};
    enum linekeep_outcome outcome;

    *kept = NULL;
    *kept_size = 0;
    if (original_size == patched_size && memcmp(original, patched, patched_size) == 0)
        return LINEKEEP_SAME;
    if (text_is_strange(patched, patched_size))
        return LINEKEEP_NOT_TEXT;
    keeper.old_count = text_split(original, original_size, &keeper.old);
    keeper.new_count = text_split(patched, patched_size, &keeper.new_);
    keeper.twin = calloc(keeper.new_count + 1, sizeof(*keeper.twin));
    keeper.lines = calloc(keeper.new_count + 1, sizeof(*keeper.lines));
    if (!keeper.twin || !keeper.lines)
        abort();
    outcome = keeper_run(&keeper, patched, patched_size, next_number, kept, kept_size);
    keeper_clear(&keeper);
    return outcome;
}

/*
 * By name, as the compiler decides too. Makefile.inc is the one .inc in common use that is not
 * C.
 */
bool linekeep_name_matches(const char *name)
{
    /* Not .y and .l: bison and flex write #line themselves. Not .S: # may begin a comment there. */
    static const char *const suffixes[] = {
        ".c",   ".h",   ".cc", ".cp",  ".cpp", ".cxx", ".c++", ".C",   ".hh",  ".hp",  ".hpp",
        ".hxx", ".h++", ".H",  ".inc", ".inl", ".ipp", ".ixx", ".tcc", ".tpp", ".txx",
    };
    const char *base = strrchr(name, '/');
    const char *dot;

    base = base ? base + 1 : name;
    dot = strrchr(base, '.');
    if (!dot || strncasecmp(base, "makefile", 8) == 0)
        return false;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

struct tree_walk {
    const char *original, *patched;
    size_t longest, total; /* lines of the changed files: of one version, of all patched ones */
    const char *const *skip;
    struct linekeep_report *report;
    uint32_t next_number; /* unique in the whole tree: names pasted from __LINE__ meet in headers */
};

static bool is_skipped(const struct tree_walk *walk, const char *relative)
{
    for (const char *const *skip = walk->skip; skip && *skip; skip++) {
        size_t size = strlen(*skip);

        if (strncmp(relative, *skip, size) == 0 && relative[size] == '/')
            return true;
    }
    return false;
}

static const char *outcome_text(enum linekeep_outcome outcome)
{
    switch (outcome) {
    case LINEKEEP_HAS_DIRECTIVES:
        return "it has #line directives of its own";
    case LINEKEEP_NOT_TEXT:
        return "it has NUL bytes or bare carriage returns";
    default:
        return "its comments or conditionals are not closed";
    }
}

/* Both versions of a source that differ. */
static int keep_pair(struct tree_walk *walk, const char *path, const char *relative,
                     const char *old_path, struct sc_error **err)
{
    cleanup_free char *old = NULL;
    cleanup_free char *new_ = NULL;
    cleanup_free char *kept = NULL;
    size_t old_size, new_size, kept_size;
    enum linekeep_outcome outcome;
    struct stat st;

    if (sc_file_read(old_path, SOURCE_MAX, &old, &old_size, err) < 0 ||
        sc_file_read(path, SOURCE_MAX, &new_, &new_size, err) < 0)
        return -1;
    outcome = linekeep_text(old, old_size, new_, new_size, &walk->next_number, &kept, &kept_size);
    if (outcome == LINEKEEP_SAME)
        return 0;
    if (outcome != LINEKEEP_DONE) {
        string_list_format(&walk->report->left, "%s: %s", relative, outcome_text(outcome));
        return 0;
    }
    string_list_add(&walk->report->kept, relative);
    if (stat(path, &st) < 0)
        return sc_error_errno(err, "cannot stat %s", path);
    return sc_file_replace(path, kept, kept_size, st.st_mode & 07777, err);
}

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 0;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* First walk: how long the sources are that will get numbers. */
static int measure_patched(const char *path, const char *relative, void *data,
                           struct sc_error **err)
{
    struct tree_walk *walk = data;
    cleanup_free char *old_path = sc_format("%s/%s", walk->original, relative);
    cleanup_free char *old = NULL;
    cleanup_free char *new_ = NULL;
    size_t old_size, new_size, lines;
    struct stat st, own;

    if (is_skipped(walk, relative) || !linekeep_name_matches(relative) ||
        lstat(old_path, &st) < 0 || !S_ISREG(st.st_mode) || lstat(path, &own) < 0 ||
        (own.st_dev == st.st_dev && own.st_ino == st.st_ino))
        return 0;
    if (sc_file_read(old_path, SOURCE_MAX, &old, &old_size, err) < 0 ||
        sc_file_read(path, SOURCE_MAX, &new_, &new_size, err) < 0)
        return -1;
    if (old_size == new_size && memcmp(old, new_, new_size) == 0)
        return 0;
    lines = count_lines(new_, new_size);
    walk->total += lines;
    if (lines < count_lines(old, old_size))
        lines = count_lines(old, old_size);
    if (lines > walk->longest)
        walk->longest = lines;
    return 0;
}

/* No more lines can be new than there are. */
static uint32_t first_number(const struct tree_walk *walk)
{
    bool small =
        walk->longest < LINEKEEP_SMALL_BASE && walk->total < LINEKEEP_C90_MAX - LINEKEEP_SMALL_BASE;

    return small ? LINEKEEP_SMALL_BASE : LINEKEEP_BASE;
}

/*
 * New files have no numbers to keep. Everything else that changed is reported, whatever its
 * language: the driver decides by it what has to be built again.
 */
static int visit_patched(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct tree_walk *walk = data;
    cleanup_free char *old_path = sc_format("%s/%s", walk->original, relative);
    uint8_t old_digest[SC_DIGEST_SIZE], digest[SC_DIGEST_SIZE];
    struct stat st, own;

    if (is_skipped(walk, relative))
        return 0;
    if (lstat(old_path, &st) < 0 || !S_ISREG(st.st_mode)) {
        string_list_add(&walk->report->changed, relative);
        return 0;
    }
    /* the same file in both (hard link, overlay): nothing can differ, nothing must be written */
    if (lstat(path, &own) == 0 && own.st_dev == st.st_dev && own.st_ino == st.st_ino)
        return 0;
    if (sc_digest_file(old_path, old_digest, err) < 0 || sc_digest_file(path, digest, err) < 0)
        return -1;
    if (memcmp(old_digest, digest, sizeof(digest)) == 0)
        return 0;
    string_list_add(&walk->report->changed, relative);
    return linekeep_name_matches(relative) ? keep_pair(walk, path, relative, old_path, err) : 0;
}

static int visit_original(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct tree_walk *walk = data;
    cleanup_free char *new_path = sc_format("%s/%s", walk->patched, relative);
    struct stat st;

    (void)path;
    (void)err;
    if (!is_skipped(walk, relative) && lstat(new_path, &st) < 0)
        string_list_add(&walk->report->removed, relative);
    return 0;
}

int linekeep_tree(const char *original, const char *patched, const char *const *skip,
                  struct linekeep_report *report, struct sc_error **err)
{
    struct tree_walk walk = {
        .original = original,
        .patched = patched,
        .skip = skip,
        .report = report,
    };

    if (sc_tree_walk(patched, measure_patched, &walk, err) < 0)
        return -1;
    walk.next_number = first_number(&walk);
    if (sc_tree_walk(patched, visit_patched, &walk, err) < 0)
        return -1;
    return sc_tree_walk(original, visit_original, &walk, err);
}

void linekeep_report_clear(struct linekeep_report *report)
{
    string_list_clear(&report->changed);
    string_list_clear(&report->removed);
    string_list_clear(&report->kept);
    string_list_clear(&report->left);
}
