// SPDX-License-Identifier: GPL-2.0-or-later
// Scans C-family sources for the lines before which a directive can stand.
#include "rpmtools/c_lines.h"

#include <string.h>

#define RAW_DELIMITER_MAX 16 /* C++17, 5.13.5 */

struct scanner {
    const char *at, *end;
    struct c_line *lines;
    size_t count, line; /* line: index of the current one */
    bool fresh;         /* only blanks and comments so far on this logical line */
    long depth;         /* open conditionals */
    bool settled;       /* everything was closed so far */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of UTF-8 count as letters: GCC takes them in identifiers. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

/* NUL is never in the text (linekeep looks for it before), so it can stand for the end. */
static char peek(const struct scanner *scanner, size_t ahead)
{
    return (size_t)(scanner->end - scanner->at) > ahead ? scanner->at[ahead] : '\0';
}

/* Steps over a newline; inside tells what the next line begins in. */
static void next_line(struct scanner *scanner, bool inside)
{
    scanner->at++;
    if (++scanner->line < scanner->count)
        scanner->lines[scanner->line].inside = inside;
}

/*
 * The length of a line splice at the current character, without its newline: a backslash (or the
 * trigraph for it), which GCC allows to be followed by blanks. 0 if there is none.
 */
static size_t splice_size(const struct scanner *scanner)
{
    const char *at = scanner->at;

    if (*at == '\\')
        at++;
    else if (scanner->end - at > 3 && memcmp(at, "?\?/", 3) == 0)
        at += 3;
    else
        return 0;
    while (at < scanner->end && strchr(" \t\r\f\v", *at) && *at)
        at++;
    return at < scanner->end && *at == '\n' ? (size_t)(at - scanner->at) : 0;
}

/* Steps over a splice if there is one here. */
static bool skip_splice(struct scanner *scanner)
{
    size_t size = splice_size(scanner);

    if (!size)
        return false;
    scanner->at += size;
    next_line(scanner, true);
    return true;
}

static void scan_line_comment(struct scanner *scanner)
{
    while (scanner->at < scanner->end && *scanner->at != '\n')
        if (!skip_splice(scanner))
            scanner->at++;
}

/* Backslashes mean nothing in it. */
static void scan_block_comment(struct scanner *scanner)
{
    scanner->at += 2;
    while (scanner->at < scanner->end) {
        if (*scanner->at == '*' && peek(scanner, 1) == '/') {
            scanner->at += 2;
            return;
        }
        if (*scanner->at == '\n')
            next_line(scanner, true);
        else
            scanner->at++;
    }
    scanner->settled = false;
}

/* A string or character constant; without its closing quote it ends before the newline. */
static void scan_quoted(struct scanner *scanner)
{
    char quote = *scanner->at++;

    while (scanner->at < scanner->end && *scanner->at != '\n') {
        if (skip_splice(scanner))
            continue;
        if (*scanner->at == '\\' && peek(scanner, 1) && peek(scanner, 1) != '\n')
            scanner->at++;
        else if (*scanner->at == quote) {
            scanner->at++;
            return;
        }
        scanner->at++;
    }
}

/* At the quote of R"delimiter( … )delimiter". False, nothing consumed: an ordinary string. */
static bool scan_raw_string(struct scanner *scanner)
{
    char close[RAW_DELIMITER_MAX + 2] = ")";
    size_t size = 0;

    while (size <= RAW_DELIMITER_MAX && peek(scanner, 1 + size) &&
           !strchr(" ()\\\t\v\f\n\"", peek(scanner, 1 + size)))
        size++;
    if (size > RAW_DELIMITER_MAX || peek(scanner, 1 + size) != '(')
        return false;
    memcpy(close + 1, scanner->at + 1, size);
    close[1 + size++] = '"';
    scanner->at += 1 + size;
    for (size_t left; (left = (size_t)(scanner->end - scanner->at)) > size;) {
        if (memcmp(scanner->at, close, size + 1) == 0) {
            scanner->at += size + 1;
            return true;
        }
        if (*scanner->at == '\n')
            next_line(scanner, true);
        else
            scanner->at++;
    }
    scanner->settled = false;
    scanner->at = scanner->end;
    return true;
}

/* The size of the word at the current character. */
static size_t word_size(const struct scanner *scanner)
{
    size_t size = 0;

    while (is_letter(peek(scanner, size)) || is_digit(peek(scanner, size)))
        size++;
    return size;
}

/* An identifier, with the string that it may be the prefix of. */
static void scan_word(struct scanner *scanner)
{
    static const char *const raw[] = {"R", "LR", "uR", "UR", "u8R"};
    const char *word = scanner->at;
    size_t size = word_size(scanner);

    scanner->at += size;
    if (peek(scanner, 0) != '"')
        return;
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
        if (strlen(raw[i]) == size && memcmp(raw[i], word, size) == 0 && scan_raw_string(scanner))
            return;
}

/* A preprocessing number: its apostrophes (C++14, C23) are no quotes. */
static void scan_number(struct scanner *scanner)
{
    while (scanner->at < scanner->end) {
        char c = *scanner->at, next = peek(scanner, 1);

        if (c == '\'' ? !is_letter(next) && !is_digit(next)
                      : !is_letter(c) && !is_digit(c) && c != '.')
            return;
        scanner->at++;
    }
}

/* A number is what `gcc -E` writes: a line marker. */
static enum c_directive directive_kind(const char *word, size_t size)
{
    static const struct {
        const char *name;
        enum c_directive kind;
    } known[] = {
        {"if", C_IF},         {"ifdef", C_IF},    {"ifndef", C_IF},
        {"else", C_ELSE},     {"elif", C_ELSE},   {"elifdef", C_ELSE},
        {"elifndef", C_ELSE}, {"endif", C_ENDIF}, {"line", C_LINE},
    };

