/* SPDX-License-Identifier: Apache-2.0 */
/* The security of the process: what CoInitializeSecurity said, or its defaults. Set once, immutable
 * afterwards. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "com/access.h"
#include "com/identity.h"
#include "objidlbase.h"

#define SECURITY_SERVICES_MAX 64 /* entries of asAuthSvc, and of pAuthList */

/* What the configuration and the credential of the process add to the parameters (CIS-18). */
typedef struct SecurityDefaults {
    uint32_t authn_level;         /* LegacyAuthenticationLevel; CONNECT where nothing is configured */
    uint32_t impersonation_level; /* LegacyImpersonationLevel; IDENTIFY */
    bool can_accept;              /* there are keys to verify Kerberos callers with */
    bool ntlm;                    /* NTLM callers are accepted, and Negotiate may end with NTLM */
    bool secure_references;       /* LegacySecureReferences */
    const AccessSettings *access; /* NULL: nothing is configured. Lives as long as what is made with it */
    const char *classes_dir;      /* where AppIDs are; NULL: there are none */
    const char *program;          /* the program whose AppID is asked for; NULL: this process's */
} SecurityDefaults;

/* One entry of pAuthList. */
typedef struct SecurityIdentity {
    uint32_t service;
    const void *auth_info; /* the caller's pointer, given back by QueryBlanket, never followed */
    Identity *identity;    /* a copy of what it pointed to; NULL: the process's own */
} SecurityIdentity;

typedef struct ProcessSecurity {
    bool explicit_call;   /* CoInitializeSecurity was called */
    bool accepts;         /* a service is registered: secure calls can be received */
    uint32_t services;    /* registered by name: bits of 1 << RPC_C_AUTHN_*; 0: all that there are keys for */
    bool ntlm;            /* as in SecurityDefaults */
    bool local;           /* callers of this machine are taken, as the kernel says who they are */
    uint32_t authn_level; /* never DEFAULT */
    uint32_t impersonation_level; /* never DEFAULT */
    uint32_t capabilities;        /* EOAC_* */
    char *server_principal;       /* registered name; NULL: the process's */
    ProcessAccess access;         /* who may call */
    size_t identity_count;
    SecurityIdentity identities[];
} ProcessSecurity;

/* The parameters of CoInitializeSecurity under their names there. */
typedef struct SecurityArgs {
    const void *pSecDesc;
    LONG cAuthSvc;
    SOLE_AUTHENTICATION_SERVICE *asAuthSvc;
    const void *pReserved1;
    DWORD dwAuthnLevel, dwImpLevel;
    const SOLE_AUTHENTICATION_LIST *pAuthList;
    DWORD dwCapabilities;
    const void *pReserved3;
} SecurityArgs;

/* Checks all rules (CIS-4 to CIS-17, CIS-20) and makes what they say. Touches nothing but the `hr` of
 * asAuthSvc. Failures, E_OUTOFMEMORY apart, have a sentence. */
HRESULT security_new(const SecurityArgs *args, const SecurityDefaults *defaults,
                     ProcessSecurity **ret_security) must_use;
ProcessSecurity *security_free(ProcessSecurity *security);
DEFINE_CLEANUP(ProcessSecurity, security_free)

/* The security of a process that does not call CoInitializeSecurity (CIS-18). E_OUTOFMEMORY, or
 * HRESULT_FROM_WIN32(ERROR_INVALID_DATA) with a sentence: what is configured cannot be used (CIS-17). */
HRESULT security_new_default(const SecurityDefaults *defaults, ProcessSecurity **ret_security) must_use;
/* The process's, borrowed for its life. The first use makes it the default, so that CoInitializeSecurity
 * comes too late (CIS-2): marshalling, unmarshalling and activation call this. S_OK, E_OUTOFMEMORY, or what
 * is wrong with the configuration. */
HRESULT security_get(const ProcessSecurity **ret_security) must_use;
/* The end of COM in this process: a program's IAccessControl is released, and so nobody may call any more. */
void security_end(void);
/* For com/access.c alone. */
ProcessSecurity *security_current(void);
/* The same without making it: NULL until then. */
const ProcessSecurity *security_peek(void);
/* The program switched security off: RPC_C_AUTHN_LEVEL_NONE for the process. */
static inline bool security_is_off(void)
{
    const ProcessSecurity *security = security_peek();
    return security && security->authn_level == 1; /* RPC_C_AUTHN_LEVEL_NONE */
}
/* The entry of pAuthList for a service, or NULL. */
const SecurityIdentity *security_identity(const ProcessSecurity *security, uint32_t service);

/* What this library can do with a service: the only table of services. */
typedef struct SecurityService {
    uint32_t service;
    bool usable; /* implemented */
    bool cloaks; /* cloaking may be asked for together with it */
} SecurityService;
/* NULL: no service has this number. */
const SecurityService *security_service(uint32_t service);
