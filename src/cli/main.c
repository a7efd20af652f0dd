/* SPDX-License-Identifier: Apache-2.0 */
/* mantle: the table of verbs. */
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

#define EXIT_USAGE 2

static const struct {
    const char *name;
    const char *lab_program; /* or */
    int (*command)(int argc, char **argv);
    const char *about;
} VERBS[] = {
    {"config", NULL, command_config, "what mantle.conf says, and whether it can work"},
    {"endpoints", NULL, command_endpoints, "what a machine's endpoint mapper lists"},
    {"lab", "mantle-lab", NULL, "a disposable realm and hosts round a command"},
    {"whoami", "mantle-whoami", NULL, "whom each host of a chain of calls sees"},
};
#define N_VERBS (sizeof(VERBS) / sizeof(VERBS[0]))

static void print_help(FILE *file)
{
    fprintf(file, "usage: mantle VERB [OPTION ...]\n       mantle --help | --version\n\n");
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(file, "  %-9s %s\n", VERBS[i].name, VERBS[i].about);
    fprintf(file, "\nmantle-VERB(1) has the options of each.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mantle %s\n", MANTLE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(argv[1], VERBS[i].name) == 0)
            return VERBS[i].command ? VERBS[i].command(argc - 1, argv + 1)
                                    : cli_run_lab_program(VERBS[i].lab_program, argv + 1);
    fprintf(stderr, "mantle: no verb is called '%s'\n", argv[1]);
    print_help(stderr);
    return EXIT_USAGE;
}
