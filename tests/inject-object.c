// SPDX-License-Identifier: GPL-2.0-or-later
// Damaged patch objects are refused, whatever byte is wrong or missing; good ones are understood.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/arch/arch.h"
#include "runtime/patch_object.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct object {
    char *data;
    size_t size;
};

static struct object object_load(const char *name)
{
    cleanup_free char *path =
        sc_format("%s/tests/inject-fixtures/%s", getenv("top_builddir"), name);
    struct object object;

    assert_int_equal(sc_file_read(path, 1 << 24, &object.data, &object.size, NULL), 0);
    return object;
}

/* Opens size bytes as a patch object. NULL and the error when it is refused. */
static struct patch_object *open_bytes(const char *data, size_t size, struct sc_error **err)
{
    cleanup_close int fd = memfd_create("object", MFD_CLOEXEC);

    assert_int_equal(sc_write_all(fd, data, size), 0);
    return patch_object_open(fd, err);
}

/* Looks at everything that a user of the object relies on. */
static void assert_consistent(const struct patch_object *patch)
{
    for (size_t i = 0; i < patch->func_count; i++) {
        const struct sc_patch_func *func = &patch->funcs[i];

        assert_true(strlen(patch_func_name(patch, func)) < patch->strings_size);
        assert_true((size_t)func->jump_offset + func->jump_size <= func->old_size);
        assert_true(func->trampoline_vaddr >= patch->low && func->trampoline_vaddr < patch->high);
    }
    for (size_t i = 0; i < patch->segment_count; i++) {
        const struct patch_segment *segment = &patch->segments[i];

        assert_true(segment->offset + segment->filesz <= patch->size);
        assert_true(segment->vaddr >= patch->low && segment->vaddr + segment->memsz <= patch->high);
        assert_false((segment->prot & PROT_WRITE) && (segment->prot & PROT_EXEC));
    }
    for (size_t i = 0; i < patch->reloc_count; i++)
        assert_true(patch->relocs[i].place >= patch->low + 64 &&
                    patch->relocs[i].place + patch->relocs[i].size <= patch->high);
}

static void whole_object_is_understood(void **state)
{
    struct object object = object_load("pie.patch");
    cleanup_error struct sc_error *err = NULL;
    cleanup_patch struct patch_object *patch = open_bytes(object.data, object.size, &err);

    (void)state;
    assert_non_null(patch);
    assert_int_equal(patch->func_count, 4);
    assert_int_equal(patch->sym_count, 2);
    assert_string_equal(patch_func_name(patch, &patch->funcs[0]), "answer0");
    assert_int_equal(patch->note.uuid[0], 0x11);
    /* target_counter through the GOT, target_helper in text, a pointer in .data, two GOT words. */
    assert_true(patch->reloc_count >= 3);
    assert_consistent(patch);
    free(object.data);
}

static void truncated_object_is_refused_at_every_length(void **state)
{
    struct object object = object_load("pie.patch");

    (void)state;
    for (size_t size = 0; size < object.size; size += size < 4096 ? 1 : 7) {
        cleanup_error struct sc_error *err = NULL;
        struct patch_object *patch = open_bytes(object.data, size, &err);

        assert_null(patch);
        assert_non_null(err);
    }
    free(object.data);
}

/* One byte changed: refused, or still an object that is consistent in itself. */
static void flip(struct object *object, size_t at, uint8_t mask)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_patch struct patch_object *patch = NULL;

    object->data[at] = (char)(object->data[at] ^ mask);
    patch = open_bytes(object->data, object->size, &err);
    if (patch)
        assert_consistent(patch);
    else
        assert_non_null(err);
    object->data[at] = (char)(object->data[at] ^ mask);
}

static void flipped_bytes_never_give_an_inconsistent_object(void **state)
{
    struct object object = object_load("pie.patch");
    static const uint8_t masks[] = {0x01, 0x80, 0xff};

    (void)state;
    for (size_t at = 0; at < object.size; at++) {
        /* Every byte of headers, notes and dynamic tables; samples of the rest. */
        if (at > 1024 && at % 3)
            continue;
        for (size_t i = 0; i < sizeof(masks); i++)
            flip(&object, at, masks[i]);
    }
    free(object.data);
}

static Elf64_Shdr *section(const struct object *object, const char *name)
{
    Elf64_Ehdr *ehdr = (Elf64_Ehdr *)object->data;
    Elf64_Shdr *headers = (Elf64_Shdr *)(object->data + ehdr->e_shoff);
    const char *names = object->data + headers[ehdr->e_shstrndx].sh_offset;

    for (size_t i = 1; i < ehdr->e_shnum; i++)
        if (strcmp(names + headers[i].sh_name, name) == 0)
            return &headers[i];
    fail_msg("no section %s", name);
    return NULL;
}

