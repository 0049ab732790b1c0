// SPDX-License-Identifier: GPL-2.0-or-later
// From the inputs that a map names to the build records that they hold.
#include "wrappers/link_inputs.h"

#include "lib/cleanup.h"
#include "lib/json_util.h"
#include "wrappers/layout.h"
#include "wrappers/object_note.h"

#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <string.h>

/* What all steps of one link need. */
struct collection {
    const char *capture;
    const struct map_inputs *inputs;
    struct json_object *array; /* the result */
    bool lto;
    bool *done; /* for each input: it is in the result */
};

/* The ids of the records, which go to tu/. NULL with err set. */
static struct json_object *records_store(const struct collection *all, struct json_object *records,
                                         struct sc_error **err)
{
    struct json_object *ids = json_object_new_array();

    for (size_t i = 0; i < json_object_array_length(records); i++) {
        struct json_object *record = json_object_array_get_idx(records, i);

        if (capture_unit_write(all->capture, record, err) < 0) {
            json_object_put(ids);
            return NULL;
        }
        json_object_array_add(ids,
                              json_object_new_string(sc_json_string_optional(record, "id", "")));
    }
    return ids;
}

/* Adds one input with what its object holds. A shared library is no part of the output. */
static int input_add(struct collection *all, const struct map_input *input, Elf *elf,
                     struct sc_error **err)
{
    cleanup_facts struct object_facts facts = {0};
    struct json_object *entry, *ids;

    if (object_facts_read(elf, &facts, err) < 0)
        return sc_error_wrap(err, "%s", input->name);
    if (facts.shared)
        return 0;
    ids = records_store(all, facts.records, err);
    if (!ids)
        return sc_error_wrap(err, "%s", input->name);
    entry = json_object_new_object();
    sc_json_add_string(entry, "path", input->path);
    sc_json_add_string(entry, "member", input->member);
    sc_json_add_string(entry, "name", input->name);
    json_object_object_add(entry, "tus", ids);
    json_object_array_add(all->array, entry);
    all->lto |= facts.lto;
    return 0;
}

/* Does a member belong to the input with this index? */
static bool input_is(const struct collection *all, size_t index, const char *archive,
                     const char *member)
{
    const struct map_input *input = &all->inputs->inputs[index];

    return input->member && strcmp(input->member, member) == 0 && strcmp(input->path, archive) == 0;
}

/*
 * One member: adds it if the link took it. Two members of one name cannot be told apart in a map,
 * so an archive that has them gives an entry for each, with the same name.
 */
static int member_read(struct collection *all, const char *archive, Elf *member,
                       struct sc_error **err)
{
    Elf_Arhdr *header = elf_getarhdr(member);

    if (!header || !header->ar_name || elf_kind(member) != ELF_K_ELF)
        return 0; /* symbol table, name table, or a member of another kind */
    for (size_t i = 0; i < all->inputs->count; i++)
        if (input_is(all, i, archive, header->ar_name)) {
            all->done[i] = true;
            return input_add(all, &all->inputs->inputs[i], member, err);
        }
    return 0;
}

static int archive_read(struct collection *all, const char *path, int fd, Elf *archive,
                        struct sc_error **err)
{
    Elf_Cmd command = ELF_C_READ_MMAP;
    int result = 0;
    Elf *member;

    while (result == 0 && (member = elf_begin(fd, command, archive))) {
        result = member_read(all, path, member, err);
        command = elf_next(member);
        elf_end(member);
    }
    return result;
}

/* Opens the file of an input and adds what belongs to it: itself, or all its members in the list.
 */
static int input_read(struct collection *all, size_t index, struct sc_error **err)
{
    const struct map_input *input = &all->inputs->inputs[index];
    cleanup_close int fd = open(input->path, O_RDONLY | O_CLOEXEC);
    Elf *elf;
    int result = 0;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : sc_error_errno(err, "%s", input->path);
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (elf_kind(elf) == ELF_K_AR && input->member)
        result = archive_read(all, input->path, fd, elf, err);
    else if (elf_kind(elf) == ELF_K_ELF && !input->member)
        result = input_add(all, input, elf, err);
    elf_end(elf);
    return result;
}

struct json_object *link_inputs_read(const char *capture, const struct map_inputs *inputs,
                                     bool *lto, struct sc_error **err)
{
    cleanup_free bool *done = calloc(inputs->count + 1, sizeof(*done));
    cleanup_json struct json_object *array = json_object_new_array();
    struct collection all = {.capture = capture, .inputs = inputs, .array = array, .done = done};

    if (!done)
        abort();
    elf_version(EV_CURRENT);
    for (size_t i = 0; i < inputs->count; i++)
        if (!done[i] && input_read(&all, i, err) < 0)
            return NULL;
    *lto = all.lto;
    return steal_pointer(&array);
}
