/* SPDX-License-Identifier: Apache-2.0 */
#include "com/principal.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "com/security.h"
#include "rpcdce.h"

/* The identity that pAuthList gives for what can be negotiated; NULL: none. Borrowed. */
static Identity *listed_identity(const ProcessSecurity *security)
{
    static const uint32_t SERVICES[] = {RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_GSS_KERBEROS,
                                        RPC_C_AUTHN_WINNT};
    for (size_t i = 0; i < ARRAY_SIZE(SERVICES); i++) {
        const SecurityIdentity *entry = security_identity(security, SERVICES[i]);
        if (entry && entry->identity) return entry->identity;
    }
    return NULL;
}

HRESULT application_principal(Token **ret_token)
{
    const ProcessSecurity *security;
    Token *token = NULL;
    HRESULT hr = security_get(&security);

    if (FAILED(hr)) return hr;
    if (security_is_off()) {
        *ret_token = NULL;
        return S_OK;
    }
    hr = process_token(&token);
    /* A credential that is named and cannot be used is a failure, not a reason to be somebody else. */
    Identity *identity = FAILED(hr) && !process_has_credential() ? listed_identity(security) : NULL;
    if (identity) {
        SetErrorInfo(0, NULL); /* nobody asked for the process's own */
        hr = identity_token(identity, &token);
    }
    if (SUCCEEDED(hr)) *ret_token = token_ref(token);
    return hr;
}

bool application_wants_mutual(void)
{
    const ProcessSecurity *security = security_peek();

    return security && security->capabilities & EOAC_MUTUAL_AUTH;
}
