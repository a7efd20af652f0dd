/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/cloak: every rule, the whole table of CLK-6 and checklist item 2, every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "com/cloak.h"
#include "objidlbase.h"
#include "winerror.h"

#define TOO_WEAK HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL)

/* The process, and what is on the thread at SetBlanket (X), at the first call (Y) and at the second (Z). */
static struct {
    Token *process, *x, *y, *z, *identify, *anonymous, *delegate;
} tokens;
static int blanket_identity_object, process_identity_object;
#define BLANKET_IDENTITY ((Identity *)(void *)&blanket_identity_object)
#define PROCESS_IDENTITY ((Identity *)(void *)&process_identity_object)

static Token *token_make(const char *principal, TokenKind kind, TokenLevel level)
{
    const TokenSpec spec = {.kind = kind,
                            .level = level,
                            .principal = principal,
                            .user = SID_EVERYONE,
                            .expires = INT64_MAX,
                            .from_network = kind == TOKEN_KIND_IMPERSONATION};
    Token *token;

    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static int setup(void **state)
{
    tokens.process = token_make("host/b@LAB.TEST", TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION);
    tokens.x = token_make("x@LAB.TEST", TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION);
    tokens.y = token_make("y@LAB.TEST", TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION);
    tokens.z = token_make("z@LAB.TEST", TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION);
    tokens.identify = token_make("i@LAB.TEST", TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION);
    tokens.delegate = token_make("d@LAB.TEST", TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_DELEGATION);
    return token_new_anonymous(&tokens.anonymous);
}

static int teardown(void **state)
{
    Token **all = (Token **)&tokens;

    for (size_t i = 0; i < sizeof(tokens) / sizeof(*all); i++)
        all[i] = token_unref(all[i]);
    return 0;
}

static void expect_token(const CloakInput *input, CloakRule rule, const Token *token)
{
    CloakChoice choice;

    assert_int_equal(cloak_decide(input, &choice), S_OK);
    assert_int_equal(choice.rule, rule);
    assert_ptr_equal(choice.token, token);
    assert_null(choice.identity);
}

static void expect_identity(const CloakInput *input, CloakRule rule, const Identity *identity)
{
    CloakChoice choice;

    assert_int_equal(cloak_decide(input, &choice), S_OK);
    assert_int_equal(choice.rule, rule);
    assert_ptr_equal(choice.identity, identity);
    assert_null(choice.token);
    assert_false(choice.capture);
}

static void expect_refusal(const CloakInput *input, CloakRule rule, HRESULT code)
{
    CloakChoice choice;

    assert_int_equal(cloak_decide(input, &choice), code);
    assert_int_equal(choice.rule, rule);
    assert_null(choice.token);
    assert_null(choice.identity);
    assert_false(choice.capture);
    assert_non_null(choice.reason);
}

/* The table: facts 11.2. Letters say who the server sees: P the process, else the token of that moment. */
enum { BY_COINIT, BY_BLANKET };
typedef struct CloakRow {
    int by;
    uint32_t flag;
    const char *thread; /* on the thread at SetBlanket, call 1, call 2; '-': nothing */
    const char *seen;   /* at call 1, call 2 */
} CloakRow;

static const CloakRow rows[] = {
    {BY_COINIT, EOAC_NONE, "---", "PP"},
    {BY_COINIT, EOAC_NONE, "--Z", "PP"},
    {BY_COINIT, EOAC_NONE, "-Y-", "PP"},
    {BY_COINIT, EOAC_NONE, "-YZ", "PP"},
    {BY_COINIT, EOAC_STATIC_CLOAKING, "---", "PP"},
    {BY_COINIT, EOAC_STATIC_CLOAKING, "--Z", "PP"},
    {BY_COINIT, EOAC_STATIC_CLOAKING, "-Y-", "YY"},
    {BY_COINIT, EOAC_STATIC_CLOAKING, "-YZ", "YY"},
    {BY_COINIT, EOAC_DYNAMIC_CLOAKING, "---", "PP"},
    {BY_COINIT, EOAC_DYNAMIC_CLOAKING, "--Z", "PZ"},
    {BY_COINIT, EOAC_DYNAMIC_CLOAKING, "-Y-", "YP"},
    {BY_COINIT, EOAC_DYNAMIC_CLOAKING, "-YZ", "YZ"},
    {BY_BLANKET, EOAC_NONE, "---", "PP"},
    {BY_BLANKET, EOAC_NONE, "--Z", "PP"},
    {BY_BLANKET, EOAC_NONE, "-Y-", "PP"},
    {BY_BLANKET, EOAC_NONE, "-YZ", "PP"},
    {BY_BLANKET, EOAC_NONE, "X--", "PP"},
    {BY_BLANKET, EOAC_NONE, "X-Z", "PP"},
    {BY_BLANKET, EOAC_NONE, "XY-", "PP"},
    {BY_BLANKET, EOAC_NONE, "XYZ", "PP"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "---", "PP"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "--Z", "PP"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "-Y-", "PP"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "-YZ", "PP"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "X--", "XX"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "X-Z", "XX"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "XY-", "XX"},
    {BY_BLANKET, EOAC_STATIC_CLOAKING, "XYZ", "XX"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "---", "PP"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "--Z", "PZ"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "-Y-", "YP"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "-YZ", "YZ"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "X--", "PP"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "X-Z", "PZ"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "XY-", "YP"},
    {BY_BLANKET, EOAC_DYNAMIC_CLOAKING, "XYZ", "YZ"},
};

static Token *token_of(char letter)
{
    switch (letter) {
    case 'P':
        return tokens.process;
    case 'X':
        return tokens.x;
    case 'Y':
        return tokens.y;
    case 'Z':
        return tokens.z;
    }
    return NULL;
}

/* Plays one proxy's life as com/ does: SetBlanket, then two calls, keeping what the decision says to keep. */
static void play(const CloakRow *row)
{
    CloakInput input = {.process = tokens.process};
    CloakChoice choice;

    if (row->by == BY_COINIT) {
        input.process_capabilities = row->flag;
    } else {
        input.blanket_set = true;
        input.blanket_capabilities = row->flag;
        input.blanket_captured = cloak_capture(token_of(row->thread[0]), tokens.process);
    }
    for (int call = 0; call < 2; call++) {
        input.thread = token_of(row->thread[call + 1]);
        assert_int_equal(cloak_decide(&input, &choice), S_OK);
        if (choice.token != token_of(row->seen[call]))
            fail_msg("by %d flag %#x thread %s call %d: %s", row->by, row->flag, row->thread, call + 1,
                     token_principal(choice.token));
        if (choice.capture) input.proxy_captured = choice.token;
    }
}

static void CLK_6_RPC_2_all_36_cases(void **state)
{
    assert_int_equal(sizeof(rows) / sizeof(*rows), 36);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(rows[i].by == rows[j].by && rows[i].flag == rows[j].flag &&
                         strcmp(rows[i].thread, rows[j].thread) == 0);
        play(&rows[i]);
    }
}

