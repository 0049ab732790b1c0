// SPDX-License-Identifier: GPL-2.0-or-later
// What the benchmarks of the runtime measure that a shell cannot.
//
// bench rounds               a bare seize, interrupt, wait, detach of each process on stdin, ns
// each bench new COUNT PROGRAM..  the same of COUNT new processes, begun when they have started
// bench exec COUNT PROGRAM.. fork, exec and end of the program, ns each
// bench attach DIR FILE N    N probes on the functions f0.. of FILE, pins below DIR: ns on, ns off
#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "runtime/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

extern char **environ;

/* What any patcher that uses ptrace has to do at least. */
static int do_round(pid_t pid)
{
    int status;

    if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
        waitpid(pid, &status, __WALL) != pid)
        return -1;
    return (int)ptrace(PTRACE_DETACH, pid, 0, 0);
}

static int run_rounds(void)
{
    int pid;

    while (scanf("%d", &pid) == 1) {
        uint64_t begin = hold_clock();

        if (do_round(pid) < 0)
            return perror("ptrace"), 1;
        printf("%llu\n", (unsigned long long)(hold_clock() - begin));
    }
    return 0;
}

static pid_t start(char **argv)
{
    pid_t pid;
    int failed = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);

    if (failed) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(failed));
        exit(1);
    }
    return pid;
}

static int run_new(int count, char **argv)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = start(argv);
        uint64_t begin;

        usleep(5000);
        begin = hold_clock();
        if (do_round(pid) < 0)
            return perror("ptrace"), 1;
        printf("%llu\n", (unsigned long long)(hold_clock() - begin));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return 0;
}

static int run_exec(int count, char **argv)
{
    for (int i = 0; i < count; i++) {
        uint64_t begin = hold_clock();

        waitpid(start(argv), NULL, 0);
        printf("%llu\n", (unsigned long long)(hold_clock() - begin));
    }
    return 0;
}

/* File offset of the first function; the others follow, 16 bytes apart: bench-many.S. */
static uint64_t find_first(const char *path, struct sc_error **err)
{
    cleanup_elf struct elf_file *elf = elf_file_open(path, err);
    uint64_t offset = 0;
    Elf_Scn *section = NULL;

    while (elf && (section = elf_nextscn(elf->elf, section))) {
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Shdr header;
        GElf_Sym symbol;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        for (int i = 0; gelf_getsym(data, i, &symbol); i++)
            if (strcmp(elf_strptr(elf->elf, header.sh_link, symbol.st_name), "f0") == 0)
                elf_offset_of_vaddr(elf, symbol.st_value, &offset, err);
    }
    return offset;
}

static int run_attach(const char *dir, const char *path, int count)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_free struct hold_function *functions = calloc((size_t)count, sizeof(*functions));
    static const char uuid[] = "00000000-0000-0000-0000-00000000beef";
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t first = find_first(path, &err), begin, middle;
    const struct hold_settings settings = {
        .way = UPROBES_MULTI_HOLD, .pin_dir = dir, .limit_ns = 50000000};
    struct hold *hold = first ? hold_open(&settings, &err) : NULL;

    for (int i = 0; functions && i < count; i++)
        functions[i].offset = first + 16u * (unsigned)i;
    begin = hold_clock();
    if (!hold || hold_slot_fill(hold, 0, uuid, functions, (size_t)count, &err) < 0 ||
        hold_link(hold, 0, uuid, functions, (size_t)count, fd, &err) < 0 ||
        hold_slot_enable(hold, 0, true, &err) < 0)
        return fprintf(stderr, "%s\n", err ? err->message : "no f0"), 1;
    middle = hold_clock();
    hold_slot_clear(hold, 0, (size_t)count);
    printf("%llu %llu\n", (unsigned long long)(middle - begin),
           (unsigned long long)(hold_clock() - middle));
    hold_discard(hold);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "rounds") == 0)
        return run_rounds();
    if (argc > 3 && strcmp(argv[1], "new") == 0)
        return run_new(atoi(argv[2]), argv + 3);
    if (argc > 3 && strcmp(argv[1], "exec") == 0)
        return run_exec(atoi(argv[2]), argv + 3);
    if (argc == 5 && strcmp(argv[1], "attach") == 0)
        return run_attach(argv[2], argv[3], atoi(argv[4]));
    fputs(
        "usage: bench rounds | new COUNT PROGRAM... | exec COUNT PROGRAM... | attach DIR FILE N\n",
        stderr);
    return 2;
}
