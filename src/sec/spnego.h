/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of Negotiate: RFC 4178 4.2, [MS-SPNG] 2.2.1. A client starts with NegTokenInit, in the framing
 * of RFC 2743 3.1; everything after it is NegTokenResp, bare. Pure: bytes in, bytes out; who chooses what is
 * in spnego-client.c and spnego-server.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/writer.h"

/* Mechanisms that a list may name; a longer list is refused. Windows names four. */
#define SPNEGO_LIST_MAX 64

/* What a MechType stands for. Windows' Kerberos was registered with a bit missing (1.2.840.48018.1.2.2); the
 * tokens are the same. */
typedef enum SpnegoOid {
    SPNEGO_UNKNOWN = 0, /* or absent */
    SPNEGO_KERBEROS_MS,
    SPNEGO_KERBEROS,
    SPNEGO_NTLM,
    SPNEGO_OID_END,
} SpnegoOid;

/* RPC_C_AUTHN_* of the mechanism; 0 for SPNEGO_UNKNOWN. */
uint8_t spnego_oid_service(SpnegoOid oid);

typedef enum SpnegoState {
    SPNEGO_COMPLETED = 0,
    SPNEGO_INCOMPLETE = 1,
    SPNEGO_REJECT = 2,
    SPNEGO_REQUEST_MIC = 3,
    SPNEGO_NO_STATE = 4, /* the field is absent */
} SpnegoState;

/* `data` NULL: the field is absent. */
typedef struct SpnegoBytes {
    const uint8_t *data;
    size_t length;
} SpnegoBytes;

typedef struct SpnegoInit {
    SpnegoBytes list; /* the MechTypeList as it lies in the token: what the MIC is over */
    SpnegoOid oids[SPNEGO_LIST_MAX];
    size_t count;
    SpnegoBytes token;
} SpnegoInit;

typedef struct SpnegoResponse {
    SpnegoState state;
    bool has_oid; /* `oid` may be SPNEGO_UNKNOWN all the same */
    SpnegoOid oid;
    SpnegoBytes token, mic;
} SpnegoResponse;

/* What a first token is. */
typedef enum SpnegoKind {
    SPNEGO_KIND_OTHER = 0,
    SPNEGO_KIND_INIT,
    SPNEGO_KIND_RAW_KERBEROS, /* an AP-REQ without Negotiate around it, framed or not */
    SPNEGO_KIND_RAW_NTLM,
} SpnegoKind;
SpnegoKind spnego_kind(const uint8_t *token, size_t length);

/* Both point into `token`. 0, -EBADMSG. */
int spnego_init_read(const uint8_t *token, size_t length, SpnegoInit *ret_init) must_use;
int spnego_response_read(const uint8_t *token, size_t length, SpnegoResponse *ret_response) must_use;

/* A MechTypeList. */
void spnego_list_write(Writer *writer, const SpnegoOid *oids, size_t count);
/* `list` is spnego_list_write()'s. */
void spnego_init_write(Writer *writer, SpnegoBytes list, SpnegoBytes token);
/* Fields that are absent are left out. */
void spnego_response_write(Writer *writer, const SpnegoResponse *response);
