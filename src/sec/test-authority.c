/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's messages as foreign bytes, and what it remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/authority-client.h"
#include "sec/authority-store.h"
#include "sec/token.h"

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static const AuthorityRequest requests[] = {
    {.operation = AUTHORITY_LOGON,
     .service = 9,
     .source = 2,
     .forwardable = true,
     .principal = "alice@LAB.TEST",
     .password = "x"},
    {.operation = AUTHORITY_LOGON, .source = 1, .path = "/keytab", .principal = ""},
    {.operation = AUTHORITY_RELEASE, .credential = UINT64_MAX},
    {.operation = AUTHORITY_INITIATE,
     .service = 10,
     .credential = 7,
     .target = "host/a",
     .authn_level = 6,
     .impersonation = 4},
    {.operation = AUTHORITY_INITIATE_FINISH, .conversation = 8, .token = BYTES("leg 2")},
    {.operation = AUTHORITY_ACCEPT, .service = 16, .authn_level = 5, .token = BYTES("leg 1")},
    {.operation = AUTHORITY_ACCEPT_FINISH, .conversation = 9, .token = BYTES("")},
    {.operation = AUTHORITY_ABANDON, .conversation = 10},
    {.operation = AUTHORITY_TRANSITION, .principal = "alice@LAB.TEST", .target = "host/a"},
    {.operation = AUTHORITY_TRANSITION, .principal = "alice@LAB.TEST"},
    {.operation = AUTHORITY_HELLO, .token = BYTES("sixteen bytes at")},
    {.operation = AUTHORITY_OPEN_TOKEN, .level = 2, .hands = true, .recipient = 1000},
    {.operation = AUTHORITY_ACCOUNT},
    {.operation = AUTHORITY_LAUNCH, .start = true, .token = BYTES("sixteen bytes of")},
    {.operation = AUTHORITY_LAUNCH_AS, .credential = 3, .token = BYTES("sixteen bytes of")},
};

static const Sid groups[] = {{.count = 5, .authority = 5, .subauthorities = {21, 1, 2, 3, 513}},
                             {.count = 1, .authority = 18, .subauthorities = {1}}};

static const AuthorityAnswer answers[] = {
    {.operation = AUTHORITY_LOGON,
     .sentence = "no KDC",
     .credential = 3,
     .shows = 3,
     .principal = "alice@LAB.TEST",
     .expires = INT64_MAX},
    {.operation = AUTHORITY_RELEASE},
    {.operation = AUTHORITY_INITIATE, .conversation = 4, .token = BYTES("leg 1")},
    {.operation = AUTHORITY_INITIATE,
     .status = AUTHORITY_REFUSED,
     .code = 0x80090303u,
     .sentence = "unknown"},
    {.operation = AUTHORITY_INITIATE_FINISH, .status = AUTHORITY_RESTART, .token = BYTES("leg 1 again")},
    {.operation = AUTHORITY_INITIATE_FINISH,
     .token = BYTES("leg 3"),
     .enctype = 18,
     .context_flags = 0xe2898235,
     .key = BYTES("key"),
     .send_sequence = 0x12345678,
     .receive_sequence = 1,
     .session_expires = 99},
    {.operation = AUTHORITY_ACCEPT, .conversation = 5, .token = BYTES("leg 2")},
    {.operation = AUTHORITY_ACCEPT,
     .status = AUTHORITY_REFUSED,
     .code = 1,
     .sentence = "no",
     .token = BYTES("error")},
    {.operation = AUTHORITY_ACCEPT_FINISH,
     .credential = 6,
     .principal = "bob@LAB.TEST",
     .server = "host/a.lab.test@LAB.TEST",
     .expires = 1,
     .enctype = 17,
     .key = BYTES("k"),
     .level = TOKEN_LEVEL_DELEGATION,
     .account_flags = 0x10,
     .user = {.count = 1, .authority = 5, .subauthorities = {7}},
     .groups = groups,
     .group_count = 2},
    {.operation = AUTHORITY_ABANDON},
    {.operation = AUTHORITY_TRANSITION,
     .credential = 9,
     .principal = "alice@LAB.TEST",
     .expires = 7,
     .level = TOKEN_LEVEL_IMPERSONATION,
     .user = {.count = 1, .authority = 5, .subauthorities = {7}},
     .groups = groups,
     .group_count = 2},
    {.operation = AUTHORITY_HELLO, .grants = 15},
    {.operation = AUTHORITY_OPEN_TOKEN,
     .credential = 1,
     .shows = AUTHORITY_SHOWS_KERBEROS,
     .service = 16,
     .origin = AUTHORITY_FROM_NETWORK | AUTHORITY_DELEGATED,
     .principal = "alice@LAB.TEST",
     .expires = 7,
     .level = TOKEN_LEVEL_DELEGATION,
     .user = {.count = 1, .authority = 5, .subauthorities = {7}},
     .groups = groups,
     .group_count = 2},
    {.operation = AUTHORITY_ACCOUNT,
     .credential = 1,
     .principal = "alice",
     .level = TOKEN_LEVEL_DELEGATION,
     .user = {.count = 2, .authority = 22, .subauthorities = {1, 1000}}},
    {.operation = AUTHORITY_LAUNCH, .credential = 1, .account = 1000, .process = 4711},
    {.operation = AUTHORITY_LAUNCH_AS, .account = UINT32_MAX},
};

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a) assert_string_equal(a, b);
}

