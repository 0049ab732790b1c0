// SPDX-License-Identifier: GPL-2.0-or-later
// How the command shows what the daemon answered.
#include "lib/cleanup.h"
#include "lib/json_util.h"
#include "runtime/cli/cli.h"

#include <string.h>

/* A member as text; "" where it is missing, so that a newer daemon is no reason to fail. */
static const char *text_of(struct json_object *object, const char *name)
{
    return sc_json_string_optional(object, name, "");
}

/* A member that is a list; an empty one where it is missing. */
static struct json_object *list_of(struct json_object *object, const char *name, size_t *count)
{
    struct json_object *list = sc_json_array(object, name, NULL);

    *count = list ? json_object_array_length(list) : 0;
    return list;
}

/* Green for active patches, on a terminal only. */
static void print_status_word(const struct cli *cli, const char *status)
{
    bool active = strcmp(status, "ACTIVED") == 0 || strcmp(status, "ACCEPTED") == 0;

    if (cli->color && active)
        printf("\033[32m%s\033[0m\n", status);
    else
        printf("%s\n", status);
}

void cli_print_list(const struct cli *cli, struct json_object *data)
{
    size_t count;
    struct json_object *list = list_of(data, "patches", &count);
    int width = (int)strlen("Name");

    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(text_of(json_object_array_get_idx(list, i), "name"));

        width = length > width ? length : width;
    }
    printf("%-36s  %-*s  %s\n", "Uuid", width, "Name", "Status");
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        printf("%-36s  %-*s  ", text_of(item, "uuid"), width, text_of(item, "name"));
        print_status_word(cli, text_of(item, "status"));
    }
}

static void print_field(const char *name, const char *value)
{
    printf("%-13s %s\n", name, value);
}

/* One line for each text of a list, the name before the first. */
static void print_texts(const char *name, struct json_object *object, const char *member)
{
    size_t count;
    struct json_object *list = list_of(object, member, &count);

    for (size_t i = 0; i < count; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(list, i));

        printf("%-13s %s\n", i ? "" : name, text ? text : "");
    }
    if (count == 0)
        print_field(name, "");
}

/* The texts of a list on one line, if there are any. */
static void print_names(const char *head, struct json_object *object, const char *member)
{
    size_t count;
    struct json_object *list = list_of(object, member, &count);

    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? ", " : head, json_object_get_string(json_object_array_get_idx(list, i)));
    if (count)
        putchar('\n');
}

/* The patched files of a patch, a line each, with what else is known of them. */
static void print_entities(struct json_object *patch)
{
    size_t count;
    struct json_object *list = list_of(patch, "entities", &count);

    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        printf("%-13s %s %s %s\n", i ? "" : "entities:", text_of(item, "uuid"),
               text_of(item, "name"), text_of(item, "status"));
        print_texts("  functions:", item, "functions");
        print_names("  jump at the entry (fragile): ", item, "entry_jumps");
        print_names("  goes on calling old functions where it runs: ", item, "old_calls");
        print_field("  build-id:", text_of(item, "build_id"));
    }
}

/* The source patches that it was built from. */
static void print_sources(struct json_object *patch)
{
    size_t count;
    struct json_object *list = list_of(patch, "patches", &count);

    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        printf("%-13s %s %s\n", i ? "" : "patches:", text_of(item, "sha256"),
               text_of(item, "name"));
    }
}

/* `syscare info`: one field a line, names first, so that scripts can cut it. */
static void print_patch(struct json_object *patch)
{
    static const char *const fields[] = {"uuid", "name",   "version", "release",    "arch",
                                         "type", "target", "license", "description"};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char label[32];

        snprintf(label, sizeof(label), "%s:", fields[i]);
        print_field(label, text_of(patch, fields[i]));
        if (strcmp(fields[i], "target") == 0)
            print_texts("target_elf:", patch, "target_elf");
    }
    print_texts("cves:", patch, "cves");
    print_entities(patch);
    print_sources(patch);
    print_field("digest:", text_of(patch, "digest"));
}

void cli_print_info(const struct cli *cli, struct json_object *data)
{
    size_t count;
    struct json_object *list = list_of(data, "patches", &count);

    (void)cli;
    for (size_t i = 0; i < count; i++) {
        if (i)
            putchar('\n');
        print_patch(json_object_array_get_idx(list, i));
    }
}

void cli_print_target(const struct cli *cli, struct json_object *data)
{
    static const char *const fields[] = {"name", "arch", "epoch", "version", "release", "license"};
    size_t count;
    struct json_object *list = list_of(data, "patches", &count);

    (void)cli;
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        if (i)
            putchar('\n');
        for (size_t j = 0; j < sizeof(fields) / sizeof(fields[0]); j++) {
            const char *text = text_of(item, fields[j]);
            char label[32];

            snprintf(label, sizeof(label), "%s:", fields[j]);
            print_field(label, *text || strcmp(fields[j], "epoch") != 0 ? text : "(none)");
        }
    }
}

/* `syscare -v status`: a line for each process that maps the file. */
static void print_processes(struct json_object *item)
{
    size_t count;
    struct json_object *list = list_of(item, "processes", &count);

    for (size_t i = 0; i < count; i++) {
        struct json_object *process = json_object_array_get_idx(list, i);
        const char *reason = text_of(process, "reason");
        uint64_t pid = 0;

        sc_json_u64(process, "pid", &pid, NULL);
        printf("  %llu %s: %s%s%s\n", (unsigned long long)pid, text_of(process, "comm"),
               text_of(process, "state"), *reason ? ": " : "", reason);
    }
}

/* `syscare -v status` on a kernel that cannot hold first callers. */
static void print_uprobes(struct json_object *data)
{
    struct json_object *item;

    if (json_object_object_get_ex(data, "uprobes", &item) && *text_of(item, "warning"))
        printf("uprobes%s%s: %s\n", *text_of(item, "way") ? " = " : "", text_of(item, "way"),
               text_of(item, "warning"));
}

void cli_print_status(const struct cli *cli, struct json_object *data)
{
    size_t count;
    struct json_object *list = list_of(data, "patches", &count);

    print_uprobes(data);
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        printf("%s: ", text_of(item, "name"));
        print_status_word(cli, text_of(item, "status"));
        if (*text_of(item, "superseded"))
            printf("  superseded: %s\n", text_of(item, "superseded"));
        print_names("  jump behind the first instruction: ", item, "skip_first");
        print_names("  jump at the entry: ", item, "entry_jumps");
        print_names("  goes on calling old functions where it runs: ", item, "old_calls");
        if (*text_of(item, "foreign_probe"))
            printf("  warning: another tool has a uprobe on %s, where no uprobe may be\n",
                   text_of(item, "foreign_probe"));
        print_processes(item);
    }
}
