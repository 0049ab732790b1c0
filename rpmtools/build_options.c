// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and checks the command line of `syscare build`.
#include "rpmtools/build_options.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/patch_info.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Long options without a letter. */
enum option_code {
    OPTION_ARCH = 256,
    OPTION_VERSION,
    OPTION_RELEASE,
    OPTION_DESCRIPTION,
    OPTION_REQUIRES,
    OPTION_CVE,
    OPTION_CAPTURE,
    OPTION_SAVE_CAPTURE,
    OPTION_MACROS,
    OPTION_WITH,
    OPTION_WITHOUT,
    OPTION_BUILD_ROOT,
    OPTION_SKIP_COMPILER_CHECK,
    OPTION_NO_ENTRY_JUMPS,
    OPTION_SKIP_CLEANUP,
    OPTION_EXPLAIN,
    OPTION_JSON,
    OPTION_FULL,
    OPTION_NODEPS,
};

static const struct option long_options[] = {
    {"patch-name", required_argument, NULL, 'n'},
    {"source", required_argument, NULL, 's'},
    {"source-rpm", required_argument, NULL, 's'},
    {"debuginfo", required_argument, NULL, 'd'},
    {"patch", required_argument, NULL, 'p'},
    {"capture", required_argument, NULL, OPTION_CAPTURE},
    {"save-capture", required_argument, NULL, OPTION_SAVE_CAPTURE},
    {"patch-arch", required_argument, NULL, OPTION_ARCH},
    {"patch-version", required_argument, NULL, OPTION_VERSION},
    {"patch-release", required_argument, NULL, OPTION_RELEASE},
    {"patch-description", required_argument, NULL, OPTION_DESCRIPTION},
    {"patch-requires", required_argument, NULL, OPTION_REQUIRES},
    {"cve", required_argument, NULL, OPTION_CVE},
    {"kconfig", required_argument, NULL, 'k'},
    {"define", required_argument, NULL, 'D'},
    {"rpm-macros", required_argument, NULL, OPTION_MACROS},
    {"with", required_argument, NULL, OPTION_WITH},
    {"without", required_argument, NULL, OPTION_WITHOUT},
    {"build-root", required_argument, NULL, OPTION_BUILD_ROOT},
    {"output", required_argument, NULL, 'o'},
    {"jobs", required_argument, NULL, 'j'},
    {"skip-compiler-check", no_argument, NULL, OPTION_SKIP_COMPILER_CHECK},
    {"no-entry-jumps", no_argument, NULL, OPTION_NO_ENTRY_JUMPS},
    {"skip-cleanup", no_argument, NULL, OPTION_SKIP_CLEANUP},
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"json", no_argument, NULL, OPTION_JSON},
    {"full", no_argument, NULL, OPTION_FULL},
    {"nodeps", no_argument, NULL, OPTION_NODEPS},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Kept beside the table above: a test checks that every option of the one is in the other. */
const char *build_options_help(void)
{
    return "usage: syscare build -n NAME -s SRPM -d DEBUGINFO_RPM -p PATCH... [options]\n"
           "\n"
           "Builds a live patch for the programs and libraries of an RPM package.\n"
           "\n"
           "What to patch:\n"
           "  -n, --patch-name NAME           letters, digits, '_' and '.', no '-'\n"
           "  -s, --source, --source-rpm SRPM source package of the shipped build, or a patch\n"
           "                                  source package, which is continued with more "
           "patches\n"
           "  -d, --debuginfo RPM             debuginfo package of the shipped build; repeatable,\n"
           "                                  and the package itself may be given as well\n"
           "  -p, --patch FILE                unified diff, -p1; repeatable, in order\n"
           "      --capture FILE              capture made at the official build (rpmbuild\n"
           "                                  --define '_syscare 1'): the original is not built\n"
           "                                  again, and -d is not needed\n"
           "\n"
           "What is written into the patch:\n"
           "      --patch-arch ARCH           must be that of this machine\n"
           "      --patch-version VERSION     default 1\n"
           "      --patch-release RELEASE     default 1; cumulative builds raise it\n"
           "      --patch-description TEXT\n"
           "      --patch-requires CAP...     further requirements of the patch package\n"
           "      --cve ID...                 what is fixed, as CVE-2025-32023\n"
           "\n"
           "How the package is built (as it was for the shipped build):\n"
           "  -D, --define 'MACRO EXPR'       handed to rpmbuild; repeatable\n"
           "      --rpm-macros FILE           macro file, loaded by rpmbuild after its own\n"
           "      --with COND, --without COND handed to rpmbuild; repeatable\n"
           "      --build-root DIR            where to work, default .\n"
           "  -o, --output DIR                where the packages go, default .\n"
           "  -j, --jobs N                    default: all processors\n"
           "      --save-capture FILE         keep the build of the original for the next patch,\n"
           "                                  which takes it with --capture\n"
           "      --full                      build the patched package from the start\n"
           "      --nodeps                    do not check the build dependencies\n"
           "      --skip-compiler-check       go on with another compiler than the shipped "
           "build's\n"
           "      --no-entry-jumps            refuse functions whose jump would have to stand at "
           "their\n"
           "                                  first byte, where no uprobe may be\n"
           "      --skip-cleanup              keep the build directory\n"
           "\n"
           "What is shown:\n"
           "      --explain                   why each function is in the patch\n"
           "      --json                      the summary as JSON\n"
           "  -v, --verbose                   the output of the builds\n"
           "  -h, --help                      this text\n"
           "\n"
           "SOURCE_DATE_EPOCH in the environment is passed on to the builds: set it when the\n"
           "shipped build had it set.\n"
           "\n"
           "Exit status: 0 done, 1 failed, 2 usage, 3 refused as unsafe, 4 nothing to patch.\n";
}

