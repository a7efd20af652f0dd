/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blanket: how calls on one interface of one proxy are made. Immutable and reference counted: SetBlanket
 * makes a new one and the proxy swaps the pointer, so that a call under way keeps the one it began with, and
 * of two concurrent SetBlanket one wins as a whole (PB-8).
 */
#pragma once
#include "base/cleanup.h"
#include "base/refcount.h"
#include "com/cloak.h"
#include "com/identity.h"
#include "com/security.h"
#include "orpc/binding.h"

#define BLANKET_PRINCIPAL_MAX 1024u /* characters */

/* Everything is resolved: no DEFAULT is left. */
typedef struct Blanket {
    RefCount refs;
    bool set;               /* SetBlanket made it; else it is what negotiation gave */
    uint32_t authn_service; /* RPC_C_AUTHN_*, NONE only where it was asked for or nothing else is possible */
    uint32_t authn_level;   /* NONE exactly when the service is NONE; CALL became PKT */
    uint32_t impersonation_level; /* as it was asked for: ANONYMOUS is sent as IDENTIFY */
    uint32_t capabilities;        /* EOAC_* that calls depend on */
    char *principal;              /* of the server; NULL: none, which Kerberos cannot use */
    bool negotiated;              /* SetBlanket left the service open */
    bool local;            /* calls as this process go over the exporter's UNIX socket: the kernel says who
                              it is, whatever service stands above */
    Identity *identity;    /* given explicitly, or what COLE_DEFAULT_AUTHINFO came to */
    Token *captured;       /* static cloaking by SetBlanket */
    const void *auth_info; /* what QueryBlanket gives (ERR-8) */
} Blanket;

/* What is known of the server: its SECURITYBINDINGs in order, and pAuthnHint of ResolveOxid2 or the
 * activation. */
typedef struct BlanketServer {
    const Bindings *bindings;
    uint32_t authn_hint; /* 0: none */
    bool local;          /* of this machine, and listens on a UNIX socket */
} BlanketServer;

/* The parameters of SetBlanket under their names there. */
typedef struct BlanketArgs {
    DWORD dwAuthnSvc, dwAuthzSvc;
    const OLECHAR *pServerPrincName;
    DWORD dwAuthnLevel, dwImpLevel;
    const void *pAuthInfo;
    DWORD dwCapabilities;
} BlanketArgs;

/* The blanket of a proxy nobody called SetBlanket on (NEG-1 to NEG-6). RPC_E_NO_GOOD_SECURITY_PACKAGES: the
 * server offers no service that can be used here; a server that offers none at all is called without security
 * only by a process whose own level is NONE. */
HRESULT blanket_new_default(const ProcessSecurity *security, const BlanketServer *server,
                            Blanket **ret_blanket) must_use;
/*
 * SetBlanket: checks PB-9 to PB-15, resolves each DEFAULT, captures for static cloaking (`thread`, else
 * `process`; either may be NULL). `previous` is what the proxy has now: a NULL principal keeps its (PB-12).
 * Failures, E_OUTOFMEMORY apart, have a sentence; E_INVALIDARG;
 * HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE): a service that is not implemented;
 * RPC_E_NO_GOOD_SECURITY_PACKAGES as above.
 */
HRESULT blanket_new_set(const ProcessSecurity *security, const BlanketServer *server, const Blanket *previous,
                        const BlanketArgs *args, Token *thread, Token *process,
                        Blanket **ret_blanket) must_use;
Blanket *blanket_ref(Blanket *blanket);
Blanket *blanket_unref(Blanket *blanket);
DEFINE_CLEANUP(Blanket, blanket_unref)

/* QueryBlanket: every result may be NULL; *ret_principal is task memory. S_OK, E_OUTOFMEMORY. */
HRESULT blanket_query(const Blanket *blanket, DWORD *ret_service, DWORD *ret_authz, OLECHAR **ret_principal,
                      DWORD *ret_level, DWORD *ret_impersonation, void **ret_auth_info,
                      DWORD *ret_capabilities) must_use;
/* What the decision of com/cloak.h is made from, for a call by this blanket. Everything is borrowed. */
CloakInput blanket_cloak_input(const Blanket *blanket, const ProcessSecurity *security, Token *proxy_captured,
                               Token *thread, Token *process);