static void assert_bytes(const AuthorityBytes *a, const AuthorityBytes *b)
{
    assert_int_equal(a->length, b->length);
    if (a->length > 0) assert_memory_equal(a->data, b->data, a->length);
}

static void test_requests(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        const AuthorityRequest *in = &requests[i];
        AuthorityRequest out;
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        authority_request_write(&writer, in);
        assert_int_equal(writer_status(&writer), 0);
        assert_int_equal(authority_request_read(writer.data, writer.length, &out), 0);
        assert_int_equal(out.operation, in->operation);
        assert_int_equal(out.source, in->source);
        assert_int_equal(out.forwardable, in->forwardable);
        assert_text(out.path, in->path);
        assert_text(out.principal, in->principal);
        assert_text(out.password, in->password);
        assert_text(out.target, in->target);
        assert_int_equal(out.credential, in->credential);
        assert_int_equal(out.conversation, in->conversation);
        assert_int_equal(out.service, in->service);
        assert_int_equal(out.authn_level, in->authn_level);
        assert_int_equal(out.impersonation, in->impersonation);
        assert_int_equal(out.level, in->level);
        assert_int_equal(out.hands, in->hands);
        assert_int_equal(out.recipient, in->recipient);
        assert_bytes(&out.token, &in->token);
        for (size_t cut = 0; cut < writer.length; cut++)
            assert_int_equal(authority_request_read(writer.data, cut, &out), -EBADMSG);
        writer_u8(&writer, 0);
        assert_int_equal(authority_request_read(writer.data, writer.length, &out), -EBADMSG);
    }
}

static void test_answers(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        const AuthorityAnswer *in = &answers[i];
        AuthorityAnswer out;
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        authority_answer_write(&writer, in);
        assert_int_equal(writer_status(&writer), 0);
        assert_int_equal(authority_answer_read(writer.data, writer.length, &out), 0);
        assert_int_equal(out.operation, in->operation);
        assert_int_equal(out.status, in->status);
        assert_int_equal(out.code, in->code);
        assert_text(out.sentence, in->sentence);
        assert_text(out.principal, in->principal);
        assert_text(out.server, in->server);
        assert_int_equal(out.credential, in->credential);
        assert_int_equal(out.conversation, in->conversation);
        assert_int_equal(out.expires, in->expires);
        assert_int_equal(out.session_expires, in->session_expires);
        assert_int_equal(out.enctype, in->enctype);
        assert_int_equal(out.context_flags, in->context_flags);
        assert_int_equal(out.shows, in->shows);
        assert_int_equal(out.grants, in->grants);
        assert_int_equal(out.origin, in->origin);
        assert_int_equal(out.service, in->service);
        assert_int_equal(out.send_sequence, in->send_sequence);
        assert_int_equal(out.receive_sequence, in->receive_sequence);
        assert_int_equal(out.level, in->level);
        assert_int_equal(out.account_flags, in->account_flags);
        assert_bytes(&out.token, &in->token);
        assert_bytes(&out.key, &in->key);
        assert_int_equal(out.group_count, in->group_count);
        for (size_t g = 0; g < in->group_count; g++)
            assert_true(sid_equal(&out.groups[g], &in->groups[g]));
        if (in->user.count) assert_true(sid_equal(&out.user, &in->user));
        authority_answer_deinit(&out);
        for (size_t cut = 0; cut < writer.length; cut++)
            assert_int_equal(authority_answer_read(writer.data, cut, &out), -EBADMSG);
        writer_u8(&writer, 0);
        assert_int_equal(authority_answer_read(writer.data, writer.length, &out), -EBADMSG);
    }
}

