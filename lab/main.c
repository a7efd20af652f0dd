/* SPDX-License-Identifier: Apache-2.0 */
/* mantle-lab: what `mantle lab` runs. */
#include "lab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a build folder mantle and mantled lie one above this program; installed they lie where Meson put them.
 */
static int find_programs(Lab *lab)
{
    char path[LAB_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    if (length <= 0 || length >= (ssize_t)sizeof(path)) return lab_error("cannot find my own path");
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    strcpy(lab->samples, path);
    char *slash = strrchr(path, '/');
    if (slash && strcmp(slash, "/lab") == 0) {
        *slash = '\0';
        return lab_path(lab->programs, "%s", path) < 0 ? -1 : lab_path(lab->daemons, "%s", path);
    }
    return lab_path(lab->programs, "%s", INSTALLED_PROGRAMS) < 0
               ? -1
               : lab_path(lab->daemons, "%s", INSTALLED_DAEMONS);
}

static int extend_path(const Lab *lab)
{
    const char *before = getenv("PATH");
    char *path = NULL;
    if (asprintf(&path, "%s:%s:/usr/sbin:/sbin", lab->programs, before ? before : "/usr/bin:/bin") < 0)
        return -1;
    int r = setenv("PATH", path, 1);
    free(path);
    return r;
}

/* The demonstration is a command like any other, run in a lab with one sensitive user. */
static int demonstrate(Lab *lab)
{
    char program[LAB_PATH_MAX];
    if (lab_path(program, "%s/mantle-demo", lab->samples) < 0) return LAB_EXIT_FAILED;
    char *argv[] = {"demo", "--users", "alice", "--sensitive", "sam", "--", program, NULL};
    int r = lab_options_parse(sizeof(argv) / sizeof(argv[0]) - 1, argv, &lab->options);
    return r != 0 ? r : lab_exec(lab);
}

int main(int argc, char **argv)
{
    static Lab lab = {.claim_fd = -1, .notify_fd = -1, .front_fd = -1};
    if (find_programs(&lab) < 0 || extend_path(&lab) < 0) return LAB_EXIT_FAILED;
    if (argc >= 2 && strcmp(argv[1], "exec") == 0) {
        int r = lab_options_parse(argc - 1, argv + 1, &lab.options);
        if (r == LAB_OPTIONS_HELP) return 0;
        return r != 0 ? r : lab_exec(&lab);
    }
    if (argc == 2 && strcmp(argv[1], "demo") == 0) return demonstrate(&lab);
    bool help = argc >= 2 && strcmp(argv[argc - 1], "--help") == 0;
    if (!help) {
        bool demo = argc > 2 && strcmp(argv[1], "demo") == 0;
        fprintf(stderr, "mantle lab: %s%s\n",
                argc < 2 ? "say what to do"
                : demo   ? "demo takes no arguments: "
                         : "this is neither exec nor demo: ",
                argc < 2 ? "" : argv[demo ? 2 : 1]);
    }
    fprintf(help ? stdout : stderr, "usage: mantle lab exec [OPTION ...] -- COMMAND ...\n"
                                    "       mantle lab demo\n"
                                    "       mantle lab --help\n\n"
                                    "mantle-lab(1) has the options.\n");
    return help ? 0 : 2;
}
