/* SPDX-License-Identifier: Apache-2.0 */
/* Making blankets: the checks of SetBlanket, and the negotiation of what it leaves open. */
#include "com/blanket.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf16.h"
#include "com/errorinfo.h"
#include "combaseapi.h"
#include "winerror.h"

#define CLOAKING (EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING)
/* PB-15 */
#define ACCEPTED_CAPS (EOAC_MUTUAL_AUTH | CLOAKING | EOAC_ANY_AUTHORITY | EOAC_MAKE_FULLSIC | EOAC_DEFAULT)

static HRESULT invalid(const char *why)
{
    return com_error(E_INVALIDARG, "SetBlanket: %s.", why);
}

/* COLE_DEFAULT_PRINCIPAL and COLE_DEFAULT_AUTHINFO */
static bool is_default(const void *pointer)
{
    return pointer == COLE_DEFAULT_AUTHINFO;
}

static bool wants_explicit_identity(const BlanketArgs *args)
{
    return args->pAuthInfo && !is_default(args->pAuthInfo);
}

static HRESULT check_capabilities(const BlanketArgs *args)
{
    DWORD caps = args->dwCapabilities;
    const SecurityService *service = security_service(args->dwAuthnSvc);

    if (caps & ~(DWORD)ACCEPTED_CAPS) return invalid("dwCapabilities has a flag that is not accepted here");
    if (caps & EOAC_DEFAULT && caps != EOAC_DEFAULT) return invalid("EOAC_DEFAULT goes with no other flag");
    if ((caps & CLOAKING) == CLOAKING) return invalid("static and dynamic cloaking exclude each other");
    if (caps & CLOAKING && wants_explicit_identity(args)) /* PB-14 */
        return invalid("an explicit identity and cloaking exclude each other");
    if (caps & CLOAKING && service && !service->cloaks)
        return invalid("the authentication service does not cloak");
    return S_OK;
}

/* PB-9: the level is NONE exactly when the service is. */
static HRESULT check_service(const BlanketArgs *args)
{
    const SecurityService *service = security_service(args->dwAuthnSvc);

    if (args->dwAuthnLevel > RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        return invalid("dwAuthnLevel is no authentication level");
    if ((args->dwAuthnSvc == RPC_C_AUTHN_NONE) != (args->dwAuthnLevel == RPC_C_AUTHN_LEVEL_NONE))
        return invalid("RPC_C_AUTHN_NONE and RPC_C_AUTHN_LEVEL_NONE go together or not at all");
    if (args->dwAuthnSvc == RPC_C_AUTHN_NONE || args->dwAuthnSvc == RPC_C_AUTHN_DEFAULT) return S_OK;
    if (!service || !service->usable)
        return com_error(
            HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE),
            "SetBlanket: authentication service %u is not implemented. Use RPC_C_AUTHN_GSS_KERBEROS, "
            "RPC_C_AUTHN_GSS_NEGOTIATE or RPC_C_AUTHN_DEFAULT.",
            args->dwAuthnSvc);
    return S_OK;
}

static HRESULT check(const BlanketArgs *args)
{
    HRESULT hr = check_capabilities(args);

    if (SUCCEEDED(hr)) hr = check_service(args);
    if (FAILED(hr)) return hr;
    if (args->dwAuthzSvc != RPC_C_AUTHZ_NONE && args->dwAuthzSvc != RPC_C_AUTHZ_DEFAULT) /* PB-11 */
        return invalid("no authorization service is offered");
    if (args->dwImpLevel > RPC_C_IMP_LEVEL_DELEGATE)
        return invalid("dwImpLevel is no impersonation level"); /* PB-10 */
    if (args->dwAuthnSvc == RPC_C_AUTHN_NONE && wants_explicit_identity(args))
        return invalid("an explicit identity needs an authentication service");
    return S_OK;
}

/* How gladly a service of the server's list is taken by negotiation; 0: not at all. NTLM is what remains,
 * where the configuration lets it; a service for which CoInitializeSecurity was given an identity goes before
 * one that would show another. */
static unsigned preference(const ProcessSecurity *security, uint32_t service)
{
    const SecurityService *row = security_service(service);
    const SecurityIdentity *entry = security_identity(security, service);

    if (!row || !row->usable || (service == RPC_C_AUTHN_WINNT && !security->ntlm)) return 0;
    return (entry && entry->identity ? 3u : 1u) + (service != RPC_C_AUTHN_WINNT);
}

/* NEG-1: the first service of the server's that this library has, among those that it takes as gladly; its
 * principal is
 * "" for none. `wanted` other than DEFAULT: that one. */
