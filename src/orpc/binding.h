/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DUALSTRINGARRAY: where an exporter or a resolver is reached and how it authenticates ([MS-DCOM] 2.2.19).
 *
 * Decoded it is a view: the bytes were checked once and are walked where they lie, without allocation. The
 * view lives as long as those bytes; bindings_dup() makes one that owns its own.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#define BINDING_TOWER_TCP    7    /* ncacn_ip_tcp */
#define BINDING_ADDRESS_SIZE 272  /* UTF-8 and NUL: a DNS name of 255, "[", five digits, "]" */
#define BINDING_HOST_SIZE    256  /* UTF-8 and NUL */
#define BINDINGS_ENTRIES_MAX 8192 /* 16-bit units in one array; Windows sends about 200 */

typedef struct Bindings {
    const uint8_t *data;      /* entries * 2 bytes, checked; NULL: none at all */
    uint16_t entries;         /* wNumEntries */
    uint16_t security_offset; /* wSecurityOffset */
} Bindings;

/* Decode; on malformed content the reader fails and *ret_bindings is empty. */
/* The packet form: two counts and the array. */
void bindings_read(Reader *reader, Bindings *ret_bindings);
/* The NDR form: maximum count, then as above. The referent is the caller's. */
void bindings_read_ndr(Reader *reader, Bindings *ret_bindings);
void bindings_write(Writer *writer, const Bindings *bindings);
void bindings_write_ndr(Writer *writer, const Bindings *bindings);
/* A copy whose bytes are freed with free((void *)copy->data). 0, -ENOMEM. */
int bindings_dup(const Bindings *bindings, Bindings *ret_copy) must_use;
static inline void bindings_deinit(Bindings *owned)
{
    free((void *)owned->data);
    *owned = (Bindings){0};
}

/* Walk. Start with a zeroed BindingsWalk; false at the end. Entries whose text is no valid UTF-16 or does not
 * fit are skipped: nothing could be done with them. */
typedef struct BindingsWalk {
    uint16_t position;
} BindingsWalk;
bool bindings_next_string(const Bindings *bindings, BindingsWalk *walk, uint16_t *ret_tower,
                          char ret_address[BINDING_ADDRESS_SIZE]);
/* `ret_principal` is "" when no SPN is given. */
bool bindings_next_security(const Bindings *bindings, BindingsWalk *walk, uint16_t *ret_service,
                            char ret_principal[BINDING_ADDRESS_SIZE]);

/* Build. */
typedef struct StringBinding {
    uint16_t tower;
    const char *address; /* "host", "host[port]", "::1[port]" */
} StringBinding;
typedef struct SecurityBinding {
    uint16_t service;      /* RPC_C_AUTHN_* */
    const char *principal; /* "" for none */
} SecurityBinding;
/* Owned as by bindings_dup. 0, -ENOMEM, -E2BIG (more than BINDINGS_ENTRIES_MAX), -EILSEQ (no UTF-8). */
int bindings_new(const StringBinding *strings, size_t string_count, const SecurityBinding *securities,
                 size_t security_count, Bindings *ret_bindings) must_use;

/* "host[port]" -> host, port (0 without one). IPv6 addresses may stand bare or in brackets: "::1",
 * "::1[5000]",
 * "[::1]", "[::1][5000]". 0, -EINVAL. */
int binding_split(const char *address, char ret_host[BINDING_HOST_SIZE], uint16_t *ret_port) must_use;
/* The reverse; port 0: no endpoint. 0, -ENAMETOOLONG. */
int binding_join(const char *host, uint16_t port, char ret_address[BINDING_ADDRESS_SIZE]) must_use;
