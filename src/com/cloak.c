/* SPDX-License-Identifier: Apache-2.0 */
/* The decision, as a list of rules in order. */
#include "com/cloak.h"
#include "objidlbase.h"
#include "winerror.h"

static const char no_process[] =
    "The call would show this process's own identity, but the process has no credential: give it a ticket "
    "cache "
    "(KRB5CCNAME, or ccache= in section [security] of mantle.conf) or a keytab (keytab=).";
static const char weak_token[] = "Cloaking would show the identity this thread acts as, but its token is at "
                                 "IDENTIFY or below: its owner allowed "
                                 "this process to know who they are, not to act for them. The client has to "
                                 "call at IMPERSONATE or above; to call "
                                 "as this process instead, revert first or turn cloaking off for this proxy.";

static HRESULT choose_token(CloakRule rule, Token *token, CloakChoice *ret_choice)
{
    *ret_choice = (CloakChoice){.rule = rule, .token = token};
    /* CLK-8, ERR-4. A primary token is a logon, not somebody's permission: it has no such level. */
    if (token_kind(token) == TOKEN_KIND_IMPERSONATION && token_level(token) < TOKEN_LEVEL_IMPERSONATION) {
        *ret_choice = (CloakChoice){.rule = rule, .reason = weak_token};
        return HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL);
    }
    return S_OK;
}

static HRESULT choose_process(CloakRule rule, Token *process, CloakChoice *ret_choice)
{
    if (process) return choose_token(rule, process, ret_choice);
    *ret_choice = (CloakChoice){.rule = rule, .reason = no_process};
    return SEC_E_NO_CREDENTIALS;
}

static HRESULT choose_present(CloakRule rule, Token *thread, Token *process, CloakChoice *ret_choice)
{
    return thread ? choose_token(rule, thread, ret_choice) : choose_process(rule, process, ret_choice);
}

static HRESULT choose_identity(CloakRule rule, Identity *identity, CloakChoice *ret_choice)
{
    *ret_choice = (CloakChoice){.rule = rule, .identity = identity};
    return S_OK;
}

static HRESULT choose_first(const CloakInput *input, CloakChoice *ret_choice)
{
    HRESULT hr;

    if (input->proxy_captured) return choose_token(CLOAK_C6, input->proxy_captured, ret_choice);
    hr = choose_present(CLOAK_C6, input->thread, input->process, ret_choice);
    /* A call that is refused was no first call: one client at IDENTIFY must not spoil the proxy for the next.
     */
    ret_choice->capture = SUCCEEDED(hr);
    return hr;
}

static HRESULT decide_by_blanket(const CloakInput *input, CloakChoice *ret_choice)
{
    if (input->blanket_identity) return choose_identity(CLOAK_C1, input->blanket_identity, ret_choice);
    /* Nothing captured: there was neither a thread's nor a process's token then. */
    if (input->blanket_capabilities & EOAC_STATIC_CLOAKING)
        return choose_process(CLOAK_C2, input->blanket_captured, ret_choice);
    if (input->blanket_capabilities & EOAC_DYNAMIC_CLOAKING)
        return choose_present(CLOAK_C3, input->thread, input->process, ret_choice);
    /* ERR-11: the flowchart knows the process only, SetBlanket's page and the older list its identity first.
     */
    if (input->process_identity) return choose_identity(CLOAK_C4, input->process_identity, ret_choice);
    return choose_process(CLOAK_C4, input->process, ret_choice);
}

HRESULT cloak_decide(const CloakInput *input, CloakChoice *ret_choice)
{
    if (input->blanket_set) return decide_by_blanket(input, ret_choice);
    if (input->process_identity) return choose_identity(CLOAK_C5, input->process_identity, ret_choice);
    if (input->process_capabilities & EOAC_STATIC_CLOAKING) return choose_first(input, ret_choice);
    if (input->process_capabilities & EOAC_DYNAMIC_CLOAKING)
        return choose_present(CLOAK_C7, input->thread, input->process, ret_choice);
    return choose_process(CLOAK_C8, input->process, ret_choice);
}

HRESULT cloak_decide_activation(uint32_t process_capabilities, bool enable_cloaking,
                                Identity *explicit_identity, Token *thread, Token *process,
                                CloakChoice *ret_choice)
{
    if (explicit_identity) return choose_identity(CLOAK_C1, explicit_identity, ret_choice);
    if (enable_cloaking || process_capabilities & (EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING))
        return choose_present(CLOAK_C7, thread, process, ret_choice);
    return choose_process(CLOAK_C8, process, ret_choice);
}