static void replace_string(char **where, const char *text)
{
    free(*where);
    *where = sc_format("%s", text);
}

/* "CVE-a,CVE-b" is taken apart too. */
static void add_cves(struct string_list *cves, const char *text)
{
    cleanup_free char *copy = sc_format("%s", text);
    char *rest = NULL;

    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        string_list_add(cves, word);
}

/* strtol alone takes "", " 2", "2x": each of them is a slip of the user that must be told. */
static int set_jobs(struct build_options *options, const char *text, struct sc_error **err)
{
    char *end;

    errno = 0;
    options->jobs = strtol(text, &end, 10);
    if (errno || end == text || *end || options->jobs < 1 || options->jobs > 4096)
        return sc_error_set(err, SC_USAGE, "--jobs %s: a number from 1 to 4096 is needed", text);
    return 0;
}

/* One package: several are the form for kernel modules, and must not be half understood. */
static int set_source(struct build_options *options, const char *text, struct sc_error **err)
{
    if (options->source)
        return sc_error_set(err, SC_USAGE,
                            "several source packages were given: that is for kernel modules, which "
                            "this version does not patch");
    replace_string(&options->source, text);
    return 0;
}

/* Options that can have several values: "--cve A B". NULL for others. */
static struct string_list *list_of(struct build_options *options, int code)
{
    switch (code) {
    case 'd':
        return &options->debuginfo;
    case 'p':
        return &options->patches;
    case 'D':
        return &options->defines;
    case OPTION_REQUIRES:
        return &options->requires
        ;
    case OPTION_CVE:
        return &options->cves;
    case OPTION_WITH:
        return &options->with;
    case OPTION_WITHOUT:
        return &options->without;
    default:
        return NULL;
    }
}

/* Options with exactly one value, the last one given wins. NULL for others. */
static char **string_of(struct build_options *options, int code)
{
    switch (code) {
    case 'n':
        return &options->name;
    case 'o':
        return &options->output;
    case OPTION_ARCH:
        return &options->arch;
    case OPTION_VERSION:
        return &options->version;
    case OPTION_RELEASE:
        return &options->release;
    case OPTION_DESCRIPTION:
        return &options->description;
    case OPTION_CAPTURE:
        return &options->capture;
    case OPTION_SAVE_CAPTURE:
        return &options->save_capture;
    case OPTION_MACROS:
        return &options->macros;
    case OPTION_BUILD_ROOT:
        return &options->build_root;
    default:
        return NULL;
    }
}

/* Options without a value. NULL for others. */
static bool *flag_of(struct build_options *options, int code)
{
    switch (code) {
    case 'v':
        return &options->verbose;
    case 'h':
        return &options->help;
    case OPTION_SKIP_COMPILER_CHECK:
        return &options->skip_compiler_check;
    case OPTION_NO_ENTRY_JUMPS:
        return &options->no_entry_jumps;
    case OPTION_SKIP_CLEANUP:
        return &options->skip_cleanup;
    case OPTION_EXPLAIN:
        return &options->explain;
    case OPTION_JSON:
        return &options->json;
    case OPTION_FULL:
        return &options->full;
    case OPTION_NODEPS:
        return &options->no_deps;
    default:
        return NULL;
    }
}

