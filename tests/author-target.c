// SPDX-License-Identifier: GPL-2.0-or-later
// A program to be patched by a patch with hooks: does what its standard input says.
//
// The main thread does nothing, or keeps numbers in its floating-point registers; another one reads
// the commands. So a hook that is called on the main thread does not stop the answers.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the hooks find and leave. */
char trace_text[256];
volatile int wanted;     /* result of the pre-apply hook */
volatile int held;       /* hooks wait while it is set */
volatile int spin, torn; /* the main thread computes; its registers were changed */

int version(int x);
int remember(const void *object, int add);
int (*volatile call_version)(int) = version;

/* Compares what 8 registers hold over thousands of instructions with what was put there. */
static void keep_registers(void)
{
    double in = 1.25, out = 0;

    __asm__ volatile("movsd %1, %%xmm7\n\tmovsd %1, %%xmm15\n\tmov $20000, %%ecx\n"
                     "1:\tdec %%ecx\n\tjnz 1b\n\tsubsd %%xmm7, %%xmm15\n\t"
                     "addsd %%xmm15, %%xmm7\n\tmovsd %%xmm7, %0"
                     : "=m"(out)
                     : "m"(in)
                     : "rcx", "xmm7", "xmm15", "cc");
    if (out != 1.25)
        torn++;
}

static void child_run(void)
{
    pid_t pid = fork();
    char line[64];

    if (pid == 0) {
        printf("%d\n", getpid());
        fflush(stdout);
        while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n") != 0) {
            if (strcmp(line, "call\n") == 0)
                printf("%d\n", call_version(1));
            else
                printf("[%s]\n", trace_text);
            fflush(stdout);
        }
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    printf("ended\n");
}

static void obey(const char *line)
{
    static char objects[4];
    int number = atoi(line + strcspn(line, "0123456789"));

    if (strncmp(line, "call", 4) == 0)
        printf("%d\n", call_version(1));
    else if (strncmp(line, "trace", 5) == 0)
        printf("[%s]\n", trace_text);
    else if (strncmp(line, "want", 4) == 0)
        printf("%d\n", wanted = number);
    else if (strncmp(line, "hold", 4) == 0)
        printf("%d\n", held = number);
    else if (strncmp(line, "spin", 4) == 0)
        printf("%d\n", spin = number);
    else if (strncmp(line, "torn", 4) == 0)
        printf("%d\n", torn);
    else if (strncmp(line, "remember", 8) == 0)
        printf("%d\n", remember(&objects[number & 3], 1));
    else if (strncmp(line, "forget", 6) == 0)
        printf("%d\n", remember(&objects[number & 3], 0));
    else if (strncmp(line, "fork", 4) == 0)
        child_run();
    else
        printf("?\n");
    fflush(stdout);
}

static void *commands(void *unused)
{
    char line[64];

    (void)unused;
    while (fgets(line, sizeof(line), stdin))
        obey(line);
    exit(0);
}

int main(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, commands, NULL))
        return 1;
    for (;;)
        if (spin)
            keep_registers();
        else
            usleep(10000);
}
