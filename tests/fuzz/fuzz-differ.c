// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a whole comparison up to the object that ld would get: two objects, two linked files
// with their maps.
#include "differ/differ.h"
#include "differ/oracle.h"
#include "differ/read.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>

/* The parts of an input. */
enum {
    REFERENCE_OBJECT,
    PATCHED_OBJECT,
    REFERENCE_ELF,
    PATCHED_ELF,
    REFERENCE_MAP,
    PATCHED_MAP,
    PART_COUNT
};

static const char *const names[] = {"a.o", "b.o", "a.elf", "b.elf", "a.map", "b.map"};

static const char job[] =
    "{\"version\":1,\"arch\":\"x86_64\",\"target_elf\":\"/usr/bin/case\","
    "\"uuid\":\"01234567-89ab-cdef-0123-456789abcdef\",\"build_id\":\"0011\",\"target_digest\":"
    "\"0000000000000000000000000000000000000000000000000000000000000000\","
    "\"reference\":{\"elf\":\"a.elf\",\"map\":\"a.map\"},"
    "\"patched\":{\"elf\":\"b.elf\",\"map\":\"b.map\"},"
    "\"objects\":[{\"name\":\"x.o\",\"source\":\"x.c\",\"tu\":\"1\",\"inputs\":[\"x.o\"],"
    "\"reference\":\"a.o\",\"patched\":\"b.o\"}],"
    "\"sources\":[{\"path\":\"/x.c\",\"name\":\"x.c\",\"lines\":[[1,6,1,0],[1000000,9,7,1]],"
    "\"removed\":[[3,1,3]]}],"
    "\"ld\":\"/bin/false\",\"output\":\"out\",\"report\":\"report.json\"}";

FUZZ_PARTS_MUTATOR(PART_COUNT)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_error struct sc_error *err = NULL;
    struct fuzz_part parts[PART_COUNT];
    struct differ differ = {0};

    fuzz_directory();
    fuzz_split(data, size, parts, PART_COUNT);
    for (size_t i = 0; i < PART_COUNT; i++)
        fuzz_directory_file(names[i], parts[i].data, parts[i].size);
    fuzz_directory_file("job.json", (const uint8_t *)job, strlen(job));
    if (job_read(&differ, "job.json", &err) < 0)
        abort();
    differ_run(&differ, &err);
    /* with what was refused, too: that is when a user wants to know most */
    if (differ.reference && differ.patched && differ.job.objects[0].patched) {
        phase_explain(&differ);
        phase_warn(&differ);
        report_write(&differ, differ.refusals.count ? SC_REFUSED : SC_OK, NULL);
    }
    differ_free(&differ);
    return 0;
}