    if (size && is_digit(word[0]))
        return C_LINE;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i].name) == size && memcmp(known[i].name, word, size) == 0)
            return known[i].kind;
    return C_OTHER;
}

/* At the # (or its digraph) that begins a directive; consumes up to its name's end. */
static void scan_directive(struct scanner *scanner, size_t mark_size)
{
    size_t line = scanner->line, size;
    enum c_directive kind;

    scanner->at += mark_size;
    for (;;) {
        if (peek(scanner, 0) == ' ' || peek(scanner, 0) == '\t')
            scanner->at++;
        else if (peek(scanner, 0) == '/' && peek(scanner, 1) == '*')
            scan_block_comment(scanner);
        else if (scanner->at == scanner->end || !skip_splice(scanner))
            break;
    }
    size = word_size(scanner);
    kind = directive_kind(scanner->at, size);
    scanner->at += size;
    scanner->lines[line].directive = kind;
    scanner->depth += kind == C_IF ? 1 : kind == C_ENDIF ? -1 : 0;
    if (scanner->depth < (kind == C_ELSE))
        scanner->settled = false;
}

/* The next token or blank, which is not a newline. */
static void scan_token(struct scanner *scanner)
{
    char c = *scanner->at, next = peek(scanner, 1);
    bool fresh = scanner->fresh;

    if (strchr(" \t\r\f\v", c) && c) {
        scanner->at++;
        return;
    }
    if (c == '/' && next == '*') {
        scan_block_comment(scanner);
        return;
    }
    scanner->fresh = false;
    if (c == '/' && next == '/')
        scan_line_comment(scanner);
    else if (fresh && (c == '#' || (c == '%' && next == ':')))
        scan_directive(scanner, c == '#' ? 1 : 2);
    else if (c == '"' || c == '\'')
        scan_quoted(scanner);
    else if (is_letter(c))
        scan_word(scanner);
    else if (is_digit(c) || (c == '.' && is_digit(next)))
        scan_number(scanner);
    else
        scanner->at++;
}

/* One pass. It stops at the first thing that shows it is lost. */
bool c_lines_scan(const char *text, size_t size, struct c_line *lines, size_t count)
{
    struct scanner scanner = {.at = text,
                              .end = text + size,
                              .lines = lines,
                              .count = count,
                              .fresh = true,
                              .settled = true};

    memset(lines, 0, count * sizeof(*lines));
    while (scanner.at < scanner.end && scanner.settled) {
        if (*scanner.at == '\n') {
            next_line(&scanner, false);
            scanner.fresh = true;
        } else if (!skip_splice(&scanner)) {
            scan_token(&scanner);
        }
    }
    return scanner.settled && scanner.depth == 0;
}
