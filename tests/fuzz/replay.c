/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of a folder, as one TAP case per file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input lies in a block of exactly its size, so that a sanitizer sees a read past its end. */
static int replay_file(const char *folder, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) return -1;
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *data = size >= 0 ? malloc(size ? (size_t)size : 1) : NULL;
    int r = data && fread(data, 1, (size_t)size, file) == (size_t)size ? 0 : -1;
    if (r == 0) (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    fclose(file);
    return r;
}

int main(int argc, char **argv)
{
    struct dirent **names = NULL;
    int count = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;
    if (count < 0) {
        fprintf(stderr, "usage: %s FOLDER (of inputs)\n", argv[0]);
        return 2;
    }
    int ran = 0, failed = 0;
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            int r = replay_file(argv[1], names[i]->d_name);
            printf("%sok %d - %s\n", r ? "not " : "", ++ran, names[i]->d_name);
            fflush(stdout);
            failed += r != 0;
        }
        free(names[i]);
    }
    free(names);
    printf("1..%d\n", ran);
    return ran == 0 || failed ? 1 : 0;
}