static bool first_service(const ProcessSecurity *security, const BlanketServer *server, uint32_t wanted,
                          uint32_t *ret_service, char ret_principal[BINDING_ADDRESS_SIZE], bool *ret_any)
{
    BindingsWalk walk = {0};
    char principal[BINDING_ADDRESS_SIZE];
    uint16_t service;
    unsigned best = 0;

    *ret_any = false;
    ret_principal[0] = 0;
    while (server->bindings && bindings_next_security(server->bindings, &walk, &service, principal)) {
        unsigned rank = wanted == RPC_C_AUTHN_DEFAULT ? preference(security, service) : service == wanted;

        *ret_any = true;
        if (rank <= best) continue;
        best = rank;
        *ret_service = service;
        strcpy(ret_principal, principal);
    }
    return best > 0;
}

static HRESULT no_service(bool any)
{
    return com_error(
        RPC_E_NO_GOOD_SECURITY_PACKAGES, "%s",
        any ? "The server offers no authentication service that can be used here: Kerberos or Negotiate, or "
              "NTLM where "
              "ntlm = yes is set in mantle.conf."
            : "The server offers no authentication service, and this process asks for more than "
              "RPC_C_AUTHN_LEVEL_NONE. Give the server a keytab, or switch security off for this proxy by "
              "RPC_C_AUTHN_NONE with RPC_C_AUTHN_LEVEL_NONE.");
}

/* Calls as this process may go by what the kernel says, unless it has an identity for calls (CIS-10). */
static bool may_be_local(const ProcessSecurity *security, const BlanketServer *server)
{
    if (!server->local || security->authn_level == RPC_C_AUTHN_LEVEL_NONE) return false;
    for (size_t i = 0; i < security->identity_count; i++)
        if (security->identities[i].identity) return false;
    return true;
}

/* DEFAULT service: what the server's list gives. A server without any is called without security only where
 * the caller's own level is NONE: a list that was cut on the way must not switch security off. */
static HRESULT negotiate_service(Blanket *blanket, const ProcessSecurity *security,
                                 const BlanketServer *server, char ret_principal[BINDING_ADDRESS_SIZE])
{
    bool any;

    if (first_service(security, server, RPC_C_AUTHN_DEFAULT, &blanket->authn_service, ret_principal, &any))
        return S_OK;
    if (may_be_local(security, server)) { /* the kernel has one for everybody */
        blanket->authn_service = RPC_C_AUTHN_WINNT;
        return S_OK;
    }
    if (any || security->authn_level != RPC_C_AUTHN_LEVEL_NONE) return no_service(any);
    blanket->authn_service = RPC_C_AUTHN_NONE;
    return S_OK;
}

/* NEG-2: the higher level counts; like Windows since CVE-2022-37978 what is negotiated is never below
 * integrity, so that nobody on the way calls in somebody else's name. Lower ones have to be asked for by
 * SetBlanket. */
