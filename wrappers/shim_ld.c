// SPDX-License-Identifier: GPL-2.0-or-later
// The shim for ld: runs the real linker with a map, and records the link with all that went into
// it.
#include "wrappers/shim.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "wrappers/layout.h"
#include "wrappers/ld_options.h"
#include "wrappers/link_inputs.h"
#include "wrappers/response_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One run of the linker. */
struct linking {
    const struct shim *shim;
    char **argv; /* response files expanded */
    struct ld_options options;
    char *cwd;
    char *id;   /* claimed: no other link of this capture has it */
    char *map;  /* absolute path of the map in the capture */
    char *copy; /* absolute path of the copy of the output */
};

/* What lto-wrapper and collect2 go by; needed to run the link again. */
static const char *const link_environment[] = {"COLLECT_GCC",
                                               "COLLECT_GCC_OPTIONS",
                                               "COLLECT_LTO_WRAPPER",
                                               "COMPILER_PATH",
                                               "LIBRARY_PATH",
                                               "SOURCE_DATE_EPOCH",
                                               NULL};

/*
 * Finds the link's id by creating its map: <hash of cwd and output>, then with -2, -3 … for further
 * links of the same output. O_EXCL makes that safe for parallel links. 0, or -1 with err set.
 */
static int link_claim(struct linking *link, struct sc_error **err)
{
    const char *parts[] = {link->cwd, link->options.output};
    char base[CAPTURE_ID_SIZE];

    capture_id(parts, 2, base);
    for (unsigned int n = 1;; n++) {
        cleanup_free char *id = n == 1 ? sc_format("%s", base) : sc_format("%s-%u", base, n);
        cleanup_free char *map = sc_format("%s/" CAPTURE_MAPS "/%s.map", link->shim->capture, id);
        cleanup_close int fd = open(map, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return sc_error_errno(err, "cannot create %s", map);
        link->copy = sc_format("%s/" CAPTURE_OUTPUTS "/%s", link->shim->capture, id);
        link->id = steal_pointer(&id);
        link->map = steal_pointer(&map);
        return 0;
    }
}

/* Runs the linker with a map of ours, or, when the package has one already, as it is. */
static int link_run(struct linking *link, struct sc_error **err)
{
    cleanup_free char *option = NULL;
    cleanup_free char **argv = NULL;

    if (link->options.map)
        return shim_run(link->shim, link->shim->argv, -1, -1, err);
    option = sc_format("-Map=%s", link->map);
    argv = shim_argv_append(link->shim->argv, option);
    return shim_run(link->shim, argv, -1, -1, err);
}

/*
 * The package wants the map on standard output (-M): the linker writes that to a file first, which
 * becomes our map, and then goes to where it was wanted.
 */
static int link_run_to_stdout(struct linking *link, struct sc_error **err)
{
    cleanup_close int out = open(link->map, O_RDWR | O_CLOEXEC);
    int status;
    char buffer[65536];
    ssize_t n;

    if (out < 0)
        return sc_error_errno(err, "cannot open %s", link->map);
    status = shim_run(link->shim, link->shim->argv, -1, out, err);
    lseek(out, 0, SEEK_SET);
    while (!*err && (n = read(out, buffer, sizeof(buffer))) > 0)
        if (sc_write_all(STDOUT_FILENO, buffer, (size_t)n) < 0)
            break;
    return status;
}

/* exec, shared or relocatable. A position-independent executable has an interpreter or DF_1_PIE. */
static const char *output_kind(struct elf_file *file)
{
    size_t segments = 0;
    GElf_Phdr phdr;

    if (file->ehdr.e_type == ET_REL)
        return "relocatable";
    if (file->ehdr.e_type == ET_EXEC)
        return "exec";
    elf_getphdrnum(file->elf, &segments);
    for (size_t i = 0; i < segments; i++)
        if (gelf_getphdr(file->elf, (int)i, &phdr) && phdr.p_type == PT_INTERP)
            return "exec";
    for (size_t i = 0; i < file->section_count; i++) {
        struct elf_section *section = &file->sections[i];
        Elf_Data *data = section->shdr.sh_type == SHT_DYNAMIC ? elf_getdata(section->scn, NULL) : 0;
        GElf_Dyn dyn;

        for (int n = 0; data && gelf_getdyn(data, n, &dyn); n++)
            if (dyn.d_tag == DT_FLAGS_1 && (dyn.d_un.d_val & DF_1_PIE))
                return "exec";
    }
    return "shared";
}

static struct json_object *record_make(const struct linking *link, const char *kind, bool lto,
                                       struct json_object *inputs)
{
    cleanup_free char *map = sc_format(CAPTURE_MAPS "/%s.map", link->id);
    cleanup_free char *copy = sc_format(CAPTURE_OUTPUTS "/%s", link->id);
    struct json_object *record = json_object_new_object();

    sc_json_add_u64(record, "version", 1);
    sc_json_add_string(record, "id", link->id);
    sc_json_add_string(record, "tool", link->shim->real);
    sc_json_add_string(record, "target", link->shim->target);
    sc_json_add_string(record, "gcc_version", link->shim->gcc_version);
    sc_json_add_string(record, "cwd", link->cwd);
    json_object_object_add(record, "argv", capture_json_strings(link->argv));
    sc_json_add_string(record, "kind", kind);
    sc_json_add_string(record, "output", link->options.output);
    sc_json_add_string(record, "map", map);
    sc_json_add_string(record, "copy", copy);
    sc_json_add_u64(record, "status", 0);
    json_object_object_add(record, "lto", json_object_new_boolean(lto));
    json_object_object_add(record, "env", capture_json_environment(link_environment));
    json_object_object_add(record, "inputs", json_object_get(inputs));
    return record;
}

/* After a successful link: keeps map and output, reads the inputs while they exist, logs. */
static int link_record(struct linking *link, struct sc_error **err)
{
    cleanup_map_inputs struct map_inputs inputs = {0};
    cleanup_json struct json_object *array = NULL, *record = NULL;
    cleanup_elf struct elf_file *output = NULL;
    cleanup_free char *log = sc_format("%s/" CAPTURE_LINKS, link->shim->capture);
    bool lto = false;

    if (link->options.map && sc_file_copy(link->options.map, link->map, err) < 0)
        return -1;
    if (sc_file_copy(link->options.output, link->copy, err) < 0 ||
        link_map_read(link->map, &inputs, err) < 0)
        return -1;
    output = elf_file_open(link->copy, err);
    if (!output)
        return -1;
    array = link_inputs_read(link->shim->capture, &inputs, &lto, err);
    if (!array)
        return -1;
    record = record_make(link, output_kind(output), lto && link->options.plugin, array);
    return sc_json_append(log, record, err);
}

/* Did this run link something? `ld --version` and probes with -o /dev/null did not. */
static bool link_happened(const struct linking *link, int status)
{
    struct stat output, map;

    return WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
           stat(link->options.output, &output) == 0 && S_ISREG(output.st_mode) &&
           (link->options.map || (stat(link->map, &map) == 0 && map.st_size > 0));
}

static void link_forget(const struct linking *link)
{
    unlink(link->map);
    unlink(link->copy);
}

void shim_linker(const struct shim *shim)
{
    struct linking link = {.shim = shim, .cwd = capture_cwd(), .argv = argv_expand(shim->argv)};
    cleanup_error struct sc_error *err = NULL;
    int status;

    ld_options_parse(link.argv, &link.options);
    if (link.options.informs_only)
        shim_exec(shim, shim->argv);
    if (link_claim(&link, &err) < 0) {
        capture_log_uncaptured(shim->capture, shim->name, shim->argv, err->message);
        shim_exec(shim, shim->argv);
    }
    status = link.options.map_stdout ? link_run_to_stdout(&link, &err) : link_run(&link, &err);
    if (err) {
        link_forget(&link);
        shim_exec(shim, shim->argv);
    }
    if (!link_happened(&link, status)) {
        link_forget(&link);
    } else if (link_record(&link, &err) < 0) {
        capture_log_uncaptured(shim->capture, shim->name, shim->argv, err->message);
        link_forget(&link);
    }
    /* nothing is freed: the process ends here, and the strings serve until then */
    shim_exit_as(status);
}
