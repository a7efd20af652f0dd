/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint mapper ([C706] appendix O, [MS-RPCE] 2.2.1.2): which interface of this machine is behind which
 * TCP port. Anybody may ask; only code of this process enters and withdraws.
 *
 * A search that does not fit into one answer leaves a handle here. It belongs to the association and the user
 * (or address) that asked, ends after ENDPOINT_HANDLE_SECONDS without use, and when its owner begins too many
 * others. It is a place in the map, not a copy of it: what is entered meanwhile is found, what is withdrawn
 * is not. Thread-safe.
 */
#pragma once
#include "pdu/pdu.h"
#include "rpc/endpoint-message.h"
#include "rpc/server.h"

#define ENDPOINT_ENTRIES_MAX        16384u
#define ENDPOINT_ENTRIES_PER_OWNER  64u
#define ENDPOINT_HANDLES_MAX        4096u
#define ENDPOINT_HANDLES_PER_CALLER 32u
#define ENDPOINT_HANDLE_SECONDS     60u

typedef struct EndpointMapper EndpointMapper;

typedef struct EndpointEntry {
    PduSyntax iface;
    Guid object; /* all zeroes: of every object */
    uint16_t port;
    char annotation[ENDPOINT_ANNOTATION_SIZE];
} EndpointEntry;

/* RPCST_OK, RPCST_OUT_OF_MEMORY. */
RpcStatus endpoint_mapper_new(EndpointMapper **ret_mapper) must_use;
EndpointMapper *endpoint_mapper_free(EndpointMapper *mapper);
DEFINE_CLEANUP(EndpointMapper, endpoint_mapper_free)
/* RPCST_OK; RPCST_OUT_OF_RESOURCES at a limit; RPCST_OUT_OF_MEMORY. */
RpcStatus endpoint_mapper_add(EndpointMapper *mapper, uint64_t owner, const EndpointEntry *entry) must_use;
/* Everything that this owner entered. */
void endpoint_mapper_remove(EndpointMapper *mapper, uint64_t owner);
/* To be registered with the server on the resolver's port; lives as long as the mapper. */
const RpcInterface *endpoint_mapper_interface(EndpointMapper *mapper);

typedef struct EndpointMapperState {
    size_t entries, handles;
} EndpointMapperState;
EndpointMapperState endpoint_mapper_state(EndpointMapper *mapper);
