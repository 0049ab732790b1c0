// SPDX-License-Identifier: GPL-2.0-or-later
// What the daemon can be told: command line, then the configuration file, then defaults.
#include "runtime/options.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/uprobes.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>

enum option_kind { KIND_STRING, KIND_NUMBER, KIND_LIST, KIND_FLAG, KIND_SWITCH, KIND_CHOICE };

/* An option by its long name, which is also its key in the file. */
struct option_entry {
    const char *name;
    enum option_kind kind;
    size_t offset;             /* of the member in struct options */
    const char *text;          /* default of a string; the words of a choice, by their number */
    unsigned min, max, number; /* range and default of a number; default of a choice */
    bool in_file;              /* allowed in the configuration file */
};

/* In the order of enum uprobes_way. */
#define UPROBES_WORDS "multi-hold|perf-hold|perf-async|perf-plain|sample|auto"

#define AT(member) offsetof(struct options, member)

static const struct option_entry entries[] = {
    {"run-dir", KIND_STRING, AT(run_dir), "/run/syscare", 0, 0, 0, true},
    {"state-dir", KIND_STRING, AT(state_dir), "/var/lib/syscare", 0, 0, 0, true},
    {"patch-dir", KIND_STRING, AT(patch_dir), "/usr/lib/syscare/patches", 0, 0, 0, true},
    {"bpffs", KIND_STRING, AT(bpffs), "/sys/fs/bpf/syscare", 0, 0, 0, true},
    {"root", KIND_STRING, AT(root), "", 0, 0, 0, true},
    {"libexec-dir", KIND_STRING, AT(libexec_dir), PKGLIBEXECDIR, 0, 0, 0, true},
    {"config", KIND_STRING, AT(config), "", 0, 0, 0, false},
    {"uprobes", KIND_CHOICE, AT(uprobes), UPROBES_WORDS, 0, 0, UPROBES_AUTO, true},
    {"hold", KIND_CHOICE, AT(hold), "auto|signal", 0, 0, OPTION_HOLD_AUTO, true},
    {"hold-limit", KIND_NUMBER, AT(hold_ms), NULL, 10, 1000, 50, true},
    {"audit-interval", KIND_NUMBER, AT(audit_s), NULL, 1, 3600, 10, true},
    {"process-timeout", KIND_NUMBER, AT(timeout_s), NULL, 1, 60, 5, true},
    {"skip-path", KIND_LIST, AT(skip_paths), NULL, 0, 0, 0, true},
    {"skip-cgroup", KIND_LIST, AT(skip_cgroups), NULL, 0, 0, 0, true},
    {"skip-user", KIND_LIST, AT(skip_users), NULL, 0, 0, 0, true},
    {"query-group", KIND_STRING, AT(query_group), "", 0, 0, 0, true},
    {"entry-jumps", KIND_SWITCH, AT(entry_jumps), "yes", 0, 0, 0, true},
    {"enable", KIND_SWITCH, AT(enable), "yes", 0, 0, 0, true},
    {"trust-parents", KIND_FLAG, AT(trust_parents), NULL, 0, 0, 0, false},
    {"foreground", KIND_FLAG, AT(foreground), NULL, 0, 0, 0, false},
    {"verbose", KIND_FLAG, AT(verbose), NULL, 0, 0, 0, false},
    {"help", KIND_FLAG, AT(help), NULL, 0, 0, 0, false},
    {"version", KIND_FLAG, AT(version), NULL, 0, 0, 0, false},
};
#define ENTRY_COUNT (sizeof(entries) / sizeof(entries[0]))

#define DEFAULT_CONFIG "/etc/syscare/syscared.conf"
#define CONFIG_MAX 65536

static void *member_of(struct options *options, const struct option_entry *entry)
{
    return (char *)options + entry->offset;
}

/* strtoul takes signs and white space; a setting may have neither. */
static int set_number(unsigned *value, const struct option_entry *entry, const char *text,
                      struct sc_error **err)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno || end == text || *end || !isdigit((unsigned char)*text) || number < entry->min ||
        number > entry->max)
        return sc_error_set(err, SC_USAGE, "%s: %s is not a number from %u to %u", entry->name,
                            text, entry->min, entry->max);
    *value = (unsigned)number;
    return 0;
}

/* A misspelt "off" must not leave on what was to be switched off. */
static int set_switch(bool *value, const struct option_entry *entry, const char *text,
                      struct sc_error **err)
{
    *value = strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    if (!*value && strcmp(text, "no") != 0 && strcmp(text, "0") != 0)
        return sc_error_set(err, SC_USAGE, "%s: \"%s\" is neither yes nor no", entry->name, text);
    return 0;
}

