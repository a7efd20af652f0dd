/* SPDX-License-Identifier: Apache-2.0 */
/* `mantle lab`: hands over to mantle-lab, which lies beside this program or where it was installed. */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int command_lab(int argc, char **argv)
{
    char own[4096], *path = NULL;
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length > 0) {
        own[length] = '\0';
        *strrchr(own, '/') = '\0';
        if (asprintf(&path, "%s/lab/mantle-lab", own) < 0) path = NULL;
    }
    if (path) execv(path, argv);
    free(path);
    execv(INSTALLED_LAB, argv);
    fprintf(stderr, "mantle lab: cannot run mantle-lab: %m\n");
    return 125;
}
