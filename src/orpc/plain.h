/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stubs of the interfaces that strangers call first: IObjectExporter, IRemoteSCMActivator and IRemUnknown2
 * ([MS-DCOM] 3.1.1.5.6, 3.1.2.5). One function per direction and side; errors stick to the reader or writer,
 * which is that of the whole stub. The arguments of IRemUnknown follow the ORPCTHIS or ORPCTHAT that the
 * caller has already read or written; results end with the status of the call, which these functions read and
 * write.
 *
 * Arrays are views; plain_guid() and plain_u64() index them.
 */
#pragma once
#include <wtypes.h>
#include "orpc/objref.h"
#include "orpc/orpcthis.h"

#define PLAIN_PROTSEQS_MAX   64
#define PLAIN_INTERFACES_MAX 4096 /* IIDs or references of one IRemUnknown call */
#define REFERENCE_SIZE       24   /* REMINTERFACEREF */
#define QI_RESULT_SIZE       48   /* REMQIRESULT */

extern const Guid IID_OBJECT_EXPORTER, IID_SCM_ACTIVATOR, IID_REM_UNKNOWN, IID_REM_UNKNOWN2;

enum {
    OP_RESOLVE_OXID = 0,
    OP_SIMPLE_PING,
    OP_COMPLEX_PING,
    OP_SERVER_ALIVE,
    OP_RESOLVE_OXID2,
    OP_SERVER_ALIVE2
};
enum { OP_GET_CLASS_OBJECT = 3, OP_CREATE_INSTANCE = 4 };
enum { OP_REM_QUERY_INTERFACE = 3, OP_REM_ADD_REF, OP_REM_RELEASE, OP_REM_QUERY_INTERFACE2 };

Guid plain_guid(const uint8_t *array, size_t index);
uint64_t plain_u64(const uint8_t *array, size_t index);

/* IObjectExporter. `status` is an error_status_t: 0 or OR_*. */
#define OR_INVALID_OXID 1910u
#define OR_INVALID_OID  1911u
#define OR_INVALID_SET  1912u

typedef struct ResolveOxidIn {
    uint64_t oxid;
    uint16_t protseq_count;
    uint16_t protseqs[PLAIN_PROTSEQS_MAX];
} ResolveOxidIn;
typedef struct ResolveOxidOut {
    Bindings bindings; /* data NULL: a null pointer, as after a failure */
    Guid rem_unknown;
    uint32_t authn_hint;
    ComVersion version; /* ResolveOxid2 only */
    uint32_t status;
} ResolveOxidOut;
void resolve_oxid_in_read(Reader *reader, ResolveOxidIn *ret_in);
void resolve_oxid_in_write(Writer *writer, const ResolveOxidIn *in);
void resolve_oxid_out_read(Reader *reader, bool with_version, ResolveOxidOut *ret_out);
void resolve_oxid_out_write(Writer *writer, bool with_version, const ResolveOxidOut *out);

uint64_t simple_ping_in_read(Reader *reader);
void simple_ping_in_write(Writer *writer, uint64_t set);

typedef struct ComplexPingIn {
    uint64_t set;
    uint16_t sequence, add_count, remove_count;
    const uint8_t *add, *remove; /* OIDs, 8 bytes each */
} ComplexPingIn;
typedef struct ComplexPingOut {
    uint64_t set;
    uint16_t backoff;
    uint32_t status;
} ComplexPingOut;
void complex_ping_in_read(Reader *reader, ComplexPingIn *ret_in);
void complex_ping_in_write(Writer *writer, const ComplexPingIn *in);
void complex_ping_out_read(Reader *reader, ComplexPingOut *ret_out);
void complex_ping_out_write(Writer *writer, const ComplexPingOut *out);

/* SimplePing, ServerAlive, RemRelease: nothing but the status. */
uint32_t plain_status_read(Reader *reader);
void plain_status_write(Writer *writer, uint32_t status);

typedef struct ServerAlive2Out {
    ComVersion version;
    Bindings bindings; /* of the resolver, without endpoints */
    uint32_t status;
} ServerAlive2Out;
void server_alive2_out_read(Reader *reader, ServerAlive2Out *ret_out);
void server_alive2_out_write(Writer *writer, const ServerAlive2Out *out);

/* IRemoteSCMActivator. `objref` is an OBJREF_CUSTOM: orpc/activation.h; NULL: a null pointer. */
typedef struct ActivateIn {
    OrpcThis orpc;
    const uint8_t *objref;
    size_t objref_length;
} ActivateIn;
typedef struct ActivateOut {
    OrpcThat orpc;
    const uint8_t *objref;
    size_t objref_length;
    HRESULT status;
} ActivateOut;
void activate_in_read(Reader *reader, uint16_t opnum, ActivateIn *ret_in);
void activate_in_write(Writer *writer, uint16_t opnum, const ActivateIn *in);
void activate_out_read(Reader *reader, ActivateOut *ret_out);
void activate_out_write(Writer *writer, const ActivateOut *out);

/* IRemUnknown, IRemUnknown2. */
typedef struct RemQueryInterfaceIn {
    Guid ipid;
    uint32_t public_refs; /* RemQueryInterface only */
    uint16_t iid_count;
    const uint8_t *iids;
} RemQueryInterfaceIn;
void rem_query_interface_in_read(Reader *reader, RemQueryInterfaceIn *ret_in);
void rem_query_interface_in_write(Writer *writer, const RemQueryInterfaceIn *in);
void rem_query_interface2_in_read(Reader *reader, RemQueryInterfaceIn *ret_in);
void rem_query_interface2_in_write(Writer *writer, const RemQueryInterfaceIn *in);

typedef struct RemQueryResult {
    HRESULT status;
    StdObjref std;
} RemQueryResult;
/* Reads at most `capacity` results, which must be as many as were asked for; returns how many. After a
 * failure of the whole call (*ret_status) there may be none. */
size_t rem_query_interface_out_read(Reader *reader, RemQueryResult *ret_results, size_t capacity,
                                    HRESULT *ret_status);
/* `results` NULL: a null pointer. */
void rem_query_interface_out_write(Writer *writer, const RemQueryResult *results, uint16_t count,
                                   HRESULT status);

/* Results of RemQueryInterface2: statuses and OBJREFs (NULL where there is none). */
typedef struct RemQuery2Result {
    HRESULT status;
    const uint8_t *objref;
    size_t objref_length;
} RemQuery2Result;
size_t rem_query_interface2_out_read(Reader *reader, RemQuery2Result *ret_results, size_t capacity,
                                     HRESULT *ret_status);
void rem_query_interface2_out_write(Writer *writer, const RemQuery2Result *results, uint16_t count,
                                    HRESULT status);

typedef struct RemReference {
    Guid ipid;
    uint32_t public_refs, private_refs;
} RemReference;
/* RemAddRef and RemRelease have the same arguments. */
typedef struct RemReferencesIn {
    uint16_t count;
    const uint8_t *references; /* REFERENCE_SIZE each */
} RemReferencesIn;
void rem_references_in_read(Reader *reader, RemReferencesIn *ret_in);
RemReference rem_reference_at(const RemReferencesIn *in, size_t index);
void rem_references_in_write(Writer *writer, const RemReference *references, uint16_t count);
size_t rem_add_ref_out_read(Reader *reader, HRESULT *ret_results, size_t capacity, HRESULT *ret_status);
void rem_add_ref_out_write(Writer *writer, const HRESULT *results, uint16_t count, HRESULT status);
