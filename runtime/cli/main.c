// SPDX-License-Identifier: GPL-2.0-or-later
// syscare: the command that manages live patches, and finds the other commands of the family.
#include "config.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "runtime/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const struct cli_verb verbs[] = {
    {"list", cli_print_list, false, "", "all patches and their states"},
    {"info", cli_print_info, true, "", "what a patch says of itself"},
    {"target", cli_print_target, true, "", "the package that a patch is for"},
    {"status", cli_print_status, true, "", "state of a patch; with -v every process"},
    {"check", NULL, true, "", "could the patch be applied here? changes nothing"},
    {"apply", NULL, true, "fdkt", "load and activate"},
    {"active", NULL, true, "fdkt", "switch a loaded patch on"},
    {"deactive", NULL, true, "dkt", "switch a patch off, and keep it loaded"},
    {"accept", NULL, true, "dkt", "apply it again after the next boot"},
    {"remove", NULL, true, "dkt", "take it back and forget it"},
    {"save", NULL, false, "d", "write down all states"},
    {"restore", NULL, false, "dta", "bring about the states that were written down"},
    {"rescan", NULL, false, "", "look at the patch directory again"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* An option that takes no value, and where it goes. */
struct cli_flag {
    const char *name, *short_name;
    char letter; /* in cli_verb.options; 0: with every verb */
    bool *value;
    bool set_to;
};

/* Made from the table of verbs, so that it cannot lag behind. */
static void print_help(void)
{
    puts("Usage: syscare [-v] [--json] [--no-color] [--run-dir DIR] COMMAND [ARGUMENT]...\n"
         "Manages live patches of running programs.\n\nCommands:");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-9s%-7s %s\n", verbs[i].name, verbs[i].takes_ids ? " ID..." : "", verbs[i].help);
    puts("  build            make a patch package (syscare build --help)\n"
         "  report           collect what support needs into a tar archive\n"
         "  any other word   runs syscare-<word> from the libexec directory\n\n"
         "Options:\n"
         "  -v, --verbose    more detail\n"
         "      --json       the answer as JSON\n"
         "      --no-color   no colours\n"
         "      --run-dir DIR  where the daemon's socket is [/run/syscare]\n"
         "  -f, --force      apply, active: also over a patch of which it replaces only some\n"
         "                   functions; other checks cannot be skipped\n"
         "      --dry-run    only checks\n"
         "      --keep-going each ID for itself, not all or none\n"
         "      --timeout S  how long to try, 1..3600 [60]\n"
         "      --accepted   restore: only accepted patches\n"
         "      --help, --version\n\n"
         "ID: <name-ver-rel>/<PATCH-ver-rel>/<elf>, <name-ver-rel>/<PATCH-ver-rel>, <PATCH>,\n"
         "<name-ver-rel>, a uuid, or a pattern of these.\n"
         "Exit status: 0 done, 1 failed, 2 usage, 3 refused as unsafe, 5 done in part.");
}

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* The value of "--name VALUE" or "--name=VALUE" at argv[*index]; NULL if it is another option. */
static const char *option_value(char **argv, int *index, const char *name, struct sc_error **err)
{
    size_t length = strlen(name);

    if (strncmp(argv[*index], name, length) != 0)
        return NULL;
    if (argv[*index][length] == '=')
        return argv[*index] + length + 1;
    if (argv[*index][length] != '\0')
        return NULL;
    if (!argv[*index + 1]) {
        sc_error_set(err, SC_USAGE, "%s needs a value", name);
        return NULL;
    }
    return argv[++*index];
}

/* Checked here too: the mistake is then told without a daemon. */
static int set_timeout(struct cli *cli, const char *text, struct sc_error **err)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno || !isdigit((unsigned char)*text) || *end || number < 1 || number > 3600)
        return sc_error_set(err, SC_USAGE,
                            "--timeout: %s is not a number of seconds from 1 to 3600", text);
    cli->timeout_s = (unsigned)number;
    return 0;
}

/* An option without a value. 0, or -1 with err set when there is none of that name here. */
static int read_flag(struct cli *cli, const char *text, const struct cli_verb *verb,
                     struct sc_error **err)
{
    const struct cli_flag flags[] = {
        {"--verbose", "-v", 0, &cli->verbose, true},
        {"--json", "", 0, &cli->json, true},
        {"--no-color", "", 0, &cli->color, false},
        {"--force", "-f", 'f', &cli->force, true},
        {"--dry-run", "", 'd', &cli->dry_run, true},
        {"--keep-going", "", 'k', &cli->keep_going, true},
        {"--accepted", "", 'a', &cli->accepted, true},
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(text, flags[i].name) != 0 && strcmp(text, flags[i].short_name) != 0)
            continue;
        if (flags[i].letter && (!verb || !strchr(verb->options, flags[i].letter)))
            return sc_error_set(err, SC_USAGE, "%s: not an option of %s", text,
                                verb ? verb->name : "syscare itself");
        *flags[i].value = flags[i].set_to;
        return 0;
    }
    return sc_error_set(err, SC_USAGE, "unknown option %s (see syscare --help)", text);
}

