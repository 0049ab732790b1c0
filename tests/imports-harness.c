// SPDX-License-Identifier: GPL-2.0-or-later
// Test harness linked into a target: calls run() once at the start and once for each line it reads,
// and ends each time with a new line. A line with a name calls the function of the program that the
// dynamic linker finds by it (dlopen and dlclose cases).
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void run(void); /* of the test case */

int main(void)
{
    char line[256];

    run();
    puts("");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        void (*function)(void);

        line[strcspn(line, "\n")] = '\0';
        function = line[0] ? (void (*)(void))dlsym(RTLD_DEFAULT, line) : run;
        if (function)
            function();
        puts(function ? "" : "no such function");
        fflush(stdout);
    }
    return 0;
}
