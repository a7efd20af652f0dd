/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/callcontext: SRV-1 to SRV-9, CAU-1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/utf16.h"
#define COBJMACROS
#include "com/callcontext.h"
#include "objbase.h"
#include "winerror.h"

static Token *alice, *bob, *own;

static Token *token_make(const char *principal, TokenLevel level)
{
    const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                            .level = level,
                            .principal = principal,
                            .user = SID_EVERYONE,
                            .expires = INT64_MAX,
                            .from_network = true};
    Token *token;

    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static int setup(void **state)
{
    alice = token_make("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION);
    bob = token_make("host/b.lab.test@LAB.TEST", TOKEN_LEVEL_IDENTIFICATION);
    own = token_make("own@LAB.TEST", TOKEN_LEVEL_IMPERSONATION);
    return 0;
}

static int teardown(void **state)
{
    assert_null(thread_token());
    alice = token_unref(alice);
    bob = token_unref(bob);
    own = token_unref(own);
    return 0;
}

static void enter(Token *client, CallScope *scope)
{
    const CallContextSpec spec = {.client = client,
                                  .authn_service = client ? RPC_C_AUTHN_GSS_KERBEROS : RPC_C_AUTHN_NONE,
                                  .authn_level =
                                      client ? RPC_C_AUTHN_LEVEL_PKT_PRIVACY : RPC_C_AUTHN_LEVEL_NONE,
                                  .server_principal = "host/a.lab.test@LAB.TEST",
                                  .causality = {.data1 = 0x11223344}};

    assert_int_equal(call_context_enter(&spec, scope), S_OK);
}

static IServerSecurity *security_of_call(void)
{
    IServerSecurity *security;

    assert_int_equal(CoGetCallContext(&IID_IServerSecurity, (void **)&security), S_OK);
    return security;
}

static void SRV_1_helpers_need_a_call(void **state)
{
    void *object = (void *)1;

    assert_int_equal(CoGetCallContext(&IID_IServerSecurity, &object), RPC_E_CALL_COMPLETE);
    assert_null(object);
    assert_int_equal(CoImpersonateClient(), RPC_E_CALL_COMPLETE);
    assert_int_equal(CoRevertToSelf(), RPC_E_CALL_COMPLETE);
    assert_int_equal(CoQueryClientBlanket(NULL, NULL, NULL, NULL, NULL, NULL, NULL), RPC_E_CALL_COMPLETE);
    assert_int_equal(CoGetCallContext(&IID_IServerSecurity, NULL), E_INVALIDARG);
}

static void SRV_1_context_has_two_interfaces(void **state)
{
    IUnknown *unknown, *same;
    IServerSecurity *security;
    CallScope scope;
    void *other;

    enter(alice, &scope);
    security = security_of_call();
    assert_int_equal(CoGetCallContext(&IID_IUnknown, (void **)&unknown), S_OK);
    assert_int_equal(IServerSecurity_QueryInterface(security, &IID_IUnknown, (void **)&same), S_OK);
    assert_ptr_equal(unknown, same);
    assert_int_equal(CoGetCallContext(&IID_IClassFactory, &other), E_NOINTERFACE);
    assert_null(other);
    IUnknown_Release(unknown);
    IUnknown_Release(same);
    IServerSecurity_Release(security);
    call_context_leave(&scope);
}

static void *impersonate_elsewhere(void *data)
{
    IServerSecurity *security = data;

    assert_false(IServerSecurity_IsImpersonating(security));
    assert_int_equal(IServerSecurity_ImpersonateClient(security), S_OK);
    assert_ptr_equal(thread_token(), alice);
    assert_true(IServerSecurity_IsImpersonating(security));
    return NULL; /* what the thread acts as ends with it */
}

static void SRV_2_other_threads_impersonate_for_themselves(void **state)
{
    IServerSecurity *security;
    pthread_t thread;
    CallScope scope;

    enter(alice, &scope);
    security = security_of_call();
    assert_int_equal(pthread_create(&thread, NULL, impersonate_elsewhere, security), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(thread_token());
    assert_false(IServerSecurity_IsImpersonating(security));
    IServerSecurity_Release(security);
    call_context_leave(&scope);
}

static void SRV_3_an_unsecure_call_cannot_be_impersonated(void **state)
{
    CallScope scope;
    IErrorInfo *error;

    enter(NULL, &scope);
    thread_set_token(own);
    assert_int_equal(CoImpersonateClient(), RPC_E_UNSECURE_CALL);
    assert_ptr_equal(thread_token(), own); /* SRV-12: it is what it was */
    assert_int_equal(GetErrorInfo(0, &error), S_OK);
    IErrorInfo_Release(error);
    call_context_leave(&scope);
}

static void SRV_4_the_first_impersonation_saves_the_token(void **state)
{
    IServerSecurity *security;
    CallScope scope;

    enter(alice, &scope);
    security = security_of_call();
    thread_set_token(own);
    assert_int_equal(CoImpersonateClient(), S_OK);
    assert_ptr_equal(thread_token(), alice);
    assert_int_equal(IServerSecurity_ImpersonateClient(security), S_OK);
    assert_true(IServerSecurity_IsImpersonating(security));
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_ptr_equal(thread_token(), own);
    assert_false(IServerSecurity_IsImpersonating(security));
    assert_int_equal(CoRevertToSelf(), S_OK); /* nothing left to undo */
    assert_ptr_equal(thread_token(), own);
    IServerSecurity_Release(security);
    call_context_leave(&scope);
}

static void SRV_4_another_context_replaces_the_token_not_the_saved_one(void **state)
{
    IServerSecurity *outer_security, *inner_security;
    CallScope outer, inner;

    enter(alice, &outer);
    outer_security = security_of_call();
    enter(bob, &inner);
    inner_security = security_of_call();
    thread_set_token(own);
    assert_int_equal(IServerSecurity_ImpersonateClient(outer_security), S_OK);
    assert_int_equal(IServerSecurity_ImpersonateClient(inner_security), S_OK);
    assert_ptr_equal(thread_token(), bob);
    assert_int_equal(IServerSecurity_RevertToSelf(outer_security), S_OK);
    assert_ptr_equal(thread_token(), own);
    IServerSecurity_Release(outer_security);
    IServerSecurity_Release(inner_security);
    call_context_leave(&inner);
    call_context_leave(&outer);
}

/* What the program itself put on the thread is not its business, nor what another call's client did. */
static void SRV_5_revert_undoes_impersonation_only(void **state)
{
    CallScope scope;

    enter(alice, &scope);
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_null(thread_token());
    thread_set_token(own);
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_ptr_equal(thread_token(), own);
    assert_int_equal(CoImpersonateClient(), S_OK);
    assert_ptr_equal(thread_token(), alice);
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_ptr_equal(thread_token(), own);
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_ptr_equal(thread_token(), own);
    call_context_leave(&scope);
    assert_null(thread_token());
}

static void SRV_6_leaving_a_call_reverts(void **state)
{
    CallScope scope;

    enter(alice, &scope);
    assert_int_equal(CoImpersonateClient(), S_OK);
    call_context_leave(&scope);
    assert_null(thread_token());
    thread_set_token(own);
    enter(alice, &scope);
    assert_null(thread_token()); /* a method begins as the process */
    assert_int_equal(CoImpersonateClient(), S_OK);
    call_context_leave(&scope);
    assert_ptr_equal(thread_token(), own);
    thread_set_token(NULL);
}

static void nested(bool inner_reverts)
{
    CallScope outer, inner;
    IServerSecurity *security;

    enter(alice, &outer);
    assert_int_equal(CoImpersonateClient(), S_OK);
    enter(bob, &inner);
    assert_null(thread_token());
    security = security_of_call();
    assert_false(IServerSecurity_IsImpersonating(security));
    assert_int_equal(CoImpersonateClient(), S_OK);
    assert_ptr_equal(thread_token(), bob);
    if (inner_reverts) assert_int_equal(CoRevertToSelf(), S_OK);
    IServerSecurity_Release(security);
    call_context_leave(&inner);
    assert_ptr_equal(thread_token(), alice);
    security = security_of_call();
    assert_true(IServerSecurity_IsImpersonating(security));
    IServerSecurity_Release(security);
    assert_int_equal(CoRevertToSelf(), S_OK);
    assert_null(thread_token());
    call_context_leave(&outer);
}

static void SRV_7_a_nested_call_gives_the_outer_token_back(void **state)
{
    nested(false);
    nested(true);
}

static void SRV_8_a_complete_call_cannot_be_impersonated_but_reverted(void **state)
{
    IServerSecurity *security;
    CallScope scope;
    DWORD level;

    enter(alice, &scope);
    security = security_of_call();
    call_context_leave(&scope);
    assert_int_equal(IServerSecurity_ImpersonateClient(security), RPC_E_CALL_COMPLETE);
    assert_null(thread_token());
    assert_int_equal(IServerSecurity_QueryBlanket(security, NULL, NULL, NULL, &level, NULL, NULL, NULL),
                     RPC_E_CALL_COMPLETE);
    assert_int_equal(IServerSecurity_RevertToSelf(security), S_OK);
    assert_int_equal(IServerSecurity_Release(security), 0);
}

static void assert_wide_equal(const void *text, const char *expected)
{
    char *narrow;

    assert_int_equal(utf8_from_utf16(text, utf16_length(text), &narrow), 0);
    assert_string_equal(narrow, expected);
    free(narrow);
}

static void SRV_9_query_blanket(void **state)
{
    DWORD service, authz = 9, level, capabilities = 9, impersonation;
    OLECHAR *principal;
    CallScope scope;
    void *client;

    enter(bob, &scope);
    assert_int_equal(CoQueryClientBlanket(&service, &authz, &principal, &level, NULL, &client, &capabilities),
                     S_OK);
    assert_int_equal(service, RPC_C_AUTHN_GSS_KERBEROS);
    assert_int_equal(authz, RPC_C_AUTHZ_NONE);
    assert_int_equal(level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(capabilities, EOAC_NONE);
    assert_wide_equal(principal, "host/a.lab.test@LAB.TEST");
    assert_wide_equal(client, "LAB.TEST\\host/b.lab.test");
    CoTaskMemFree(principal);
    assert_int_equal(CoQueryClientBlanket(NULL, NULL, NULL, NULL, NULL, NULL, NULL), S_OK);
    assert_int_equal(CoQueryClientBlanket(NULL, NULL, NULL, NULL, &impersonation, NULL, NULL), E_INVALIDARG);
    call_context_leave(&scope);
}

static void query_blanket_of_an_unsecure_call(void **state)
{
    DWORD service = 9, level = 9;
    CallScope scope;
    void *client = &scope;

    enter(NULL, &scope);
    assert_int_equal(CoQueryClientBlanket(&service, NULL, NULL, &level, NULL, &client, NULL), S_OK);
    assert_int_equal(service, RPC_C_AUTHN_NONE);
    assert_int_equal(level, RPC_C_AUTHN_LEVEL_NONE);
    assert_null(client);
    call_context_leave(&scope);
}

static void SRV_10_identify_is_impersonated_and_says_so(void **state)
{
    SECURITY_IMPERSONATION_LEVEL level;
    CallScope scope;
    HANDLE handle;
    DWORD size;

    enter(bob, &scope);
    assert_int_equal(CoImpersonateClient(), S_OK);
    assert_true(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &handle));
    assert_true(GetTokenInformation(handle, TokenImpersonationLevel, &level, sizeof(level), &size));
    assert_int_equal(level, SecurityIdentification);
    assert_true(CloseHandle(handle));
    call_context_leave(&scope);
}

static void SRV_15_switch_call_context_counts_no_references(void **state)
{
    IServerSecurity *first, *second, *seen;
    IUnknown *old;
    CallScope outer, inner;

    enter(alice, &outer);
    first = security_of_call();
    enter(bob, &inner);
    second = security_of_call();
    assert_int_equal(CoSwitchCallContext((IUnknown *)first, &old), S_OK);
    assert_ptr_equal(old, second);
    seen = security_of_call();
    assert_ptr_equal(seen, first);
    IServerSecurity_Release(seen);
    assert_int_equal(CoImpersonateClient(), S_OK);
    assert_ptr_equal(thread_token(), alice);
    assert_int_equal(CoSwitchCallContext(old, &old), S_OK);
    assert_ptr_equal(old, first);
    assert_int_equal(CoSwitchCallContext(NULL, NULL), E_INVALIDARG);
    IServerSecurity_Release(second);
    call_context_leave(&inner);
    assert_int_equal(IServerSecurity_Release(first), 1); /* the scope's own */
    call_context_leave(&outer);
}

static void CAU_1_calls_made_in_a_call_carry_its_causality(void **state)
{
    Guid first, second, within;
    CallScope scope;

    assert_int_equal(thread_causality(&first), 0);
    assert_int_equal(thread_causality(&second), 0);
    assert_false(guid_equal(&first, &second));
    enter(alice, &scope);
    assert_int_equal(thread_causality(&within), 0);
    assert_int_equal(within.data1, 0x11223344);
    assert_int_equal(CoImpersonateClient(), S_OK); /* identity does not matter */
    assert_int_equal(thread_causality(&first), 0);
    assert_true(guid_equal(&first, &within));
    call_context_leave(&scope);
    assert_int_equal(thread_causality(&second), 0);
    assert_false(guid_equal(&second, &within));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(SRV_1_helpers_need_a_call),
        cmocka_unit_test(SRV_1_context_has_two_interfaces),
        cmocka_unit_test(SRV_2_other_threads_impersonate_for_themselves),
        cmocka_unit_test(SRV_3_an_unsecure_call_cannot_be_impersonated),
        cmocka_unit_test(SRV_4_the_first_impersonation_saves_the_token),
        cmocka_unit_test(SRV_4_another_context_replaces_the_token_not_the_saved_one),
        cmocka_unit_test(SRV_5_revert_undoes_impersonation_only),
        cmocka_unit_test(SRV_6_leaving_a_call_reverts),
        cmocka_unit_test(SRV_7_a_nested_call_gives_the_outer_token_back),
        cmocka_unit_test(SRV_8_a_complete_call_cannot_be_impersonated_but_reverted),
        cmocka_unit_test(SRV_9_query_blanket),
        cmocka_unit_test(query_blanket_of_an_unsecure_call),
        cmocka_unit_test(SRV_10_identify_is_impersonated_and_says_so),
        cmocka_unit_test(SRV_15_switch_call_context_counts_no_references),
        cmocka_unit_test(CAU_1_calls_made_in_a_call_carry_its_causality),
    };

    return cmocka_run_group_tests_name("callcontext", tests, setup, teardown);
}