/* The object must be refused, and the message must contain the words. */
static void assert_refused(const struct object *object, const char *words)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_patch struct patch_object *patch = open_bytes(object->data, object->size, &err);

    assert_null(patch);
    assert_non_null(err);
    if (!strstr(err->message, words))
        fail_msg("\"%s\" does not say \"%s\"", err->message, words);
}

#define TABLE(object, name, type) ((type *)((object).data + section(&(object), name)->sh_offset))

static void each_table_is_checked(void **state)
{
    static const struct {
        const char *section;
        size_t offset;
        uint8_t value;
        const char *words;
    } cases[] = {
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, strategy), 2, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, jump_offset), 0, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, jump_offset), 16,
         "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, jump_size), 14, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, flags), 0x80, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, old_size), 6, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, name) + 1, 0xff, "function record"},
        {SC_PATCH_FUNCS_SECTION, offsetof(struct sc_patch_func, trampoline_vaddr) + 2, 0x7f,
         "function record"},
        {SC_PATCH_SYM_SECTION, offsetof(struct sc_patch_sym, kind), 9, "symbol record"},
        {SC_PATCH_SYM_SECTION, offsetof(struct sc_patch_sym, name) + 2, 1, "symbol record"},
        {SC_PATCH_RELA_SECTION, offsetof(struct sc_patch_rela, type), 9, "relocation type 9"},
        {SC_PATCH_RELA_SECTION, offsetof(struct sc_patch_rela, sym), 7, "symbol of a relocation"},
        {SC_PATCH_RELA_SECTION, offsetof(struct sc_patch_rela, place) + 3, 1, "outside"},
        {SC_PATCH_STRTAB_SECTION, 0, 'x', SC_PATCH_STRTAB_SECTION},
        {".note.syscare", 20, 9, "patch format 9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct object object = object_load("pie.patch");

        TABLE(object, cases[i].section, uint8_t)[cases[i].offset] = cases[i].value;
        assert_refused(&object, cases[i].words);
        free(object.data);
    }
}

static void jumps_at_entries_are_understood(void **state)
{
    struct object object = object_load("entry.patch");
    cleanup_error struct sc_error *err = NULL;
    cleanup_patch struct patch_object *patch = open_bytes(object.data, object.size, &err);

    (void)state;
    assert_non_null(patch);
    assert_int_equal(patch->arm_count, 1);
    assert_int_equal(patch->funcs[0].strategy, SC_STRATEGY_ENTRY);
    assert_int_equal(patch->funcs[0].jump_offset, 0);
    assert_int_equal(patch->funcs[1].strategy, SC_STRATEGY_SKIP_FIRST);
    assert_consistent(patch);
    free(object.data);
}

/* No probe where a jump stands, and always one where processes come by first. */
static void jumps_at_entries_need_a_place_where_processes_are_met(void **state)
{
    struct object object = object_load("entry.patch");
    struct sc_patch_func *funcs = TABLE(object, SC_PATCH_FUNCS_SECTION, struct sc_patch_func);
    struct sc_patch_arm *arm = TABLE(object, SC_PATCH_ARM_SECTION, struct sc_patch_arm);
    Elf64_Shdr *shdr = section(&object, SC_PATCH_ARM_SECTION);
    const struct sc_patch_arm whole = *arm;

    (void)state;
    for (int i = 0; i < 5; i++) {
        arm->vaddr = funcs[0].old_vaddr + (uint64_t)i;
        assert_refused(&object, "arming record 0");
    }
    arm->vaddr = funcs[1].old_vaddr + funcs[1].jump_offset + 4;
    assert_refused(&object, "arming record 0");
    *arm = whole;
    arm->size = 16;
    assert_refused(&object, "arming record 0");
    *arm = whole;
    shdr->sh_size = 0;
    assert_refused(&object, "number of arming records");
    shdr->sh_size = sizeof(*arm);
    funcs[0].jump_offset = 1;
    assert_refused(&object, "function record 0");
    funcs[0].strategy = SC_STRATEGY_SKIP_FIRST;
    assert_refused(&object, "number of arming records");
    funcs[0].strategy = SC_STRATEGY_ENTRY + 1;
    assert_refused(&object, "function record 0");
    free(object.data);
}

static void undefined_symbol_is_refused_by_name(void **state)
{
    struct object object = object_load("pie.patch");
    const Elf64_Shdr *strings = section(&object, ".dynstr");
    char *name = memmem(object.data + strings->sh_offset, strings->sh_size, "sct.0.target_counter",
                        sizeof("sct.0.target_counter"));

    (void)state;
    assert_non_null(name);
    memcpy(name, "sct.9", 5);
    assert_refused(&object, "sct.9.target_counter");
    memcpy(name, "abcde", 5);
    assert_refused(&object, "abcde.target_counter");
    free(object.data);
}

