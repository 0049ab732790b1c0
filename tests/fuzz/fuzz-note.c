// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: objects with build records: reading them, adding one.
#include "lib/cleanup.h"
#include "lib/json_util.h"
#include "tests/fuzz/fuzz.h"
#include "wrappers/object_note.h"

FUZZ_ELF_MUTATOR

/* After a record was added, there is one more. */
static void add_record(size_t before)
{
    cleanup_json struct json_object *record = json_object_new_object();
    cleanup_facts struct object_facts facts = {0};

    sc_json_add_string(record, "id", "0123");
    if (object_note_add("x.o", record, NULL) < 0)
        return;
    if (object_facts_read_file("x.o", &facts, NULL) == 0 &&
        json_object_array_length(facts.records) != before + 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_facts struct object_facts facts = {0};

    fuzz_directory();
    fuzz_directory_file("x.o", data, size);
    if (object_facts_read_file("x.o", &facts, NULL) == 0)
        add_record(json_object_array_length(facts.records));
    return 0;
}