/* Checklist item 3. */
static void CLK_3_static_is_captured_at_each_set_blanket(void **state)
{
    CloakInput input = {.blanket_set = true,
                        .blanket_capabilities = EOAC_STATIC_CLOAKING,
                        .blanket_captured = cloak_capture(tokens.x, tokens.process),
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_token(&input, CLOAK_C2, tokens.x);
    input.blanket_captured = cloak_capture(tokens.y, tokens.process);
    expect_token(&input, CLOAK_C2, tokens.y);
}

static void C1_explicit_identity_of_the_blanket_wins_over_everything(void **state)
{
    CloakInput input = {.blanket_set = true,
                        .blanket_capabilities = EOAC_DYNAMIC_CLOAKING,
                        .blanket_identity = BLANKET_IDENTITY,
                        .process_capabilities = EOAC_STATIC_CLOAKING,
                        .process_identity = PROCESS_IDENTITY,
                        .proxy_captured = tokens.x,
                        .thread = tokens.identify};

    expect_identity(&input, CLOAK_C1, BLANKET_IDENTITY);
}

static void C2_static_by_blanket_ignores_thread_and_process_settings(void **state)
{
    CloakInput input = {.blanket_set = true,
                        .blanket_capabilities = EOAC_STATIC_CLOAKING,
                        .blanket_captured = tokens.x,
                        .process_capabilities = EOAC_DYNAMIC_CLOAKING,
                        .proxy_captured = tokens.z,
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_token(&input, CLOAK_C2, tokens.x);
}

static void C3_dynamic_by_blanket_is_the_thread_else_the_process(void **state)
{
    CloakInput input = {.blanket_set = true,
                        .blanket_capabilities = EOAC_DYNAMIC_CLOAKING,
                        .process_identity = PROCESS_IDENTITY,
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_token(&input, CLOAK_C3, tokens.y);
    input.thread = tokens.delegate;
    expect_token(&input, CLOAK_C3, tokens.delegate);
    input.thread = NULL;
    expect_token(&input, CLOAK_C3, tokens.process);
}

static void C4_no_cloaking_by_blanket_is_the_process_even_when_it_cloaks(void **state)
{
    CloakInput input = {.blanket_set = true,
                        .process_capabilities = EOAC_DYNAMIC_CLOAKING,
                        .proxy_captured = tokens.x,
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_token(&input, CLOAK_C4, tokens.process);
}

static void C4_ERR_11_no_cloaking_by_blanket_uses_the_process_wide_identity(void **state)
{
    CloakInput input = {.blanket_set = true, .process_identity = PROCESS_IDENTITY, .process = tokens.process};

    expect_identity(&input, CLOAK_C4, PROCESS_IDENTITY);
}

static void C5_process_wide_identity(void **state)
{
    CloakInput input = {.process_capabilities = EOAC_DYNAMIC_CLOAKING,
                        .process_identity = PROCESS_IDENTITY,
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_identity(&input, CLOAK_C5, PROCESS_IDENTITY);
}

static void C6_captures_at_the_first_call_only(void **state)
{
    CloakInput input = {
        .process_capabilities = EOAC_STATIC_CLOAKING, .thread = tokens.y, .process = tokens.process};
    CloakChoice choice;

    assert_int_equal(cloak_decide(&input, &choice), S_OK);
    assert_true(choice.capture);
    assert_ptr_equal(choice.token, tokens.y);
    input.proxy_captured = choice.token;
    input.thread = tokens.z;
    assert_int_equal(cloak_decide(&input, &choice), S_OK);
    assert_false(choice.capture);
    assert_ptr_equal(choice.token, tokens.y);
}

static void C6_CLK_2_a_first_call_as_the_process_freezes_the_process(void **state)
{
    CloakInput input = {.process_capabilities = EOAC_STATIC_CLOAKING, .process = tokens.process};
    CloakChoice choice;

    assert_int_equal(cloak_decide(&input, &choice), S_OK);
    assert_true(choice.capture);
    input.proxy_captured = choice.token;
    input.thread = tokens.y;
    expect_token(&input, CLOAK_C6, tokens.process);
}

static void C6_a_refused_call_captures_nothing(void **state)
{
    CloakInput input = {
        .process_capabilities = EOAC_STATIC_CLOAKING, .thread = tokens.identify, .process = tokens.process};

    expect_refusal(&input, CLOAK_C6, TOO_WEAK);
    input.thread = tokens.y;
    expect_token(&input, CLOAK_C6, tokens.y);
}

static void C7_process_wide_dynamic_is_the_thread_else_the_process(void **state)
{
    CloakInput input = {.process_capabilities = EOAC_DYNAMIC_CLOAKING | EOAC_SECURE_REFS,
                        .thread = tokens.y,
                        .process = tokens.process};

    expect_token(&input, CLOAK_C7, tokens.y);
    input.thread = NULL;
    expect_token(&input, CLOAK_C7, tokens.process);
}

static void C8_without_any_setting_it_is_the_process(void **state)
{
    CloakInput input = {.thread = tokens.y, .process = tokens.process};

    expect_token(&input, CLOAK_C8, tokens.process);
}

static void CLK_1_a_weak_thread_token_does_not_matter_without_cloaking(void **state)
{
    CloakInput input = {.thread = tokens.anonymous, .process = tokens.process};

    expect_token(&input, CLOAK_C8, tokens.process);
    input.blanket_set = true;
    expect_token(&input, CLOAK_C4, tokens.process);
}

static void CLK_8_identify_and_below_is_refused_under_cloaking(void **state)
{
    Token *weak[] = {tokens.identify, tokens.anonymous};

    for (size_t i = 0; i < 2; i++) {
        CloakInput input = {.process = tokens.process, .thread = weak[i]};

        input.process_capabilities = EOAC_STATIC_CLOAKING;
        expect_refusal(&input, CLOAK_C6, TOO_WEAK);
        input.process_capabilities = EOAC_DYNAMIC_CLOAKING;
        expect_refusal(&input, CLOAK_C7, TOO_WEAK);
        input.blanket_set = true;
        input.blanket_capabilities = EOAC_DYNAMIC_CLOAKING;
        expect_refusal(&input, CLOAK_C3, TOO_WEAK);
        input.blanket_capabilities = EOAC_STATIC_CLOAKING;
        input.blanket_captured = weak[i];
        input.thread = tokens.delegate;
        expect_refusal(&input, CLOAK_C2, TOO_WEAK);
    }
    assert_int_equal(TOO_WEAK, (HRESULT)0x80070542u);
}

static void no_credential_is_never_replaced_by_another(void **state)
{
    CloakInput input = {0};

    expect_refusal(&input, CLOAK_C8, SEC_E_NO_CREDENTIALS);
    input.thread = tokens.y;
    expect_refusal(&input, CLOAK_C8, SEC_E_NO_CREDENTIALS);
    input.blanket_set = true;
    expect_refusal(&input, CLOAK_C4, SEC_E_NO_CREDENTIALS);
    input.blanket_capabilities = EOAC_STATIC_CLOAKING;
    expect_refusal(&input, CLOAK_C2, SEC_E_NO_CREDENTIALS);
    input.thread = NULL;
    input.blanket_capabilities = EOAC_DYNAMIC_CLOAKING;
    expect_refusal(&input, CLOAK_C3, SEC_E_NO_CREDENTIALS);
    input = (CloakInput){.process_capabilities = EOAC_STATIC_CLOAKING};
    expect_refusal(&input, CLOAK_C6, SEC_E_NO_CREDENTIALS);
    input.process_capabilities = EOAC_DYNAMIC_CLOAKING;
    expect_refusal(&input, CLOAK_C7, SEC_E_NO_CREDENTIALS);
}

static void expect_activation(uint32_t capabilities, bool enable, Token *thread, const Token *token)
{
    CloakChoice choice;

    assert_int_equal(cloak_decide_activation(capabilities, enable, NULL, thread, tokens.process, &choice),
                     S_OK);
    assert_ptr_equal(choice.token, token);
    assert_false(choice.capture);
}

static void ACT_1_either_kind_of_cloaking_activates_as_the_thread(void **state)
{
    expect_activation(EOAC_STATIC_CLOAKING, false, tokens.y, tokens.y);
    expect_activation(EOAC_DYNAMIC_CLOAKING, false, tokens.y, tokens.y);
    expect_activation(EOAC_STATIC_CLOAKING, false, NULL, tokens.process);
    expect_activation(EOAC_DYNAMIC_CLOAKING, false, NULL, tokens.process);
    expect_activation(EOAC_NONE, false, tokens.y, tokens.process);
}

static void ACT_2_enable_cloaking_turns_it_on_for_one_activation(void **state)
{
    expect_activation(EOAC_NONE, true, tokens.y, tokens.y);
    expect_activation(EOAC_NONE, true, NULL, tokens.process);
}

static void ACT_3_explicit_identity_and_refusals_of_activation(void **state)
{
    CloakChoice choice;

    assert_int_equal(cloak_decide_activation(EOAC_DYNAMIC_CLOAKING, true, BLANKET_IDENTITY, tokens.identify,
                                             NULL, &choice),
                     S_OK);
    assert_ptr_equal(choice.identity, BLANKET_IDENTITY);
    assert_int_equal(cloak_decide_activation(EOAC_NONE, true, NULL, tokens.identify, tokens.process, &choice),
                     TOO_WEAK);
    assert_null(choice.token);
    assert_int_equal(cloak_decide_activation(EOAC_NONE, false, NULL, tokens.y, NULL, &choice),
                     SEC_E_NO_CREDENTIALS);
    assert_null(choice.token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CLK_6_RPC_2_all_36_cases),
        cmocka_unit_test(CLK_3_static_is_captured_at_each_set_blanket),
        cmocka_unit_test(C1_explicit_identity_of_the_blanket_wins_over_everything),
        cmocka_unit_test(C2_static_by_blanket_ignores_thread_and_process_settings),
        cmocka_unit_test(C3_dynamic_by_blanket_is_the_thread_else_the_process),
        cmocka_unit_test(C4_no_cloaking_by_blanket_is_the_process_even_when_it_cloaks),
        cmocka_unit_test(C4_ERR_11_no_cloaking_by_blanket_uses_the_process_wide_identity),
        cmocka_unit_test(C5_process_wide_identity),
        cmocka_unit_test(C6_captures_at_the_first_call_only),
        cmocka_unit_test(C6_CLK_2_a_first_call_as_the_process_freezes_the_process),
        cmocka_unit_test(C6_a_refused_call_captures_nothing),
        cmocka_unit_test(C7_process_wide_dynamic_is_the_thread_else_the_process),
        cmocka_unit_test(C8_without_any_setting_it_is_the_process),
        cmocka_unit_test(CLK_1_a_weak_thread_token_does_not_matter_without_cloaking),
        cmocka_unit_test(CLK_8_identify_and_below_is_refused_under_cloaking),
        cmocka_unit_test(no_credential_is_never_replaced_by_another),
        cmocka_unit_test(ACT_1_either_kind_of_cloaking_activates_as_the_thread),
        cmocka_unit_test(ACT_2_enable_cloaking_turns_it_on_for_one_activation),
        cmocka_unit_test(ACT_3_explicit_identity_and_refusals_of_activation),
    };

    return cmocka_run_group_tests_name("cloak", tests, setup, teardown);
}