/* By what an option holds, so that a new one is one line in one of the tables above. */
static int take_option(struct build_options *options, int code, const char *value,
                       struct sc_error **err)
{
    if (flag_of(options, code))
        *flag_of(options, code) = true;
    else if (string_of(options, code))
        replace_string(string_of(options, code), value);
    else if (code == OPTION_CVE)
        add_cves(&options->cves, value);
    else if (list_of(options, code))
        string_list_add(list_of(options, code), value);
    else if (code == 'j')
        return set_jobs(options, value, err);
    else if (code == 's')
        return set_source(options, value, err);
    else if (code == 'k')
        return sc_error_set(err, SC_USAGE,
                            "--kconfig is for kernel patches, which this version does not build");
    else
        return sc_error_set(err, SC_USAGE, "unknown option");
    return 0;
}

/* The option as the user wrote it, for messages. */
static const char *option_text(char **argv)
{
    return optind > 0 && argv[optind - 1] ? argv[optind - 1] : "?";
}

/* getopt_long(3) with our own messages: its own name neither the program nor what to do. */
static int take_words(struct build_options *options, int argc, char **argv, struct sc_error **err)
{
    int code, last = 0;

    opterr = 0;
    /* "-": words that are no options come in their place, so that "--cve A B" can be told */
    while ((code = getopt_long(argc, argv, "-:n:s:d:p:k:D:o:j:vh", long_options, NULL)) != -1) {
        if (code == '?')
            return sc_error_set(err, SC_USAGE, "unknown option %s", option_text(argv));
        if (code == ':')
            return sc_error_set(err, SC_USAGE, "%s needs a value", option_text(argv));
        if (code == 1 && !list_of(options, last))
            return sc_error_set(err, SC_USAGE, "what is '%s' for?", optarg);
        if (code != 1)
            last = code;
        if (take_option(options, last, optarg, err) < 0)
            return -1;
    }
    if (optind < argc)
        return sc_error_set(err, SC_USAGE, "what is '%s' for?", argv[optind]);
    return 0;
}

