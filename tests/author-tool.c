// SPDX-License-Identifier: GPL-2.0-or-later
// For shell tests: tells the identity of an ELF file, and has an injector do one request.
#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/target_digest.h"
#include "runtime/inject/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_hex(const uint8_t *bytes, size_t size, char end)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar(end);
}

/* "BUILD-ID DIGEST" */
static int identify(const char *path)
{
    cleanup_elf struct elf_file *elf = elf_file_open(path, NULL);
    uint8_t id[SC_BUILD_ID_MAX], digest[SC_DIGEST_SIZE];
    int size = elf ? elf_build_id(elf, id, NULL) : -1;

    if (size <= 0 || target_digest(elf, digest, NULL) < 0)
        return 1;
    print_hex(id, (size_t)size, ' ');
    print_hex(digest, sizeof(digest), '\n');
    return 0;
}

/* A request, with the patch object where it needs one. False if the injector died. */
static bool ask(int socket, const struct inject_request *request, int patch,
                struct inject_reply *reply)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)request, sizeof(*request)};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (patch >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.align), &patch, sizeof(patch));
    }
    return sendmsg(socket, &header, MSG_NOSIGNAL) >= 0 &&
           recv(socket, reply, sizeof(*reply), 0) == (ssize_t)sizeof(*reply);
}

static int injector_start(const char *path)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        exit(99);
    if (fork() == 0) {
        dup2(pair[1], INJECT_SOCKET_FD);
        if (pair[1] == INJECT_SOCKET_FD)
            fcntl(INJECT_SOCKET_FD, F_SETFD, 0);
        execl(path, path, NULL);
        _exit(127);
    }
    close(pair[1]);
    return pair[0];
}

static const char *result_name(uint32_t result)
{
    static const char *const names[] = {
        [INJECT_PATCHED] = "PATCHED",
        [INJECT_ALREADY] = "ALREADY",
        [INJECT_REVERTED] = "REVERTED",
        [INJECT_NOT_MAPPED] = "NOT_MAPPED",
        [INJECT_GONE] = "GONE",
        [INJECT_BUSY] = "BUSY",
        [INJECT_MISMATCH] = "MISMATCH",
        [INJECT_NO_MEMORY] = "NO_MEMORY",
        [INJECT_UNSUPPORTED] = "UNSUPPORTED",
        [INJECT_FAILED] = "FAILED",
        [INJECT_UNPATCHED] = "UNPATCHED",
        [INJECT_PARTIAL] = "PARTIAL",
    };

    return result < sizeof(names) / sizeof(names[0]) && names[result] ? names[result] : "OTHER";
}

/* What the words of the command line ask for. */
static void parse_words(struct inject_request *request, char **words)
{
    for (; *words; words++) {
        if (strcmp(*words, "lazy") == 0)
            request->flags |= INJECT_LAZY;
        else if (strcmp(*words, "unmap") == 0)
            request->flags |= INJECT_UNMAP;
        else if (strncmp(*words, "deadline=", 9) == 0)
            request->deadline_ms = (uint32_t)atoi(*words + 9);
        else if (strncmp(*words, "fault=", 6) == 0)
            request->fault_step = (uint32_t)atoi(*words + 6);
        else
            exit(99);
    }
}

/* "RESULT", "RESULT: text", or "DIED" and status 1. */
static int inject(char **argv)
{
    struct inject_request init = {.version = INJECT_PROTOCOL_VERSION, .op = INJECT_INIT};
    struct inject_request request = {.version = INJECT_PROTOCOL_VERSION, .deadline_ms = 3000};
    int socket = injector_start(argv[0]);
    int patch = open(argv[3], O_RDONLY | O_CLOEXEC);
    struct inject_reply reply;
    bool answered;

    request.op = strcmp(argv[1], "apply") == 0 ? INJECT_APPLY : INJECT_REVERT;
    request.pid = atoi(argv[2]);
    parse_words(&request, argv + 4);
    if (patch < 0 || !ask(socket, &init, -1, &reply) || reply.result != INJECT_READY)
        return 99;
    answered = ask(socket, &request, patch, &reply);
    close(socket);
    wait(NULL);
    if (!answered) {
        puts("DIED");
        return 1;
    }
    printf("%s%s%s\n", result_name(reply.result), reply.text[0] ? ": " : "", reply.text);
    return 0;
}

/* identify FILE | INJECTOR apply|revert PID PATCH [lazy] [unmap] [deadline=MS] [fault=STEP] */
int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "identify") == 0)
        return identify(argv[2]);
    if (argc >= 5)
        return inject(argv + 1);
    return 99;
}