static int read_initiate(uint32_t length, const char *text, size_t size)
{
    AuthorityRequest request;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    writer_u32(&writer, AUTHORITY_INITIATE);
    writer_u8(&writer, 16);
    writer_u64(&writer, 1);
    writer_u32(&writer, length);
    writer_bytes(&writer, text, size);
    writer_u16(&writer, 0x0306);
    return authority_request_read(writer.data, writer.length, &request);
}

static void test_texts(void **state)
{
    static char longest[AUTHORITY_TEXT_MAX + 1];
    assert_int_equal(read_initiate(2, "a", 2), 0);
    assert_int_equal(read_initiate(1, "", 1), 0);
    assert_int_equal(read_initiate(0, "", 0), -EBADMSG);     /* a target is needed */
    assert_int_equal(read_initiate(1, "a", 1), -EBADMSG);    /* without its NUL */
    assert_int_equal(read_initiate(4, "a\0b", 4), -EBADMSG); /* with one too many */
    assert_int_equal(read_initiate(UINT32_MAX, "a", 2), -EBADMSG);
    memset(longest, 'a', sizeof(longest));
    longest[AUTHORITY_TEXT_MAX - 1] = '\0';
    assert_int_equal(read_initiate(AUTHORITY_TEXT_MAX, longest, AUTHORITY_TEXT_MAX), 0);
    longest[AUTHORITY_TEXT_MAX - 1] = 'a';
    longest[AUTHORITY_TEXT_MAX] = '\0';
    assert_int_equal(read_initiate(AUTHORITY_TEXT_MAX + 1, longest, AUTHORITY_TEXT_MAX + 1), -EBADMSG);
}

