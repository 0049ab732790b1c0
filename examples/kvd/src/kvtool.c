// SPDX-License-Identifier: GPL-2.0-or-later
// kvtool: asks a kvd, keeps it busy, or uses libkv itself, loaded only when that is asked for.
#include "kv.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static FILE *connect_loopback(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(port))};
    int sock = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
        return NULL;
    return fdopen(sock, "r+");
}

/* Prints a reply with everything that a terminal should not get as \xNN. */
static void print_escaped(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\n' && i + 1 == size)
            break;
        if (c >= ' ' && c < 127)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    putchar('\n');
    fflush(stdout);
}

/* Reads one reply: a line, or "$<size> " and as many bytes. Its size, or 0 at the end. */
static size_t reply_read(FILE *stream, char reply[KV_REPLY_MAX])
{
    size_t used = 0, want = 0;
    int c;

    while (used < KV_REPLY_MAX && (c = getc(stream)) != EOF) {
        reply[used++] = (char)c;
        if (want == 0 && reply[0] == '$' && c == ' ')
            want = used + strtoul(reply + 1, NULL, 10) + 1;
        if (want ? used == want : c == '\n')
            return used;
    }
    return 0;
}

static size_t request(FILE *stream, const char *line, char reply[KV_REPLY_MAX])
{
    fprintf(stream, "%s\n", line);
    if (fflush(stream) != 0)
        return 0;
    return reply_read(stream, reply);
}

/* kvtool ask PORT LINE...: sends the lines over one connection and prints the replies. */
static int tool_ask(const char *port, char **lines)
{
    FILE *stream = connect_loopback(port);
    char reply[KV_REPLY_MAX];

    if (!stream) {
        perror("kvtool");
        return 1;
    }
    for (; *lines; lines++) {
        size_t size = request(stream, *lines, reply);

        if (size == 0) {
            fprintf(stderr, "kvtool: the connection broke\n");
            return 1;
        }
        print_escaped(reply, size);
    }
    fclose(stream);
    return 0;
}

/* One round of correct requests whose replies are known. Returns how many went wrong. */
static int load_round(FILE *stream, unsigned long round)
{
    char line[KV_LINE_MAX], want[KV_LINE_MAX], reply[KV_REPLY_MAX];
    int failed = 0, n;
    size_t size;

    n = snprintf(line, sizeof(line), "ECHO 16 round %010lu", round % 10000000000ul);
    snprintf(want, sizeof(want), "$16 %s\n", line + n - 16);
    size = request(stream, line, reply);
    failed += size != strlen(want) || memcmp(reply, want, size) != 0;
    snprintf(line, sizeof(line), "SET load 10 %010lu", round % 10000000000ul);
    snprintf(want, sizeof(want), "$10 %010lu\n", round % 10000000000ul);
    size = request(stream, line, reply);
    failed += size != 4 || memcmp(reply, "+OK\n", 4) != 0;
    size = request(stream, "GET load", reply);
    failed += size != strlen(want) || memcmp(reply, want, size) != 0;
    return failed;
}

/* kvtool load PORT: asks without a pause until SIGTERM, then says how it went. */
static int tool_load(const char *port)
{
    FILE *stream = connect_loopback(port);
    unsigned long rounds = 0, failed = 0;

    if (!stream) {
        perror("kvtool");
        return 1;
    }
    signal(SIGTERM, stop);
    for (; !stopped; rounds++)
        failed += (unsigned long)load_round(stream, rounds);
    printf("requests %lu failed %lu\n", rounds * 3, failed);
    return failed != 0;
}

/*
 * kvtool late LIBRARY: waits for lines on standard input. "open" loads the library; any other line
 * is answered by it.
 */
static int tool_late(const char *library)
{
    size_t (*answer)(struct kv_store *, const char *, size_t, char *, size_t) = NULL;
    struct kv_store *(*store_new)(void);
    struct kv_store *store = NULL;
    char line[KV_LINE_MAX] = "", reply[KV_REPLY_MAX];

    puts("waiting");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        size_t used = strcspn(line, "\n");

        line[used] = '\0';
        if (!answer && strcmp(line, "open") == 0) {
            void *handle = dlopen(library, RTLD_NOW);

            store_new = handle ? (struct kv_store * (*)(void)) dlsym(handle, "kv_store_new") : NULL;
            answer = handle ? (__typeof__(answer))dlsym(handle, "kv_answer") : NULL;
            store = store_new ? store_new() : NULL;
            puts(store && answer ? "opened" : dlerror());
            fflush(stdout);
        } else if (answer) {
            print_escaped(reply, answer(store, line, used, reply, sizeof(reply)));
        } else {
            puts("not opened");
            fflush(stdout);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "ask") == 0)
        return tool_ask(argv[2], argv + 3);
    if (argc == 3 && strcmp(argv[1], "load") == 0)
        return tool_load(argv[2]);
    if (argc == 3 && strcmp(argv[1], "late") == 0)
        return tool_late(argv[2]);
    fprintf(stderr, "usage: kvtool ask PORT LINE...\n"
                    "       kvtool load PORT\n"
                    "       kvtool late LIBRARY\n");
    return 2;
}
