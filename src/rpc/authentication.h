/* SPDX-License-Identifier: Apache-2.0 */
/* How a security context came about, in one line for people. */
#pragma once
#include <stdint.h>
#include "io/address.h"

#define RPC_CHOICE_SIZE         640u /* "NTLM, chosen by Negotiate because " and a sentence */
#define RPC_AUTHENTICATION_SIZE 1280u

/* Gets such lines, printable whoever the peer is, at LOG_DEBUG of syslog, on the thread that made or verified
 * the context. It must not call the client or server that it is told of. */
typedef void (*RpcTrace)(void *context, int priority, const char *sentence);

/* Everything is borrowed. */
typedef struct RpcAuthentication {
    const char *who;             /* the principal that was shown, or proved */
    const char *target;          /* the server's; NULL or empty: none was named */
    const IoAddress *peer;       /* NULL: it does not matter */
    const char *choice;          /* by which mechanism, and why: "Kerberos, chosen by Negotiate" */
    uint8_t level;               /* RPC_C_AUTHN_LEVEL_* */
    uint8_t impersonation_level; /* RPC_C_IMP_LEVEL_* */
} RpcAuthentication;

/* "authenticated as alice@LAB.TEST to RPCSS/a.lab.test at 127.0.0.2:135, privacy, impersonate, by Kerberos".
 */
void rpc_authentication_outgoing(const RpcAuthentication *authentication,
                                 char ret_line[RPC_AUTHENTICATION_SIZE]);
/* "authenticated alice@LAB.TEST from 127.0.0.1:40000 to RPCSS/a.lab.test, privacy, impersonate, by Kerberos".
 */
void rpc_authentication_incoming(const RpcAuthentication *authentication,
                                 char ret_line[RPC_AUTHENTICATION_SIZE]);
/* "privacy", "impersonate"; "?" for what is none. */
const char *rpc_authn_level_name(uint32_t level);
const char *rpc_impersonation_level_name(uint32_t level);