/* Those that we may run on: a container or taskset(1) may have given us fewer than there are. */
static long processor_count(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* A number after "CVE-", four or more after the year: only then tools find it again. */
static bool is_cve(const char *text)
{
    if (strncmp(text, "CVE-", 4) != 0 || strspn(text + 4, "0123456789") != 4 || text[8] != '-')
        return false;
    return strlen(text + 9) >= 4 && strspn(text + 9, "0123456789") == strlen(text + 9);
}

/* Macro definitions as rpmbuild takes them: a name, then anything. */
static bool is_define(const char *text)
{
    size_t name = 0;

    while (isalnum((unsigned char)text[name]) || text[name] == '_')
        name++;
    return name > 0 && (text[name] == ' ' || text[name] == '\t' || text[name] == '(') &&
           !isdigit((unsigned char)text[0]);
}

static int check_lists(const struct build_options *options, struct sc_error **err)
{
    for (size_t i = 0; i < options->cves.count; i++)
        if (!is_cve(options->cves.items[i]))
            return sc_error_set(err, SC_USAGE, "--cve %s: it must look like CVE-2025-32023",
                                options->cves.items[i]);
    for (size_t i = 0; i < options->defines.count; i++)
        if (!is_define(options->defines.items[i]))
            return sc_error_set(err, SC_USAGE, "--define '%s': it must be 'MACRO EXPR'",
                                options->defines.items[i]);
    return 0;
}

/* In the order of the usage line, so that somebody who learns the command is led along it. */
static int check_words(struct build_options *options, struct sc_error **err)
{
    if (!options->name)
        return sc_error_set(err, SC_USAGE, "-n NAME is missing");
    if (!patch_name_valid(options->name))
        return sc_error_set(err, SC_USAGE,
                            "-n %s: a patch name is made of letters, digits, '_' and '.' (no '-'), "
                            "does not begin with '.', and has at most 64 characters",
                            options->name);
    if (!options->source)
        return sc_error_set(err, SC_USAGE, "-s SRPM is missing");
    if (!options->debuginfo.count && !options->capture)
        return sc_error_set(err, SC_USAGE,
                            "-d DEBUGINFO_RPM is missing: without it (or --capture) nothing proves "
                            "that the rebuilt package is the shipped one");
    if (options->capture && options->save_capture)
        return sc_error_set(err, SC_USAGE, "--save-capture: with --capture there is one already");
    if (!options->patches.count)
        return sc_error_set(err, SC_USAGE, "-p PATCH is missing");
    if (!patch_version_valid(options->version))
        return sc_error_set(err, SC_USAGE, "--patch-version %s is not a version of an RPM",
                            options->version);
    if (options->release && !patch_version_valid(options->release))
        return sc_error_set(err, SC_USAGE, "--patch-release %s is not a release of an RPM",
                            options->release);
    return check_lists(options, err);
}

/* Replaces a path by the absolute one of a regular file that can be read. */
static int find_file(char **path, const char *option, struct sc_error **err)
{
    char *absolute = realpath(*path, NULL);
    struct stat st;

    if (!absolute)
        return sc_error_errno(err, "%s %s", option, *path);
    free(*path);
    *path = absolute;
    if (stat(absolute, &st) < 0 || access(absolute, R_OK) < 0)
        return sc_error_errno(err, "%s %s", option, absolute);
    if (!S_ISREG(st.st_mode))
        return sc_error_set(err, SC_FAILED, "%s %s is not a regular file", option, absolute);
    return 0;
}

static int find_files(struct string_list *paths, const char *option, struct sc_error **err)
{
    for (size_t i = 0; i < paths->count; i++)
        if (find_file(&paths->items[i], option, err) < 0)
            return -1;
    return 0;
}

/* A directory, made when it is missing, by its absolute path without symbolic links. */
static int find_directory(char **path, const char *option, struct sc_error **err)
{
    char *absolute;

    if (sc_dir_make(*path, 0755, err) < 0)
        return sc_error_wrap(err, "%s", option);
    absolute = realpath(*path, NULL);
    if (!absolute)
        return sc_error_errno(err, "%s %s", option, *path);
    free(*path);
    *path = absolute;
    if (access(absolute, W_OK | X_OK) < 0)
        return sc_error_errno(err, "%s %s", option, absolute);
    return 0;
}

/* A file that will be made: its directory must be there. */
static int find_parent(char **path, struct sc_error **err)
{
    const char *slash = strrchr(*path, '/');
    cleanup_free char *parent =
        slash ? sc_format("%.*s/.", (int)(slash - *path), *path) : sc_format(".");
    cleanup_free char *absolute = realpath(parent, NULL);
    char *file;

    if (!absolute || access(absolute, W_OK | X_OK) < 0)
        return sc_error_errno(err, "--save-capture %s", *path);
    file = sc_format("%s/%s", absolute, slash ? slash + 1 : *path);
    free(*path);
    *path = file;
    return 0;
}

/* Absolute, because the builds run in other directories. */
static int find_paths(struct build_options *options, struct sc_error **err)
{
    if (find_file(&options->source, "-s", err) < 0 ||
        find_files(&options->debuginfo, "-d", err) < 0 ||
        find_files(&options->patches, "-p", err) < 0)
        return -1;
    if (options->macros && find_file(&options->macros, "--rpm-macros", err) < 0)
        return -1;
    if (options->capture && find_file(&options->capture, "--capture", err) < 0)
        return -1;
    if (options->save_capture && find_parent(&options->save_capture, err) < 0)
        return -1;
    if (find_directory(&options->build_root, "--build-root", err) < 0)
        return -1;
    return find_directory(&options->output, "--output", err);
}

/* Words before files: usage errors must not depend on what is on the disk. */
int build_options_parse(struct build_options *options, int argc, char **argv, struct sc_error **err)
{
    options->jobs = processor_count();
    if (take_words(options, argc, argv, err) < 0)
        return -1;
    if (options->help)
        return 0;
    options->version_given = options->version != NULL;
    if (!options->version)
        options->version = sc_format("1");
    if (!options->build_root)
        options->build_root = sc_format(".");
    if (!options->output)
        options->output = sc_format(".");
    if (check_words(options, err) < 0)
        return -1;
    return find_paths(options, err);
}

void build_options_clear(struct build_options *options)
{
    char **strings[] = {&options->name,    &options->version,     &options->release,
                        &options->arch,    &options->description, &options->source,
                        &options->macros,  &options->build_root,  &options->output,
                        &options->capture, &options->save_capture};
    struct string_list *lists[] = {&options->debuginfo, &options->patches, &options->requires,
                                   &options->cves,      &options->defines, &options->with,
                                   &options->without};

    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
        free(*strings[i]);
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        string_list_clear(lists[i]);
    memset(options, 0, sizeof(*options));
}
