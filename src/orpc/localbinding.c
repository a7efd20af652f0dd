/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/localbinding.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int address_of(const char *runtime, const char *rest, IoAddress *ret_address)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int length = snprintf(path, sizeof(path), "%s/%s", runtime, rest);
    if (length < 0 || (size_t)length >= sizeof(path)) return -ENAMETOOLONG;
    return io_address_unix(path, ret_address);
}

int local_exporter_address(const char *runtime, uint64_t oxid, IoAddress *ret_address)
{
    char name[sizeof(LOCAL_FOLDER) + 17];
    (void)snprintf(name, sizeof(name), LOCAL_FOLDER "/%016" PRIx64, oxid);
    return address_of(runtime, name, ret_address);
}

int local_resolver_address(const char *runtime, IoAddress *ret_address)
{
    return address_of(runtime, LOCAL_RESOLVER, ret_address);
}

static void format(uid_t owner, uint64_t oxid, char text[BINDING_ADDRESS_SIZE])
{
    (void)snprintf(text, BINDING_ADDRESS_SIZE, "%u[%016" PRIx64 "]", (unsigned)owner, oxid);
}

int bindings_with_local(const Bindings *bindings, uid_t owner, uint64_t oxid, Bindings *ret_bindings)
{
    _cleanup_(writer_deinitp) Writer writer;
    char text[BINDING_ADDRESS_SIZE];
    uint8_t *data = NULL;
    size_t length;
    format(owner, oxid, text);
    writer_init(&writer, BINDINGS_ENTRIES_MAX * 2);
    writer_u16(&writer, BINDING_TOWER_LOCAL);
    for (const char *at = text; *at; at++)
        writer_u16(&writer, (uint16_t)*at);
    writer_u16(&writer, 0);
    const size_t added = writer.length / 2;
    /* An empty list of strings is two zeroes, any other ends with one. [MS-DCOM] 2.2.19.1 */
    const bool none = bindings->security_offset == 2 && bindings->data[0] == 0 && bindings->data[1] == 0;
    const size_t skipped = none ? 1 : 0;
    writer_bytes(&writer, bindings->data + 2 * skipped, 2 * (size_t)bindings->entries - 2 * skipped);
    int r = writer_take(&writer, &data, &length);
    if (r < 0) return r;
    *ret_bindings =
        (Bindings){data, (uint16_t)(length / 2), (uint16_t)(bindings->security_offset + added - skipped)};
    return 0;
}

int bindings_find_local(const Bindings *bindings, uint64_t oxid, uid_t *ret_owner)
{
    char text[BINDING_ADDRESS_SIZE], expected[BINDING_ADDRESS_SIZE];
    BindingsWalk walk = {0};
    uint16_t tower;
    while (bindings_next_string(bindings, &walk, &tower, text)) {
        if (tower != BINDING_TOWER_LOCAL) continue;
        char *end;
        errno = 0;
        unsigned long owner = strtoul(text, &end, 10);
        if (errno || owner >= UINT32_MAX) continue;
        format((uid_t)owner, oxid, expected); /* one way to write it */
        if (strcmp(text, expected) != 0) continue;
        *ret_owner = (uid_t)owner;
        return 0;
    }
    return -ENOENT;
}

bool bindings_equal(const Bindings *a, const Bindings *b)
{
    return a->data && b->data && a->entries == b->entries && a->security_offset == b->security_offset &&
           memcmp(a->data, b->data, 2 * (size_t)a->entries) == 0;
}