/* One of the words of the entry; its number is the value. */
static int set_choice(unsigned *value, const struct option_entry *entry, const char *text,
                      struct sc_error **err)
{
    size_t size = strlen(text);
    unsigned number = 0;

    for (const char *word = entry->text; *word; number++) {
        size_t length = strcspn(word, "|");

        if (length == size && strncmp(word, text, size) == 0) {
            *value = number;
            return 0;
        }
        word += length + (word[length] == '|');
    }
    return sc_error_set(err, SC_USAGE, "%s: \"%s\" is none of %s", entry->name, text, entry->text);
}

/* Lists grow with each setting; everything else is replaced by a later one. */
static int set_option(struct options *options, const struct option_entry *entry, const char *text,
                      struct sc_error **err)
{
    void *member = member_of(options, entry);

    switch (entry->kind) {
    case KIND_STRING:
        free(*(char **)member);
        *(char **)member = sc_format("%s", text);
        return 0;
    case KIND_NUMBER:
        return set_number(member, entry, text, err);
    case KIND_LIST:
        string_list_add(member, text);
        return 0;
    case KIND_FLAG:
        *(bool *)member = true;
        return 0;
    case KIND_SWITCH:
        return set_switch(member, entry, text, err);
    case KIND_CHOICE:
        return set_choice(member, entry, text, err);
    }
    return -1;
}

/* From the table, so that --help, file and defaults cannot differ. */
static void set_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if (entries[i].kind == KIND_STRING)
            *(char **)member_of(options, &entries[i]) = sc_format("%s", entries[i].text);
        if (entries[i].kind == KIND_NUMBER || entries[i].kind == KIND_CHOICE)
            *(unsigned *)member_of(options, &entries[i]) = entries[i].number;
        if (entries[i].kind == KIND_SWITCH)
            *(bool *)member_of(options, &entries[i]) = strcmp(entries[i].text, "yes") == 0;
    }
}

/* True if a name in the file is the setting's; '_' may stand for '-'. */
static bool is_named(const struct option_entry *entry, const char *name)
{
    size_t i = 0;

    while (name[i] && (name[i] == '_' ? '-' : name[i]) == entry->name[i])
        i++;
    return !name[i] && !entry->name[i];
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text + strspn(text, " \t");
}

/* One line of the file: "name = value", a comment, or nothing. */
static int read_line(struct options *options, char *line, struct sc_error **err)
{
    char *equals = strchr(line, '=');
    const char *name;

    line = trim(line);
    if (*line == '\0' || *line == '#')
        return 0;
    if (!equals)
        return sc_error_set(err, SC_USAGE, "\"%s\" is not \"name = value\"", line);
    *equals = '\0';
    name = trim(line);
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (entries[i].in_file && is_named(&entries[i], name))
            return set_option(options, &entries[i], trim(equals + 1), err);
    return sc_error_set(err, SC_USAGE, "there is no setting \"%s\"", name);
}

/* A mistake is told with its line; the daemon does not start with half of its settings. */
static int read_file(struct options *options, const char *path, struct sc_error **err)
{
    cleanup_free char *text = NULL;
    char *line, *rest;
    unsigned number = 0;
    size_t size;

    if (sc_file_read(path, CONFIG_MAX, &text, &size, err) < 0)
        return -1;
    rest = text;
    while ((line = strsep(&rest, "\n"))) {
        number++;
        if (read_line(options, line, err) < 0)
            return sc_error_wrap(err, "%s:%u", path, number);
    }
    return 0;
}

/* Walks the command line: with only == "config" to find the file, then for everything else. */
static int read_arguments(struct options *options, int argc, char **argv, const char *only,
                          struct sc_error **err)
{
    struct option table[ENTRY_COUNT + 1];
    int index, c;

    memset(table, 0, sizeof(table));
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        table[i].name = entries[i].name;
        table[i].has_arg = entries[i].kind == KIND_FLAG ? no_argument : required_argument;
    }
    optind = 0; /* glibc: start again */
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", table, &index)) != -1) {
        if (c != 0)
            return sc_error_set(err, SC_USAGE, "%s: unknown option, or its value is missing",
                                argv[optind - 1]);
        if (!!only == (strcmp(entries[index].name, "config") == 0) &&
            set_option(options, &entries[index], optarg, err) < 0)
            return -1;
    }
    if (optind < argc)
        return sc_error_set(err, SC_USAGE, "unexpected argument %s", argv[optind]);
    return 0;
}