static void overlapping_functions_are_refused(void **state)
{
    struct object object = object_load("pie.patch");
    struct sc_patch_func *funcs = TABLE(object, SC_PATCH_FUNCS_SECTION, struct sc_patch_func);

    (void)state;
    funcs[1].old_vaddr = funcs[0].old_vaddr + 1;
    assert_refused(&object, "overlap");
    free(object.data);
}

/* A call may lie within a function, behind its jump, and has the form of one. */
static void calls_of_old_code_are_checked(void **state)
{
    struct object object = object_load("pie.patch");
    struct sc_patch_func *funcs = TABLE(object, SC_PATCH_FUNCS_SECTION, struct sc_patch_func);
    uint64_t behind = funcs[0].jump_offset + (uint64_t)funcs[0].jump_size;
    struct sc_patch_func call = funcs[1];

    (void)state;
    funcs[0].old_size = behind + 5;
    call.strategy = SC_STRATEGY_CALL;
    call.flags = 0;
    call.jump_offset = 0;
    call.old_vaddr = funcs[0].old_vaddr + behind;
    call.old_size = call.jump_size;
    call.old_bytes[0] = 0xe8;
    funcs[1] = call;
    for (uint64_t from = behind - 1; from <= behind; from++) {
        cleanup_error struct sc_error *err = NULL;
        cleanup_patch struct patch_object *patch = NULL;

        funcs[1].old_vaddr = funcs[0].old_vaddr + from;
        patch = open_bytes(object.data, object.size, &err);
        assert_true((patch != NULL) == (from == behind));
        if (patch)
            assert_true(patch_func_is_call(&patch->funcs[1]));
    }
    funcs[1].old_bytes[0] = 0xeb;
    assert_refused(&object, "function record");
    funcs[1] = call;
    funcs[1].old_size++;
    assert_refused(&object, "function record");
    funcs[1] = call;
    funcs[1].jump_offset = 1;
    assert_refused(&object, "function record");
    funcs[1] = call;
    funcs[1].flags = SC_FUNC_QUIESCE;
    assert_refused(&object, "function record");
    free(object.data);
}

static void call_stays_a_call(void **state)
{
    static const uint8_t call[] = {0xe8, 1, 2, 3, 4}, jump[] = {0xe9, 1, 2, 3, 4};
    uint8_t bytes[ARCH_JUMP_MAX];
    uint64_t to = 0;

    (void)state;
    assert_true(arch_branch_encode(0x401000, call, 0x501234, bytes));
    assert_int_equal(bytes[0], 0xe8);
    assert_true(arch_branch_decode(0x401000, call, bytes, &to));
    assert_true(to == 0x501234);
    assert_false(arch_branch_decode(0x401000, jump, bytes, &to));
    assert_true(arch_branch_encode(0x401000, jump, 0x501234, bytes));
    assert_int_equal(bytes[0], 0xe9);
    assert_false(arch_branch_encode(0x1000, call, 0x7f0000001000, bytes));
    bytes[0] = 0xcc;
    assert_false(arch_branch_encode(0x401000, bytes, 0x501234, bytes));
}

static void writable_code_is_refused(void **state)
{
    struct object object = object_load("pie.patch");
    Elf64_Ehdr *ehdr = (Elf64_Ehdr *)object.data;
    Elf64_Phdr *phdrs = (Elf64_Phdr *)(object.data + ehdr->e_phoff);

    (void)state;
    for (size_t i = 0; i < ehdr->e_phnum; i++)
        if (phdrs[i].p_type == PT_LOAD && (phdrs[i].p_flags & PF_X))
            phdrs[i].p_flags |= PF_W;
    assert_refused(&object, "writable and executable");
    free(object.data);
}

static void broken_jump_is_known_by_what_is_left_of_it(void **state)
{
    static const uint8_t old[] = {0x48, 0x8b, 0x07, 0xc3, 0x90};
    uint8_t bytes[ARCH_JUMP_MAX];
    uint64_t to = 0;

    (void)state;
    assert_true(arch_jump_encode(0x401000, 0x501234, bytes));
    bytes[0] = 0xcc;
    assert_true(arch_jump_mend(0x401000, bytes, old[0], &to));
    assert_true(to == 0x501234);
    bytes[0] = old[0];
    assert_true(arch_jump_mend(0x401000, bytes, old[0], &to));
    bytes[0] = 0x90;
    assert_false(arch_jump_mend(0x401000, bytes, old[0], &to));
    memcpy(bytes, old, sizeof(old));
    assert_false(arch_first_probed(bytes, old, sizeof(old)));
    bytes[0] = 0xcc;
    assert_true(arch_first_probed(bytes, old, sizeof(old)));
    bytes[4] = 0;
    assert_false(arch_first_probed(bytes, old, sizeof(old)));
}

