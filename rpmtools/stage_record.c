// SPDX-License-Identifier: GPL-2.0-or-later
// Writes down how rpmbuild was started, from what, and with which compilers.
#include "rpmtools/stage.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "rpmtools/capture.h"
#include "rpmtools/srpm.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CMDLINE_MAX (4u << 20)
#define MACROS_MAX (16u << 20)

/* --- between the stages ---------------------------------------------------------------------- */

struct json_object *stage_state_read(const struct stage *stage, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/state.json", stage->work);

    return sc_json_read(path, err);
}

int stage_state_write(const struct stage *stage, struct json_object *state, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/state.json", stage->work);

    return sc_json_write(path, state, err);
}

/* --- the command line of rpmbuild ------------------------------------------------------------ */

/* The words of our parent: the stages are its children, with its working directory. */
static int parent_words(struct string_list *words, struct sc_error **err)
{
    cleanup_free char *path = sc_format("/proc/%d/cmdline", (int)getppid());
    cleanup_file FILE *file = fopen(path, "r");
    cleanup_free char *word = NULL;
    size_t size = 0;

    if (!file)
        return sc_error_errno(err, "%s", path);
    while (getdelim(&word, &size, '\0', file) > 0)
        string_list_add(words, word);
    return 0;
}

/* True for what belongs to this run of rpmbuild only: where things are, and our own hooks. */
static bool is_own_define(const char *define)
{
    static const char *const names[] = {"_topdir",    "_builddir", "_buildrootdir",
                                        "_sourcedir", "_specdir",  "_rpmdir",
                                        "_srcrpmdir", "_tmppath",  "_smp_build_ncpus"};
    size_t length;

    define += strspn(define, " \t");
    length = strcspn(define, " \t(");
    if (strncmp(define, "__spec_", 7) == 0 || strncmp(define, "_syscare", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strlen(names[i]) == length && strncmp(define, names[i], length) == 0)
            return true;
    return false;
}

/* The value of option at *i, as "--option value" or "--option=value"; NULL for another word. */
static const char *value_of(const struct string_list *words, size_t *i, const char *option)
{
    const char *word = words->items[*i];
    size_t length = strlen(option);

    if (strncmp(word, option, length) != 0)
        return NULL;
    if (word[length] == '=')
        return word + length + 1;
    return word[length] || *i + 1 >= words->count ? NULL : words->items[++*i];
}

static void append(struct json_object *object, const char *name, const char *text)
{
    struct json_object *array = NULL;

    if (json_object_object_get_ex(object, name, &array))
        json_object_array_add(array, json_object_new_string(text));
}

/* Adds a macro file's text to what is there: several may be loaded. */
static int add_macros(struct json_object *settings, const char *path, struct sc_error **err)
{
    const char *before = sc_json_string_optional(settings, "macros", "");
    cleanup_free char *text = NULL;
    cleanup_free char *both = NULL;
    size_t size;

    if (sc_file_read(path, MACROS_MAX, &text, &size, err) < 0)
        return -1;
    both = sc_format("%s%s%s", before, *before ? "\n" : "", text);
    sc_json_add_string(settings, "macros", both);
    return 0;
}

/* rpmbuild(8): what decides how the package is built. */
struct json_object *stage_settings(struct sc_error **err)
{
    cleanup_strings struct string_list words = {0};
    struct json_object *settings = json_object_new_object();
    int result = parent_words(&words, err);

    json_object_object_add(settings, "defines", json_object_new_array());
    json_object_object_add(settings, "with", json_object_new_array());
    json_object_object_add(settings, "without", json_object_new_array());
    json_object_object_add(settings, "macros", NULL);
    for (size_t i = 1; i < words.count && result == 0; i++) {
        const char *value;

        if ((value = value_of(&words, &i, "--define")) || (value = value_of(&words, &i, "-D"))) {
            if (!is_own_define(value))
                append(settings, "defines", value);
        } else if ((value = value_of(&words, &i, "--with"))) {
            append(settings, "with", value);
        } else if ((value = value_of(&words, &i, "--without"))) {
            append(settings, "without", value);
        } else if ((value = value_of(&words, &i, "--load"))) {
            result = add_macros(settings, value, err);
        }
    }
    if (result == 0)
        return settings;
    json_object_put(settings);
    return NULL;
}

/* --- sources --------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length > size && strcmp(text + length - size, end) == 0;
}

/* The spec: named on rpmbuild's command line, or in the source package that is named there. */
static char *find_spec(const struct stage *stage)
{
    cleanup_strings struct string_list words = {0};

    if (parent_words(&words, NULL) < 0)
        return NULL;
    for (size_t i = words.count; i-- > 1;) {
        if (ends_with(words.items[i], ".spec"))
            return sc_format("%s", words.items[i]);
        if (ends_with(words.items[i], ".src.rpm") || ends_with(words.items[i], ".nosrc.rpm")) {
            cleanup_rpm struct rpm_package *package = rpm_package_read(words.items[i], NULL);

            return package && package->spec ? sc_format("%s/%s", stage->specdir, package->spec)
                                            : NULL;
        }
    }
    return NULL;
}

static int add_source(struct json_object *sources, const char *path, struct sc_error **err)
{
    struct json_object *source = json_object_new_object();
    const char *slash = strrchr(path, '/');
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    json_object_array_add(sources, source);
    if (sc_digest_file(path, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    sc_json_add_string(source, "name", slash ? slash + 1 : path);
    sc_json_add_string(source, "sha256", hex);
    return 0;
}

/* A source that is not there (NoSource) cannot be compared later. */
struct json_object *stage_sources(const struct stage *stage, struct sc_error **err)
{
    struct json_object *sources = json_object_new_array();
    cleanup_free char *spec = find_spec(stage);
    int result = spec && sc_file_exists(spec) ? add_source(sources, spec, err) : 0;

    for (size_t i = 0; i < stage->sources.count && result == 0; i++)
        if (sc_file_exists(stage->sources.items[i]))
            result = add_source(sources, stage->sources.items[i], err);
    if (result == 0)
        return sources;
    json_object_put(sources);
    return NULL;
}

/* --- compilers ------------------------------------------------------------------------------- */

/* capture/tools/<target>/<version>/: what the shims of this build stand for. */
static int add_compiler(struct json_object *compilers, const char *tools, const char *target,
                        const char *version, struct sc_error **err)
{
    cleanup_free char *cc1 = sc_format("%s/%s/%s/cc1", tools, target, version);
    cleanup_free char *file = sc_format("%s/%s/%s/version", tools, target, version);
    cleanup_free char *full = NULL;
    struct json_object *compiler;
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    size_t size;

    if (!sc_file_exists(cc1))
        return 0;
    if (sc_file_read(file, 4096, &full, &size, err) < 0 || sc_digest_file(cc1, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    compiler = json_object_new_object();
    sc_json_add_string(compiler, "target", target);
    sc_json_add_string(compiler, "version", version);
    sc_json_add_string(compiler, "full_version", full);
    sc_json_add_string(compiler, "sha256", hex);
    json_object_array_add(compilers, compiler);
    return 0;
}

/* Calls visit for the names in a directory, in their order. */
static int each_name(const char *path,
                     int (*visit)(const char *name, void *data, struct sc_error **), void *data,
                     struct sc_error **err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), result = 0;

    if (count < 0)
        return sc_error_errno(err, "%s", path);
    for (int i = 0; i < count; i++) {
        if (result == 0 && entries[i]->d_name[0] != '.')
            result = visit(entries[i]->d_name, data, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

struct compiler_walk {
    const char *tools, *target;
    struct json_object *compilers;
};

static int visit_version(const char *name, void *data, struct sc_error **err)
{
    struct compiler_walk *walk = data;

    return add_compiler(walk->compilers, walk->tools, walk->target, name, err);
}

static int visit_target(const char *name, void *data, struct sc_error **err)
{
    struct compiler_walk *walk = data;
    cleanup_free char *path = sc_format("%s/%s", walk->tools, name);

    walk->target = name;
    return each_name(path, visit_version, walk, err);
}

/* --- capture.json ---------------------------------------------------------------------------- */

static struct json_object *package_json(const struct stage *stage)
{
    struct json_object *package = json_object_new_object();

    sc_json_add_string(package, "name", stage->package);
    sc_json_add_string(package, "epoch", stage->epoch && *stage->epoch ? stage->epoch : NULL);
    sc_json_add_string(package, "version", stage->version);
    sc_json_add_string(package, "release", stage->release);
    sc_json_add_string(package, "arch", stage->arch);
    return package;
}

/* A member of state that goes into the header as it is. */
static void move_member(struct json_object *header, struct json_object *state, const char *name)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(state, name, &value);
    json_object_object_add(header, name, json_object_get(value));
}

struct json_object *stage_header(const struct stage *stage, struct json_object *state,
                                 struct sc_error **err)
{
    cleanup_free char *tools = sc_format("%s/tools", stage->capture);
    struct json_object *header = json_object_new_object();
    struct compiler_walk walk = {.tools = tools, .compilers = json_object_new_array()};
    struct utsname host;

    uname(&host);
    sc_json_add_u64(header, "version", 1);
    json_object_object_add(header, "package", package_json(stage));
    sc_json_add_string(header, "build_directory", stage->builddir);
    sc_json_add_string(header, "source_directory", *stage->subdir ? stage->subdir : ".");
    sc_json_add_string(header, "build_root", stage->buildroot);
    sc_json_add_string(header, "host", host.nodename);
    sc_json_add_string(header, "source_date", getenv("SOURCE_DATE_EPOCH"));
    move_member(header, state, "settings");
    move_member(header, state, "sources");
    json_object_object_add(header, "compilers", walk.compilers);
    sc_json_add_u64(header, "build_links", capture_count_links(stage->capture));
    if (each_name(tools, visit_target, &walk, err) == 0)
        return header;
    json_object_put(header);
    return NULL;
}