static uint32_t negotiate_level(const Blanket *blanket, const ProcessSecurity *security,
                                const BlanketServer *server)
{
    uint32_t level = security->authn_level;

    if (blanket->authn_service == RPC_C_AUTHN_NONE) return RPC_C_AUTHN_LEVEL_NONE;
    if (server->authn_hint > level && server->authn_hint <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        level = server->authn_hint;
    return level < RPC_C_AUTHN_LEVEL_PKT_INTEGRITY ? RPC_C_AUTHN_LEVEL_PKT_INTEGRITY : level;
}

static Blanket *blanket_new(void)
{
    Blanket *blanket = calloc(1, sizeof(*blanket));

    if (blanket) refcount_init(&blanket->refs);
    return blanket;
}

static bool copy_principal(Blanket *blanket, const char *principal)
{
    if (!principal || !*principal) return true;
    blanket->principal = strdup(principal);
    return blanket->principal;
}

/* RPC-5: there is no CALL over TCP. */
static void finish_level(Blanket *blanket)
{
    if (blanket->authn_level == RPC_C_AUTHN_LEVEL_CALL) blanket->authn_level = RPC_C_AUTHN_LEVEL_PKT;
}

HRESULT blanket_new_default(const ProcessSecurity *security, const BlanketServer *server,
                            Blanket **ret_blanket)
{
    _cleanup_(blanket_unrefp) Blanket *blanket = blanket_new();
    char principal[BINDING_ADDRESS_SIZE] = "";
    const SecurityIdentity *entry;
    HRESULT hr;

    if (!blanket) return E_OUTOFMEMORY;
    hr = negotiate_service(blanket, security, server, principal);
    if (FAILED(hr)) return hr;
    blanket->authn_level = negotiate_level(blanket, security, server);
    finish_level(blanket);
    blanket->impersonation_level = security->impersonation_level; /* NEG-3 */
    blanket->capabilities = security->capabilities & (CLOAKING | EOAC_MUTUAL_AUTH);
    if (!copy_principal(blanket, principal)) return E_OUTOFMEMORY;
    blanket->local = may_be_local(security, server) && blanket->authn_service != RPC_C_AUTHN_NONE;
    entry = security_identity(security, blanket->authn_service);
    blanket->auth_info = entry ? entry->auth_info : NULL;
    *ret_blanket = TAKE_PTR(blanket);
    return S_OK;
}

static HRESULT set_service(Blanket *blanket, const ProcessSecurity *security, const BlanketServer *server,
                           const BlanketArgs *args, char ret_principal[BINDING_ADDRESS_SIZE])
{
    bool any;

    if (args->dwAuthnSvc == RPC_C_AUTHN_DEFAULT)
        return negotiate_service(blanket, security, server, ret_principal);
    blanket->authn_service = args->dwAuthnSvc;
    /* For its principal only: PB-7, what is given is assigned, not negotiated. */
    (void)first_service(security, server, args->dwAuthnSvc, &blanket->authn_service, ret_principal, &any);
    return S_OK;
}

/* PB-12: DEFAULT is the server's own, NULL the one before. */
static HRESULT set_principal(Blanket *blanket, const Blanket *previous, const BlanketArgs *args,
                             const char *registered)
{
    size_t length;
    int r;

    if (is_default(args->pServerPrincName)) return copy_principal(blanket, registered) ? S_OK : E_OUTOFMEMORY;
    if (!args->pServerPrincName) {
        const char *before = previous ? previous->principal : NULL;
        if (!before && blanket->authn_service == RPC_C_AUTHN_GSS_KERBEROS)
            return invalid("pServerPrincName is NULL where no name was set before, and Kerberos needs one");
        return copy_principal(blanket, before) ? S_OK : E_OUTOFMEMORY;
    }
    length = utf16_length(args->pServerPrincName);
    if (!length || length > BLANKET_PRINCIPAL_MAX) return invalid("pServerPrincName is empty or too long");
    r = utf8_from_utf16(args->pServerPrincName, length, &blanket->principal);
    if (r < 0) return r == -ENOMEM ? E_OUTOFMEMORY : invalid("pServerPrincName is no UTF-16");
    return S_OK;
}

/* PB-13 */
static HRESULT set_identity(Blanket *blanket, const ProcessSecurity *security, const BlanketArgs *args)
{
    const SecurityIdentity *entry = security_identity(security, blanket->authn_service);

    if (wants_explicit_identity(args))
        return identity_new(args->pAuthInfo, blanket->authn_service, &blanket->identity);
    if (!entry) return S_OK;
    if (args->pAuthInfo) {
        blanket->identity = identity_ref(entry->identity);
        blanket->auth_info = entry->auth_info;
    } else if (!(blanket->capabilities & CLOAKING)) {
        blanket->auth_info = entry->auth_info; /* ERR-11: it is what calls show */
    }
    return S_OK;
}

HRESULT blanket_new_set(const ProcessSecurity *security, const BlanketServer *server, const Blanket *previous,
                        const BlanketArgs *args, Token *thread, Token *process, Blanket **ret_blanket)
{
    _cleanup_(blanket_unrefp) Blanket *blanket = NULL;
    char registered[BINDING_ADDRESS_SIZE] = "";
    Token *captured;
    HRESULT hr = check(args);

    if (FAILED(hr)) return hr;
    blanket = blanket_new();
    if (!blanket) return E_OUTOFMEMORY;
    blanket->set = true;
    hr = set_service(blanket, security, server, args, registered);
    if (FAILED(hr)) return hr;
    /* An explicit level needs a service: it is not given up because the server has none. */
    if (args->dwAuthnLevel > RPC_C_AUTHN_LEVEL_NONE && blanket->authn_service == RPC_C_AUTHN_NONE)
        return no_service(false);
    blanket->authn_level =
        args->dwAuthnLevel ? args->dwAuthnLevel : negotiate_level(blanket, security, server);
    finish_level(blanket);
    blanket->impersonation_level =
        args->dwImpLevel ? args->dwImpLevel : security->impersonation_level; /* NEG-6 */
    if (blanket->authn_service == RPC_C_AUTHN_WINNT && !server->local &&
        blanket->impersonation_level == RPC_C_IMP_LEVEL_DELEGATE)
        return invalid("NTLM has no RPC_C_IMP_LEVEL_DELEGATE; ask for Kerberos or Negotiate"); /* PB-10 */
    blanket->capabilities = args->dwCapabilities == EOAC_DEFAULT
                                ? security->capabilities & (CLOAKING | EOAC_MUTUAL_AUTH)
                                : args->dwCapabilities;
    hr = set_principal(blanket, previous, args, registered);
    if (SUCCEEDED(hr)) hr = set_identity(blanket, security, args);
    if (FAILED(hr)) return hr;
    /* RPC-5: Kerberos by its name is no local service, an explicit identity is not the kernel's to know. */
    blanket->local = may_be_local(security, server) && !blanket->identity &&
                     blanket->authn_service != RPC_C_AUTHN_NONE &&
                     args->dwAuthnSvc != RPC_C_AUTHN_GSS_KERBEROS;
    blanket->negotiated = args->dwAuthnSvc == RPC_C_AUTHN_DEFAULT;
    if (blanket->capabilities & EOAC_STATIC_CLOAKING) { /* CLK-3 */
        captured = cloak_capture(thread, process);
        blanket->captured = captured ? token_ref(captured) : NULL;
    }
    *ret_blanket = TAKE_PTR(blanket);
    return S_OK;
}

Blanket *blanket_ref(Blanket *blanket)
{
    if (blanket) refcount_ref(&blanket->refs);
    return blanket;
}

Blanket *blanket_unref(Blanket *blanket)
{
    if (!blanket || !refcount_unref(&blanket->refs)) return NULL;
    (void)identity_unref(blanket->identity);
    (void)token_unref(blanket->captured);
    free(blanket->principal);
    free(blanket);
    return NULL;
}

static HRESULT task_principal(const Blanket *blanket, OLECHAR **ret_principal)
{
    _cleanup_(freep) char16_t *wide = NULL;
    size_t length, size;

    *ret_principal = NULL;
    if (!blanket->principal) return S_OK;
    if (utf16_from_utf8(blanket->principal, &wide, &length) < 0)
        return E_OUTOFMEMORY; /* it was made from valid text */
    size = (length + 1) * sizeof(*wide);
    *ret_principal = CoTaskMemAlloc(size);
    if (!*ret_principal) return E_OUTOFMEMORY;
    memcpy(*ret_principal, wide, size);
    return S_OK;
}

HRESULT blanket_query(const Blanket *blanket, DWORD *ret_service, DWORD *ret_authz, OLECHAR **ret_principal,
                      DWORD *ret_level, DWORD *ret_impersonation, void **ret_auth_info,
                      DWORD *ret_capabilities)
{
    /* RPC-5: what such calls count as. */
    const bool as_ntlm = blanket->local && (!blanket->set || blanket->negotiated);
    if (ret_principal) {
        HRESULT hr = as_ntlm ? S_OK : task_principal(blanket, ret_principal);
        if (FAILED(hr)) return hr;
        if (as_ntlm) *ret_principal = NULL;
    }
    if (ret_service) *ret_service = as_ntlm ? RPC_C_AUTHN_WINNT : blanket->authn_service;
    if (ret_authz) *ret_authz = RPC_C_AUTHZ_NONE;
    if (ret_level) *ret_level = blanket->local ? RPC_C_AUTHN_LEVEL_PKT_PRIVACY : blanket->authn_level;
    if (ret_impersonation) *ret_impersonation = blanket->impersonation_level;
    if (ret_auth_info) *ret_auth_info = (void *)blanket->auth_info;
    if (ret_capabilities) *ret_capabilities = blanket->capabilities;
    return S_OK;
}

CloakInput blanket_cloak_input(const Blanket *blanket, const ProcessSecurity *security, Token *proxy_captured,
                               Token *thread, Token *process)
{
    const SecurityIdentity *entry = security_identity(security, blanket->authn_service);

    return (CloakInput){.blanket_set = blanket->set,
                        .blanket_capabilities = blanket->set ? blanket->capabilities : 0,
                        .blanket_identity = blanket->set ? blanket->identity : NULL,
                        .blanket_captured = blanket->set ? blanket->captured : NULL,
                        .process_capabilities = security->capabilities,
                        .process_identity = entry ? entry->identity : NULL,
                        .proxy_captured = proxy_captured,
                        .thread = thread,
                        .process = process};
}
