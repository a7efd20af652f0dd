/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the lab are programs of their own: the tool that administrators install need not carry them. */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_PROGRAM 125

int cli_run_lab_program(const char *name, char **argv)
{
    char own[4096], *path = NULL;
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash) *slash = '\0';
    if (asprintf(&path, "%s/lab/%s", own, name) < 0) return EXIT_NO_PROGRAM;
    execv(path, argv);
    free(path);
    if (asprintf(&path, "%s/%s", INSTALLED_LAB, name) < 0) return EXIT_NO_PROGRAM;
    execv(path, argv);
    fprintf(stderr, "mantle: cannot run %s: %m\n", path);
    free(path);
    return EXIT_NO_PROGRAM;
}
