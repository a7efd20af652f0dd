/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the table of hosts: refused with a line and nothing changed, or taken as a whole.
 * Decoder: src/io/hosts.c
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "io/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every word of the input as a name: found or not, the answer is whole. */
static void look_up(const char *text, bool loaded)
{
    _cleanup_(freep) char *copy = strdup(text);
    char *rest = NULL;
    unsigned names = 0;
    if (!copy) return;
    for (char *name = strtok_r(copy, " \t\r\n", &rest); name && names < 64;
         name = strtok_r(NULL, " \t\r\n", &rest), names++) {
        _cleanup_(freep) IoAddressList *list = NULL;
        int r = io_hosts_find(name, 135, &list);
        assert(loaded || r == -ENOENT);
        assert(r == 0 ? list->count > 0 && list->count <= IO_ADDRESS_LIST_MAX : r == -ENOENT && !list);
        assert(r == 0 || io_hosts_resolver_port(name) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    unsigned line = 0;
    _cleanup_(closep) int fd = memfd_create("hosts", MFD_CLOEXEC);
    _cleanup_(freep) char *text = strndup((const char *)data, size);
    if (fd < 0 || !text || (size > 0 && write(fd, data, size) != (ssize_t)size)) return 0;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = io_hosts_load(NULL, NULL);
    assert(r == 0);
    r = io_hosts_load(path, &line);
    assert(r == 0 || r == -EINVAL || r == -E2BIG);
    look_up(text, r == 0);
    return 0;
}