/* Reads the option at argv[*index]. */
static int read_option(struct cli *cli, char **argv, int *index, const struct cli_verb *verb,
                       struct sc_error **err)
{
    cleanup_error struct sc_error *missing = NULL;
    const char *value = option_value(argv, index, "--run-dir", &missing);

    if (value) {
        cli->run_dir = value;
        return 0;
    }
    if (!missing && verb && strchr(verb->options, 't')) {
        value = option_value(argv, index, "--timeout", &missing);
        if (value)
            return set_timeout(cli, value, err);
    }
    if (missing)
        return sc_error_set(err, SC_USAGE, "%s", missing->message);
    return read_flag(cli, argv[*index], verb, err);
}

/* What comes after the verb. */
static int read_arguments(struct cli *cli, char **argv, const struct cli_verb *verb,
                          struct sc_error **err)
{
    bool only_ids = false;

    for (int i = 0; argv[i]; i++) {
        if (!only_ids && strcmp(argv[i], "--") == 0)
            only_ids = true;
        else if (!only_ids && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (read_option(cli, argv, &i, verb, err) < 0)
                return -1;
        } else if (!verb->takes_ids)
            return sc_error_set(err, SC_USAGE, "%s takes no patches", verb->name);
        else
            string_list_add(&cli->ids, argv[i]);
    }
    if (verb->takes_ids && cli->ids.count == 0)
        return sc_error_set(err, SC_USAGE, "which patch? usage: syscare %s ID...", verb->name);
    return 0;
}

static void print_lines(FILE *to, const char *prefix, struct json_object *lines)
{
    for (size_t i = 0; i < json_object_array_length(lines); i++)
        fprintf(to, "%s%s\n", prefix, json_object_get_string(json_object_array_get_idx(lines, i)));
}

/* Data and messages to stdout, errors to stderr. With --json everything is in the one value. */
static int show_answer(const struct cli *cli, const struct cli_verb *verb,
                       struct json_object *answer)
{
    uint64_t status = SC_FAILED;

    sc_json_u64(answer, "status", &status, NULL);
    if (cli->json) {
        puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PRETTY |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
        return (int)status;
    }
    if (verb->print && (status == SC_OK || status == SC_PARTIAL))
        verb->print(cli, sc_json_object(answer, "data", NULL));
    print_lines(stdout, "", sc_json_array(answer, "messages", NULL));
    fflush(stdout);
    print_lines(stderr, "syscare: ", sc_json_array(answer, "errors", NULL));
    return (int)status;
}

/* A verb of the daemon: arguments, question, answer. */
static int run_verb(struct cli *cli, const struct cli_verb *verb, char **argv,
                    struct sc_error **err)
{
    cleanup_json struct json_object *answer = NULL;

    if (read_arguments(cli, argv, verb, err) < 0)
        return -1;
    answer = cli_ask(cli, verb->name, err);
    return answer ? show_answer(cli, verb, answer) : -1;
}

/* True if the word can be part of a program's name without leading out of the directory. */
static bool is_word(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

/* syscare WORD: the program syscare-WORD. Returns only on failure. */
static int run_other(char **argv, struct sc_error **err)
{
    const char *dir = getenv("SYSCARE_LIBEXECDIR");
    cleanup_free char *path =
        sc_format("%s/syscare-%s", dir && *dir ? dir : PKGLIBEXECDIR, argv[0]);
    char *word = argv[0];

    if (!is_word(word))
        return sc_error_set(err, SC_USAGE, "there is no command %s (see syscare --help)", word);
    argv[0] = path;
    execv(path, argv);
    if (errno == ENOENT)
        return sc_error_set(err, SC_USAGE,
                            "there is no command %s (see syscare --help; %s does not exist)", word,
                            path);
    return sc_error_errno(err, "cannot run %s", path);
}

/* The options before the verb, then the verb. Returns the exit status, or -1 with err set. */
static int run(struct cli *cli, char **argv, struct sc_error **err)
{
    const struct cli_verb *verb;
    int i = 1;

    for (; argv[i] && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return SC_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("syscare " PACKAGE_VERSION);
            return SC_OK;
        }
        if (read_option(cli, argv, &i, NULL, err) < 0)
            return -1;
    }
    if (!argv[i])
        return sc_error_set(err, SC_USAGE, "no command (see syscare --help)");
    verb = find_verb(argv[i]);
    if (!verb)
        return run_other(argv + i, err);
    if (argv[i + 1] && strcmp(argv[i + 1], "--help") == 0) {
        printf("Usage: syscare %s%s\n%s (see syscare(1))\n", verb->name,
               verb->takes_ids ? " ID..." : "", verb->help);
        return SC_OK;
    }
    return run_verb(cli, verb, argv + i + 1, err);
}

int main(int argc, char **argv)
{
    const char *run_dir = getenv("SYSCARE_RUN_DIR");
    cleanup_error struct sc_error *err = NULL;
    struct cli cli = {.run_dir = run_dir && *run_dir ? run_dir : CLI_RUN_DIR};
    int status;

    (void)argc;
    cli.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    status = run(&cli, argv, &err);
    if (status < 0) {
        fprintf(stderr, "syscare: %s\n", err->message);
        status = sc_error_status(err);
    }
    string_list_clear(&cli.ids);
    return status;
}