/* What no writer of ours makes. */
static void test_malformed(void **state)
{
    static const uint8_t nothing[] = {0, 0, 0, 0}, end[] = {AUTHORITY_OPERATION_END, 0, 0, 0},
                         restart[] = {AUTHORITY_ABANDON, 0, 0, 0, AUTHORITY_RESTART, 0, 0, 0},
                         status[] = {AUTHORITY_ABANDON, 0, 0, 0, AUTHORITY_STATUS_END, 0, 0, 0},
                         fine[] = {AUTHORITY_ABANDON, 0, 0, 0, 0, 0, 0, 0},
                         flag[] = {AUTHORITY_LOGON, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    AuthorityRequest request;
    AuthorityAnswer answer;
    assert_int_equal(authority_request_read(nothing, sizeof(nothing), &request), -EBADMSG);
    assert_int_equal(authority_request_read(end, sizeof(end), &request), -EBADMSG);
    assert_int_equal(authority_request_read(flag, sizeof(flag), &request), -EBADMSG);
    assert_int_equal(authority_answer_read(restart, sizeof(restart), &answer), -EBADMSG);
    assert_int_equal(authority_answer_read(status, sizeof(status), &answer), -EBADMSG);
    assert_int_equal(authority_answer_read(fine, sizeof(fine), &answer), 0);
}

static int read_accepted(uint8_t level, uint32_t count, size_t present)
{
    AuthorityAnswer answer = answers[8], out;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    answer.level = level;
    answer.group_count = 0;
    authority_answer_write(&writer, &answer);
    writer_patch_u32(&writer, writer.length - 4, count);
    for (size_t i = 0; i < present; i++)
        sid_write(&writer, &groups[1]);
    int result = authority_answer_read(writer.data, writer.length, &out);
    if (result == 0) assert_int_equal(out.group_count, count);
    if (result == 0) authority_answer_deinit(&out);
    return result;
}

static void test_groups(void **state)
{
    assert_int_equal(read_accepted(TOKEN_LEVEL_DELEGATION, 0, 0), 0);
    assert_int_equal(read_accepted(TOKEN_LEVEL_DELEGATION + 1, 0, 0), -EBADMSG);
    assert_int_equal(read_accepted(0, TOKEN_GROUPS_MAX, TOKEN_GROUPS_MAX), 0);
    assert_int_equal(read_accepted(0, TOKEN_GROUPS_MAX + 1, TOKEN_GROUPS_MAX + 1), -EBADMSG);
    assert_int_equal(read_accepted(0, 2, 1), -EBADMSG);
    assert_int_equal(read_accepted(0, 1, 2), -EBADMSG);
    assert_int_equal(read_accepted(0, UINT32_MAX, 1), -EBADMSG);
}

static Authority *make_authority(void)
{
    Authority *authority = NULL;
    SecFailure failure;
    assert_int_equal(
        authority_new_linked(&(AuthorityOptions){.krb5_config = "/dev/null"}, &authority, &failure), 0);
    return authority;
}

static int ask(Authority *authority, const AuthorityRequest *request, SecFailure *ret_failure)
{
    _cleanup_(authority_call_freep) AuthorityCall *call = NULL;
    IoWait wait;
    AuthorityAnswer answer;
    assert_int_equal(authority_ask(authority, request, TIME_NEVER, &call), 0);
    int result = authority_ask_step(call, request->operation, &wait, &answer, ret_failure);
    if (result == 0) authority_answer_deinit(&answer);
    return result;
}

/* Requests that name what the authority does not have are refused, not trusted. */
static void test_unknown(void **state)
{
    static const struct {
        AuthorityRequest request;
        uint32_t code;
    } rows[] = {
        {{.operation = AUTHORITY_RELEASE, .credential = 1}, (uint32_t)SEC_E_INVALID_HANDLE},
        {{.operation = AUTHORITY_INITIATE, .service = 16, .credential = 1, .target = "host/a"},
         (uint32_t)SEC_E_NO_CREDENTIALS},
        {{.operation = AUTHORITY_INITIATE, .service = 9, .credential = 1, .target = "host/a"},
         (uint32_t)SEC_E_SECPKG_NOT_FOUND},
        {{.operation = AUTHORITY_ACCEPT, .token = BYTES("x")}, (uint32_t)SEC_E_SECPKG_NOT_FOUND},
        {{.operation = AUTHORITY_INITIATE_FINISH, .conversation = 1},
         (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED},
        {{.operation = AUTHORITY_ACCEPT, .service = 16, .token = BYTES("x")},
         (uint32_t)SEC_E_NO_CREDENTIALS}, /* no keytab */
        {{.operation = AUTHORITY_ACCEPT_FINISH, .conversation = 1},
         (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED},
        {{.operation = AUTHORITY_LOGON, .source = 1}, ERROR_INVALID_PARAMETER},
        {{.operation = AUTHORITY_LOGON, .source = 3, .path = "x"},
         ERROR_INVALID_PARAMETER}, /* delegated: never asked for */
        {{.operation = AUTHORITY_LOGON, .source = 77, .path = "x"}, ERROR_INVALID_PARAMETER},
        {{.operation = AUTHORITY_HELLO, .token = BYTES("sixteen bytes at")},
         ERROR_NOT_SUPPORTED}, /* linked */
        {{.operation = AUTHORITY_OPEN_TOKEN, .credential = 1}, ERROR_NOT_SUPPORTED},
        {{.operation = AUTHORITY_ACCOUNT}, ERROR_NOT_SUPPORTED},
        {{.operation = AUTHORITY_LAUNCH, .token = BYTES("sixteen bytes of")}, ERROR_NOT_SUPPORTED},
        {{.operation = AUTHORITY_LAUNCH_AS, .credential = 1, .token = BYTES("sixteen bytes of")},
         ERROR_NOT_SUPPORTED},
    };
    _cleanup_(authority_unrefp) Authority *authority = make_authority();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SecFailure failure = {0};
        assert_int_equal(ask(authority, &rows[i].request, &failure), SEC_FAILED);
        assert_int_equal(failure.code, rows[i].code);
        assert_true(strlen(failure.sentence) > 10);
    }
    SecFailure failure;
    assert_int_equal(
        ask(authority, &(AuthorityRequest){.operation = AUTHORITY_ABANDON, .conversation = 1}, &failure), 0);
    AuthorityCall *call = NULL;
    assert_int_equal(authority_call_new(authority, (const uint8_t *)"junk", 4, TIME_NEVER, &call), -EBADMSG);
}

static void test_too_long(void **state)
{
    static char text[AUTHORITY_TEXT_MAX + 1];
    static uint8_t token[AUTHORITY_TOKEN_MAX + 1];
    _cleanup_(authority_unrefp) Authority *authority = make_authority();
    AuthorityCall *call = NULL;
    memset(text, 'a', AUTHORITY_TEXT_MAX);
    AuthorityRequest request = {.operation = AUTHORITY_INITIATE, .credential = 1, .target = text};
    assert_int_equal(authority_ask(authority, &request, TIME_NEVER, &call), -EINVAL);
    text[AUTHORITY_TEXT_MAX - 1] = '\0';
    assert_int_equal(authority_ask(authority, &request, TIME_NEVER, &call), 0);
    call = authority_call_free(call);
    request = (AuthorityRequest){.operation = AUTHORITY_ACCEPT, .token = {token, sizeof(token)}};
    assert_int_equal(authority_ask(authority, &request, TIME_NEVER, &call), -EINVAL);
    request.token.length--;
    assert_int_equal(authority_ask(authority, &request, TIME_NEVER, &call), 0);
    call = authority_call_free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),  cmocka_unit_test(test_answers), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_groups),  cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
