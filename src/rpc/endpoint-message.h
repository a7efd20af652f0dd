/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stubs of the endpoint mapper's interface ([C706] appendix O, [MS-RPCE] 2.2.1.2), both ways. What is
 * read consists of views into the stub and lives as long as that does.
 */
#pragma once
#include "rpc/endpoint-tower.h"

extern const Guid IID_ENDPOINT_MAPPER;
#define ENDPOINT_MAPPER_MAJOR 3

enum {
    OP_EPT_INSERT,
    OP_EPT_DELETE,
    OP_EPT_LOOKUP,
    OP_EPT_MAP,
    OP_EPT_LOOKUP_HANDLE_FREE,
    OP_EPT_INQ_OBJECT,
    OP_EPT_MGMT_DELETE,
};

/* error_status */
#define EPT_S_CANT_PERFORM_OP 0x000006d8u /* [MS-RPCE] 2.2.1.2.1 */
#define EPT_S_NOT_REGISTERED  0x16c9a0d6u

#define ENDPOINT_PAGE_MAX        500u /* [MS-RPCE] 2.2.1.2.4 */
#define ENDPOINT_ANNOTATION_SIZE 64u  /* with the NUL */

typedef enum EndpointMatch { MATCH_ALL, MATCH_INTERFACE, MATCH_OBJECT, MATCH_BOTH } EndpointMatch;
typedef enum EndpointVersion {
    VERSION_ALL = 1,
    VERSION_COMPATIBLE,
    VERSION_EXACT,
    VERSION_MAJOR_ONLY,
    VERSION_UPTO,
} EndpointVersion;

/* ept_lookup_handle_t; all zeroes: none. */
typedef struct EndpointHandle {
    uint32_t attributes;
    Guid id;
} EndpointHandle;
bool endpoint_handle_is_null(const EndpointHandle *handle);

typedef struct EptLookupIn {
    uint32_t match, version; /* as they came */
    bool has_object, has_interface;
    Guid object;
    PduSyntax iface;
    EndpointHandle handle;
    uint32_t max; /* at most ENDPOINT_PAGE_MAX */
} EptLookupIn;
typedef struct EptMapIn {
    bool has_object;
    Guid object;
    const uint8_t *tower; /* NULL: none */
    size_t tower_length;
    EndpointHandle handle;
    uint32_t max;
} EptMapIn;
/* An element of the map. */
typedef struct EndpointRecord {
    Guid object; /* of ept_lookup, as is the annotation */
    char annotation[ENDPOINT_ANNOTATION_SIZE];
    const uint8_t *tower; /* NULL: a null pointer */
    size_t tower_length;
} EndpointRecord;
/* The answer of ept_lookup and, without objects and annotations, of ept_map. */
typedef struct EptOut {
    EndpointHandle handle;
    uint32_t max, count; /* as asked for; as found */
    EndpointRecord *records;
    uint32_t status;
} EptOut;

void ept_lookup_in_read(Reader *reader, EptLookupIn *ret_in);
void ept_lookup_in_write(Writer *writer, const EptLookupIn *in);
void ept_map_in_read(Reader *reader, EptMapIn *ret_in);
void ept_map_in_write(Writer *writer, const EptMapIn *in);
/* `records` has room for ret_out->max records, which is what was asked for and was set by the caller. */
void ept_out_read(Reader *reader, bool map, EndpointRecord *records, EptOut *ret_out);
void ept_out_write(Writer *writer, bool map, const EptOut *out);
/* ept_lookup_handle_free. */
void endpoint_handle_read(Reader *reader, EndpointHandle *ret_handle);
void endpoint_handle_write(Writer *writer, const EndpointHandle *handle);