/* Directories become absolute, so that messages and restarts mean the same place. */
static int make_absolute(struct options *options, struct sc_error **err)
{
    cleanup_free char *here = getcwd(NULL, 0);

    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        char **member = member_of(options, &entries[i]);
        char *absolute;

        if (entries[i].kind != KIND_STRING || entries[i].offset == AT(query_group) ||
            **member == '/' || **member == '\0')
            continue;
        if (!here)
            return sc_error_errno(err, "getcwd");
        absolute = sc_format("%s/%s", here, *member);
        free(*member);
        *member = absolute;
    }
    return 0;
}

/* The number of a user given by name or number. 0, or -1: there is none. */
static int find_user(const char *text, uid_t *user)
{
    const struct passwd *entry;
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (isdigit((unsigned char)*text) && *end == '\0' && number < (uid_t)-1) {
        *user = (uid_t)number;
        return 0;
    }
    entry = getpwnam(text);
    if (!entry)
        return -1;
    *user = entry->pw_uid;
    return 0;
}

/* Names become numbers. One that is misspelt must not be patched silently. */
static int resolve_users(struct string_list *users, struct sc_error **err)
{
    for (size_t i = 0; i < users->count; i++) {
        uid_t user;

        if (find_user(users->items[i], &user) < 0)
            return sc_error_set(err, SC_USAGE, "skip-user: there is no user %s", users->items[i]);
        free(users->items[i]);
        users->items[i] = sc_format("%u", (unsigned)user);
    }
    return 0;
}

int options_read(struct options *options, int argc, char **argv, struct sc_error **err)
{
    set_defaults(options);
    if (read_arguments(options, argc, argv, "config", err) < 0)
        return -1;
    if (options->config[0]) {
        if (read_file(options, options->config, err) < 0)
            return -1;
    } else if (sc_file_exists(DEFAULT_CONFIG) && read_file(options, DEFAULT_CONFIG, err) < 0) {
        return -1;
    }
    if (read_arguments(options, argc, argv, NULL, err) < 0)
        return -1;
    if (resolve_users(&options->skip_users, err) < 0)
        return -1;
    if (strcmp(options->root, "/") == 0)
        options->root[0] = '\0';
    return make_absolute(options, err);
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if (entries[i].kind == KIND_STRING)
            free(*(char **)member_of(options, &entries[i]));
        if (entries[i].kind == KIND_LIST)
            string_list_clear(member_of(options, &entries[i]));
    }
}

const char *options_help(void)
{
    return "Usage: syscared [OPTION]...\n"
           "Keeps live patches applied in all processes of this host.\n\n"
           "  --config FILE          settings [" DEFAULT_CONFIG "]\n"
           "  --run-dir DIR          socket and pid file [/run/syscare]\n"
           "  --state-dir DIR        state and copies of what is applied [/var/lib/syscare]\n"
           "  --patch-dir DIR        installed patches [/usr/lib/syscare/patches]\n"
           "  --bpffs DIR            where BPF objects are pinned [/sys/fs/bpf/syscare]\n"
           "  --root DIR             prefix of installed files and of the RPM database\n"
           "  --libexec-dir DIR      where syscare-inject is\n"
           "  --uprobes WAY          how first calls are noticed: auto, multi-hold, perf-hold,\n"
           "                         perf-async, perf-plain or sample [auto]\n"
           "  --hold auto|signal     signal: where BPF cannot hold first callers, SIGSTOP them "
           "[auto]\n"
           "  --hold-limit MS        longest wait of a first caller, 10..1000 [50]\n"
           "  --audit-interval S     seconds between audits, 1..3600 [10]\n"
           "  --process-timeout S    longest try at one process, 1..60 [5]\n"
           "  --skip-path GLOB       leave processes of these executables alone; repeatable\n"
           "  --skip-cgroup GLOB     leave processes of these cgroups alone; repeatable\n"
           "  --skip-user USER       leave processes of these users alone; repeatable\n"
           "  --query-group GROUP    may ask for list, info, target, status and check\n"
           "  --entry-jumps yes|no   no: refuse patches with a jump at a function's first byte "
           "[yes]\n"
           "  --enable yes|no        no: end at once, and touch nothing [yes]\n"
           "  --trust-parents        whoever owns the directories above those given\n"
           "  --foreground           log to stderr\n"
           "  --verbose              log more\n"
           "  --help, --version\n";
}

bool options_kill_switch(const char *cmdline)
{
    static const char word[] = "syscare.enable=";
    const char *at = cmdline;
    bool off = false;

    while ((at = strstr(at, word))) {
        bool starts = at == cmdline || isspace((unsigned char)at[-1]);

        at += strlen(word);
        if (starts)
            off = *at == '0' && (at[1] == '\0' || isspace((unsigned char)at[1]));
    }
    return off;
}
