/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activation: CoCreateInstanceEx and CoGetClassObject as a client, and the answers to others.
 *
 * Who activates is decided by com/cloak.h alone (facts ACT-1, ACT-2); an identity that cannot be used fails
 * the activation before anything is sent under it, and there is no second try.
 */
#pragma once
#include "com/security.h"
#include "io/address.h"
#include "orpc/registrar-client.h"

#define ACTIVATION_DEADLINE      (60ull * 1000000000ull)
#define ACTIVATION_PRINCIPAL_MAX 1024u /* characters of pwszServerPrincName */

/* Where to activate. */
typedef struct ActivationTarget {
    char host[IO_HOST_SIZE]; /* as the program typed it, without slashes and port: the SPN is RPCSS/<host> */
    uint16_t port;           /* of the resolver */
    char address[IO_HOST_SIZE]; /* what to connect to; "" means `host` */
} ActivationTarget;

/* From COSERVERINFO.pwszName: `host`, `//host`, `\\host`, each with `:port`, `[::1]:port`. The port is the
 * name's, else that of [resolver] hosts_file, else that of mantle.conf. S_OK; CO_E_BAD_SERVER_NAME with a
 * sentence; E_OUTOFMEMORY. */
HRESULT activation_target(const OLECHAR *name, ActivationTarget *ret_target) must_use;
/* This machine's mantled. */
HRESULT activation_target_local(ActivationTarget *ret_target) must_use;

/* COAUTHINFO, checked, with the defaults filled in (ACT-4, ACT-5, ACT-11). Owns what it has. */
typedef struct ActivationSecurity {
    bool unsecured; /* asked for: nobody authenticates */
    uint8_t authn_service, authn_level, impersonation;
    bool mutual;        /* the server has to prove who it is, too (RPC-6) */
    char *principal;    /* NULL: RPCSS/<host> */
    Identity *identity; /* of pAuthIdentityData, or NULL */
    const char *folder; /* of this machine's mantled, which is asked over its UNIX socket; borrowed. NULL: it
                           is not */
    char account[16]; /* then: of mantled, where mantle-authd holds who asks; "": the kernel says who it is */
} ActivationSecurity;

/* `info` may be NULL. S_OK; E_INVALIDARG, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE),
 * HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE) (ACT-11) with a sentence; E_OUTOFMEMORY. */
HRESULT activation_security(const COAUTHINFO *info, const ProcessSecurity *process,
                            ActivationSecurity *ret_security) must_use;
void activation_security_deinit(ActivationSecurity *security);

/* mantled hands on somebody's activation: makes the object and adds one result per IID. Runs in the class
 * object's apartment. S_OK; REGDB_E_CLASSNOTREG; what the class object said. */
HRESULT activation_serve(const RegistrarActivation *request, RegistrarAnswer *answer) must_use;
