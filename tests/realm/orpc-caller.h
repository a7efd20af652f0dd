/* SPDX-License-Identifier: Apache-2.0 */
/* Callers with tickets, who activate an object of the lab's host a and say to it and to its machine, byte by
 * byte, what they like. */
#pragma once
#include <rpcdce.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "orpc/activator.h"
#include "orpc/plain.h"
#include "orpc/remote.h"
#include "tests/realm/krb5-fixture.h"

#define HOST        "a.lab.test"
#define SLOT_WHOAMI 3
#define SLOT_ECHO   4
#define SLOT_NULL   5
#define SLOT_NONE   77
#define DATA        "0123456789"

/* One caller: a user, its own connections, an object it activated. */
typedef struct Caller {
    Token *token;
    RpcClient *client;
    RemoteTable *table;
    RemoteExporter *exporter;
    RpcSecurity *security, *resolver_security;
    RpcBinding *resolver;
    StdObjref object; /* as it was activated */
    Guid ipid;
} Caller;

/* A call as it stands, to the object or to the resolver's activator. The reply is copied into `ret_reply`. */
typedef struct CallerCall {
    const Guid *ipid; /* NULL: the activator */
    uint16_t opnum;
    const uint8_t *stub;
    size_t length;
    const Guid *iid; /* that the IPID is said to be of; NULL: its own */
} CallerCall;

/* What all callers need; false outside a lab. */
bool callers_setup(void);
void callers_teardown(void);
/* A user of the lab; fails the test when that is none. */
void caller_init(Caller *caller, const char *user);
void caller_deinit(Caller *caller);
/* RPCST_OK, or the status of a fault: anything else fails the test. */
RpcStatus caller_run(const Caller *caller, const CallerCall *call, Writer *ret_reply);
void caller_put_this(Writer *writer, uint16_t major, uint32_t flags);
/* Echo([in] ULONG count, [in, size_is(count)] const BYTE *data, [out, size_is(count)] BYTE *copy) */
void caller_put_echo(Writer *writer, uint32_t count, uint32_t conformance, size_t bytes);
/* The caller's object answers. */
void caller_echo(const Caller *caller);