static void jump_reaches_what_it_can_encode(void **state)
{
    uint8_t jump[ARCH_JUMP_MAX];
    uint64_t to = 0;

    (void)state;
    assert_true(arch_jump_encode(0x7f0000001000, 0x7f0000001000 + arch_reach(), jump));
    assert_true(arch_jump_decode(0x7f0000001000, jump, &to));
    assert_true(to == 0x7f0000001000 + arch_reach());
    assert_true(arch_jump_encode(0x7f0080001000, 0x7f0080001000 - arch_reach(), jump));
    assert_false(arch_jump_encode(0x1000, 0x7f0000001000, jump));
    jump[0] = 0x90;
    assert_false(arch_jump_decode(0x1000, jump, &to));
}

/* What a thread may execute twice, and what it has to have back on its stack pointer. */
static void first_instructions_are_repeated_only_where_nothing_changes(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool repeats;
        uint32_t stack;
    } cases[] = {
        {"\xf3\x0f\x1e\xfa", 4, true, 0},                  /* endbr64 */
        {"\x55", 1, true, 8},                              /* push %rbp */
        {"\x41\x57", 2, true, 8},                          /* push %r15 */
        {"\x6a\x01", 2, true, 8},                          /* push $1 */
        {"\x48\x83\xec\x18", 4, true, 0x18},               /* sub $24,%rsp */
        {"\x48\x81\xec\x08\x10\x00\x00", 7, true, 0x1008}, /* sub $0x1008,%rsp */
        {"\x48\x83\xec\x80", 4, false, 0},                 /* sub $-128,%rsp */
        {"\x48\x83\xe4\xf0", 4, false, 0},                 /* and $-16,%rsp */
        {"\x83\xec\x18", 3, false, 0},                     /* sub $24,%esp */
        {"\x90", 1, true, 0},                              /* nop */
        {"\x66\x90", 2, true, 0},                          /* xchg %ax,%ax */
        {"\x41\x90", 2, false, 0},                         /* xchg %eax,%r8d */
        {"\x0f\x1f\x40\x00", 4, true, 0},                  /* nopl 0(%rax) */
        {"\x31\xc0", 2, true, 0},                          /* xor %eax,%eax */
        {"\x31\xc8", 2, false, 0},                         /* xor %ecx,%eax */
        {"\x45\x31\xc0", 3, true, 0},                      /* xor %r8d,%r8d */
        {"\x41\x31\xc0", 3, false, 0},                     /* xor %eax,%r8d */
        {"\x85\xff", 2, true, 0},                          /* test %edi,%edi */
        {"\x89\xf8", 2, true, 0},                          /* mov %edi,%eax */
        {"\x89\x07", 2, false, 0},                         /* mov %eax,(%rdi) */
        {"\x8b\x05\x01\x02\x03\x04", 6, true, 0},          /* mov 0x4030201(%rip),%eax */
        {"\x8b\x3f", 2, false, 0},                         /* mov (%rdi),%edi */
        {"\x8d\x7f\x01", 3, false, 0},                     /* lea 1(%rdi),%edi */
        {"\x83\xff\x05", 3, true, 0},                      /* cmp $5,%edi */
        {"\x83\xc7\x05", 3, false, 0},                     /* add $5,%edi */
        {"\xb8\x01\x00\x00\x00", 5, true, 0},              /* mov $1,%eax */
        {"\xff\xc7", 2, false, 0},                         /* inc %edi */
        {"\x66", 1, false, 0},                             /* only a prefix */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t stack;
        bool repeats = arch_first_repeats((const uint8_t *)cases[i].bytes, cases[i].size, &stack);

        if (repeats != cases[i].repeats || (repeats && stack != cases[i].stack))
            fail_msg("case %zu: %d, stack %u", i, repeats, stack);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_object_is_understood),
        cmocka_unit_test(truncated_object_is_refused_at_every_length),
        cmocka_unit_test(flipped_bytes_never_give_an_inconsistent_object),
        cmocka_unit_test(each_table_is_checked),
        cmocka_unit_test(jumps_at_entries_are_understood),
        cmocka_unit_test(jumps_at_entries_need_a_place_where_processes_are_met),
        cmocka_unit_test(undefined_symbol_is_refused_by_name),
        cmocka_unit_test(overlapping_functions_are_refused),
        cmocka_unit_test(calls_of_old_code_are_checked),
        cmocka_unit_test(call_stays_a_call),
        cmocka_unit_test(writable_code_is_refused),
        cmocka_unit_test(broken_jump_is_known_by_what_is_left_of_it),
        cmocka_unit_test(jump_reaches_what_it_can_encode),
        cmocka_unit_test(first_instructions_are_repeated_only_where_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
