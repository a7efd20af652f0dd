/* SPDX-License-Identifier: Apache-2.0 */
/* The table of requests: who may ask what, and when. Askers of any account, without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <rpcdce.h>
#include <string.h>
#include <winerror.h>
#include "authd/request.h"
#include "base/time.h"
#include "sec/credential.h"

#define SERVICE  9001u /* account of the machine's service */
#define STRANGER 9002u

typedef struct House {
    RequestHouse house;
    IoLoop *loop;
    Accounts *accounts;
    uid_t service;
    PolicyList impersonate, machine;
} House;

static House house_new(void)
{
    House house = {.service = SERVICE};
    RequestHouse *inner = &house.house;
    SecFailure failure;
    assert_int_equal(authority_new_linked(&(AuthorityOptions){.krb5_config = "/dev/null", .ntlm = true},
                                          &inner->authority, &failure),
                     0);
    assert_int_equal(accounts_new(&house.accounts), 0);
    assert_int_equal(sessions_new(inner->authority, &inner->sessions), 0);
    assert_int_equal(io_loop_new(&house.loop), 0);
    assert_int_equal(token_table_new(house.loop, &inner->tokens), 0);
    inner->keytab = "/nonexistent/keytab";
    return house;
}

/* Everything that refers to itself. */
static void house_open(House *house)
{
    house->machine = house->impersonate = (PolicyList){.uids = &house->service, .uid_count = 1};
    house->house.machine = &house->machine;
    house->house.impersonate = &house->impersonate;
}

static void house_deinit(House *house)
{
    token_table_free(house->house.tokens);
    io_loop_free(house->loop);
    sessions_free(house->house.sessions);
    accounts_free(house->accounts);
    authority_unref(house->house.authority);
}

static Asker asker_of(House *house, uid_t uid)
{
    Asker asker = {.peer = {.uid = uid, .gid = 9000}, .pid = 1};
    assert_int_equal(accounts_get(house->accounts, uid, &asker.account), 0);
    asker.impersonates = policy_list_has(&house->impersonate, &asker.peer);
    asker.machine = policy_list_has(&house->machine, &asker.peer);
    return asker;
}

static void asker_deinit(Asker *asker)
{
    session_leave(asker->session);
    account_unref(asker->account);
}

/* The code of the refusal, 0 when it was answered. What came with the answer is the caller's. */
static uint32_t ask_for(House *house, Asker *asker, const AuthorityRequest *request, int fd, int *ret_fd,
                        uint64_t *ret_conversation, bool *ret_last)
{
    _cleanup_(writer_deinitp) Writer writer;
    RequestReply reply;
    AuthorityAnswer answer;
    writer_init(&writer, 0);
    authority_request_write(&writer, request);
    assert_int_equal(request_answer(&house->house, asker, writer.data, writer.length, UINT32_MAX, fd, &reply),
                     0);
    assert_int_equal(authority_answer_read(reply.data, reply.length, &answer), 0);
    uint32_t code = reply.refusal.code;
    assert_int_equal(code, answer.code);
    if (code && strlen(answer.sentence) <= 20) fail_msg("%s", answer.sentence);
    assert_int_equal(reply.fd >= 0, code == 0 && answer.credential != 0);
    if (ret_fd) *ret_fd = TAKE_FD(reply.fd);
    if (ret_conversation) *ret_conversation = answer.conversation;
    if (ret_last) *ret_last = reply.last;
    authority_answer_deinit(&answer);
    request_reply_deinit(&reply);
    return code;
}

static uint32_t ask(House *house, Asker *asker, const AuthorityRequest *request)
{
    return ask_for(house, asker, request, -1, NULL, NULL, NULL);
}

static void greet(House *house, Asker *asker, uint8_t number)
{
    const uint8_t session[AUTHORITY_SESSION_SIZE] = {number};
    const AuthorityRequest hello = {.operation = AUTHORITY_HELLO, .token = {session, sizeof(session)}};
    assert_int_equal(ask(house, asker, &hello), 0);
}

static const AuthorityRequest alice = {.operation = AUTHORITY_LOGON,
                                       .service = RPC_C_AUTHN_WINNT,
                                       .source = LOGON_PASSWORD,
                                       .principal = "LAB\\alice",
                                       .password = "Password"};

static int alice_fd(House *house, Asker *asker)
{
    int fd = -1;
    assert_int_equal(ask_for(house, asker, &alice, -1, &fd, NULL, NULL), 0);
    return fd;
}

static uint64_t conversation_of(House *house, Asker *asker, int fd)
{
    uint64_t id = 0;
    const AuthorityRequest initiate = {.operation = AUTHORITY_INITIATE,
                                       .service = RPC_C_AUTHN_WINNT,
                                       .target = "host/a",
                                       .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                       .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE};
    assert_int_equal(ask_for(house, asker, &initiate, fd, NULL, &id, NULL), 0);
    assert_true(id != 0);
    return id;
}

enum { PRIVILEGE = ERROR_PRIVILEGE_NOT_HELD, ACCESS = ERROR_ACCESS_DENIED, ORDER = ERROR_INVALID_FUNCTION };

/* Every row, by who may and who may not. `service` and `stranger`: 0 answered, else the code. */
static const uint8_t number[AUTHORITY_SESSION_SIZE] = {1}, leg[] = {1, 2, 3};

static const struct {
    AuthorityRequest request;
    uint32_t service, stranger;
} rows[] = {
    {{.operation = AUTHORITY_HELLO, .token = {number, sizeof(number)}}, ORDER, ORDER}, /* once */
    {alice, 0, 0},
    {{.operation = AUTHORITY_LOGON,
      .source = LOGON_NT_HASH,
      .service = 10,
      .principal = "LAB\\a",
      .password = "00112233445566778899aabbccddeeff"},
     0,
     0},
    {{.operation = AUTHORITY_LOGON,
      .source = LOGON_PASSWORD,
      .service = 10,
      .path = "/etc/shadow",
      .principal = "LAB\\a",
      .password = "x"},
     ERROR_INVALID_PARAMETER,
     ERROR_INVALID_PARAMETER},
    {{.operation = AUTHORITY_LOGON, .source = LOGON_CCACHE, .path = "FILE:/tmp/krb5cc_0"}, ACCESS, ACCESS},
    {{.operation = AUTHORITY_LOGON, .source = 3, .path = "x"}, ACCESS, ACCESS},
    {{.operation = AUTHORITY_LOGON, .source = LOGON_UNPROVED, .principal = "alice@LAB.TEST"}, ACCESS, ACCESS},
    {{.operation = AUTHORITY_LOGON, .source = LOGON_ACCOUNT}, ACCESS, ACCESS},
    {{.operation = AUTHORITY_LOGON, .source = LOGON_KEYTAB, .path = "/etc/krb5.keytab"}, ACCESS, PRIVILEGE},
    {{.operation = AUTHORITY_LOGON, .source = LOGON_KEYTAB},
     (uint32_t)SEC_E_NO_CREDENTIALS,
     PRIVILEGE}, /* no such file */
    {{.operation = AUTHORITY_TRANSITION, .principal = "alice@LAB.TEST"}, ERROR_PRIVILEGE_NOT_HELD, PRIVILEGE},
    {{.operation = AUTHORITY_ACCOUNT}, 0, 0},
    {{.operation = AUTHORITY_RELEASE, .credential = 1}, ORDER, ORDER},
    {{.operation = AUTHORITY_RELEASE}, ORDER, ORDER},
    {{.operation = AUTHORITY_INITIATE, .service = 10, .target = "host/a"}, ORDER, ORDER}, /* no descriptor */
    {{.operation = AUTHORITY_INITIATE, .service = 10, .credential = 1, .target = "host/a"}, ORDER, ORDER},
    {{.operation = AUTHORITY_OPEN_TOKEN}, ORDER, ORDER},
    {{.operation = AUTHORITY_INITIATE_FINISH, .conversation = 1},
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED,
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED},
    {{.operation = AUTHORITY_ACCEPT_FINISH, .conversation = 1},
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED,
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED},
    {{.operation = AUTHORITY_ABANDON, .conversation = 1},
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED,
     (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED},
    {{.operation = AUTHORITY_ACCEPT, .service = 10, .authn_level = 6, .token = {leg, sizeof(leg)}},
     (uint32_t)SEC_E_NO_CREDENTIALS,
     (uint32_t)SEC_E_NO_CREDENTIALS},
};

static void test_table(void **state)
{
    House house = house_new();
    house_open(&house);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Asker askers[2] = {asker_of(&house, SERVICE), asker_of(&house, STRANGER)};
        for (size_t who = 0; who < 2; who++) {
            bool last, first = rows[i].request.operation == AUTHORITY_HELLO;
            uint32_t wanted = who ? rows[i].stranger : rows[i].service;
            /* Before hello nothing but hello. */
            assert_int_equal(ask_for(&house, &askers[who], &rows[i].request, -1, NULL, NULL, &last),
                             first ? 0 : ORDER);
            assert_int_equal(last, !first);
            if (!first) greet(&house, &askers[who], 1);
            uint32_t code = ask_for(&house, &askers[who], &rows[i].request, -1, NULL, NULL, &last);
            if (code != wanted)
                fail_msg("row %zu, asker %zu: %08x, not %08x", i, who, (unsigned)code, (unsigned)wanted);
            assert_int_equal(last, wanted == ORDER);
            asker_deinit(&askers[who]);
        }
    }
    house_deinit(&house);
}

static void test_another_process_s_conversation(void **state)
{
    House house = house_new();
    house_open(&house);
    /* The same account in another process, and another account that says the same number. */
    Asker owner = asker_of(&house, SERVICE), other = asker_of(&house, SERVICE),
          thief = asker_of(&house, STRANGER), twin = asker_of(&house, SERVICE);
    greet(&house, &owner, 1);
    greet(&house, &other, 2);
    greet(&house, &thief, 1);
    greet(&house, &twin, 1); /* the same process, on another connection */
    _cleanup_(closep) int fd = alice_fd(&house, &owner);
    uint64_t id = conversation_of(&house, &owner, fd);
    static const AuthorityOperation operations[] = {AUTHORITY_INITIATE_FINISH, AUTHORITY_ACCEPT_FINISH,
                                                    AUTHORITY_ABANDON};
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        const AuthorityRequest request = {.operation = operations[i], .conversation = id};
        assert_int_equal(ask(&house, &other, &request), (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
        assert_int_equal(ask(&house, &thief, &request), (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    }
    const AuthorityRequest abandon = {.operation = AUTHORITY_ABANDON, .conversation = id};
    assert_int_equal(ask(&house, &twin, &abandon), 0);
    assert_int_equal(ask(&house, &owner, &abandon), (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    /* With its last connection all it has begun is gone. */
    id = conversation_of(&house, &owner, fd);
    asker_deinit(&owner);
    asker_deinit(&twin);
    Asker again = asker_of(&house, SERVICE);
    greet(&house, &again, 1);
    const AuthorityRequest late = {.operation = AUTHORITY_INITIATE_FINISH, .conversation = id};
    assert_int_equal(ask(&house, &again, &late), (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    asker_deinit(&again);
    asker_deinit(&other);
    asker_deinit(&thief);
    house_deinit(&house);
}

static void test_tokens_per_account(void **state)
{
    House house = house_new();
    house_open(&house);
    Asker greedy = asker_of(&house, STRANGER), other = asker_of(&house, SERVICE);
    greet(&house, &greedy, 1);
    greet(&house, &other, 2);
    assert_true(quota_charge(&greedy.account->tokens, AUTHD_TOKENS_PER_ACCOUNT - 1));
    _cleanup_(closep) int last = alice_fd(&house, &greedy); /* exactly that many */
    assert_int_equal(ask(&house, &greedy, &alice), (uint32_t)SEC_E_INSUFFICIENT_MEMORY);
    assert_int_equal(ask(&house, &greedy, &(AuthorityRequest){.operation = AUTHORITY_ACCOUNT}),
                     (uint32_t)SEC_E_INSUFFICIENT_MEMORY);
    _cleanup_(closep) int theirs = alice_fd(&house, &other);
    assert_true(theirs >= 0);
    quota_release(&greedy.account->tokens, AUTHD_TOKENS_PER_ACCOUNT - 1);
    asker_deinit(&greedy);
    asker_deinit(&other);
    house_deinit(&house);
}

/* None is left out: what is denied to it would not be denied any more. */
static void test_account_of_many_groups(void **state)
{
    static const AuthorityRequest account = {.operation = AUTHORITY_ACCOUNT};
    static gid_t groups[TOKEN_GROUPS_MAX];
    House house = house_new();
    house_open(&house);
    Asker asker = asker_of(&house, STRANGER);
    TokenView view = {NULL};
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        groups[i] = 20000 + (gid_t)i;
    asker.peer.groups = groups;
    greet(&house, &asker, 1);
    asker.peer.group_count = TOKEN_GROUPS_MAX;
    assert_int_equal(ask(&house, &asker, &account), ERROR_ACCESS_DENIED);
    asker.peer.group_count = TOKEN_GROUPS_MAX - 1;
    _cleanup_(closep) int fd = -1;
    assert_int_equal(ask_for(&house, &asker, &account, -1, &fd, NULL, NULL), 0);
    assert_int_equal(token_table_find(house.house.tokens, fd, &view), 0);
    const Sid first = sid_from_gid(asker.peer.gid), last = sid_from_gid(groups[TOKEN_GROUPS_MAX - 2]);
    assert_int_equal(view.identity->group_count, TOKEN_GROUPS_MAX);
    assert_memory_equal(&view.identity->groups[0], &first, sizeof(Sid));
    assert_memory_equal(&view.identity->groups[TOKEN_GROUPS_MAX - 1], &last, sizeof(Sid));
    token_view_deinitp(&view);
    asker_deinit(&asker);
    house_deinit(&house);
}

static void test_conversations_per_account(void **state)
{
    House house = house_new();
    house_open(&house);
    Asker greedy = asker_of(&house, STRANGER), other = asker_of(&house, SERVICE);
    greet(&house, &greedy, 1);
    greet(&house, &other, 2);
    _cleanup_(closep) int fd = alice_fd(&house, &greedy), theirs = alice_fd(&house, &other);
    uint64_t kept = conversation_of(&house, &other, theirs), first = conversation_of(&house, &greedy, fd),
             second = conversation_of(&house, &greedy, fd);
    for (unsigned i = 2; i <= AUTHD_CONVERSATIONS_PER_ACCOUNT; i++)
        (void)conversation_of(&house, &greedy, fd);
    AuthorityRequest abandon = {.operation = AUTHORITY_ABANDON, .conversation = first};
    assert_int_equal(ask(&house, &greedy, &abandon), (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    abandon.conversation = second;
    assert_int_equal(ask(&house, &greedy, &abandon), 0);
    abandon.conversation = kept;
    assert_int_equal(ask(&house, &other, &abandon), 0);
    asker_deinit(&greedy);
    asker_deinit(&other);
    house_deinit(&house);
}

static void test_requests_at_once(void **state)
{
    House house = house_new();
    house_open(&house);
    Asker greedy = asker_of(&house, STRANGER), other = asker_of(&house, SERVICE);
    greet(&house, &greedy, 1);
    greet(&house, &other, 2);
    Quota *quota = &greedy.account->at_once[AUTHORITY_LOGON];
    unsigned most = request_at_once(AUTHORITY_LOGON);
    assert_true(quota_charge(quota, most - 1));
    assert_int_equal(ask(&house, &greedy, &alice), 0);
    assert_true(quota_charge(quota, 1));
    assert_int_equal(ask(&house, &greedy, &alice), (uint32_t)SEC_E_INSUFFICIENT_MEMORY);
    assert_int_equal(ask(&house, &greedy, &(AuthorityRequest){.operation = AUTHORITY_ACCOUNT}), 0);
    assert_int_equal(ask(&house, &other, &alice), 0);
    quota_release(quota, most);
    assert_int_equal(ask(&house, &greedy, &alice), 0);
    asker_deinit(&greedy);
    asker_deinit(&other);
    house_deinit(&house);
}

/* What a log can be made to hold. */
static void test_lines_per_account(void **state)
{
    House house = house_new();
    Account *account;
    bool last;
    assert_int_equal(accounts_get(house.accounts, STRANGER, &account), 0);
    for (unsigned i = 0; i < AUTHD_LOG_LINES_PER_ACCOUNT; i++) {
        assert_true(account_may_log(account, &last));
        assert_int_equal(last, i + 1 == AUTHD_LOG_LINES_PER_ACCOUNT);
    }
    assert_false(account_may_log(account, &last));
    account_unref(account); /* coming back does not help */
    assert_int_equal(accounts_get(house.accounts, STRANGER, &account), 0);
    assert_false(account_may_log(account, &last));
    account_unref(account);
    house_deinit(&house);
}

static int group_named(gid_t gid, const PolicyList *list)
{
    const gid_t groups[] = {7, gid};
    return policy_list_has(list, &(PolicyPeer){.uid = 5, .gid = 6, .groups = groups, .group_count = 2});
}

static void test_policy(void **state)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(freep) char *error = NULL;
    PolicyList list;
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(policy_list_load(conf, CONF_SECURITY_IMPERSONATE, &list, &error), 0);
    assert_true(policy_list_has(&list, &(PolicyPeer){.uid = 0, .gid = 0}));
    assert_false(policy_list_has(&list, &(PolicyPeer){.uid = STRANGER, .gid = 0}));
    policy_list_deinit(&list);
    assert_int_equal(conf_set(conf, CONF_SECURITY_IMPERSONATE, "9001, @8000", &error), 0);
    assert_int_equal(policy_list_load(conf, CONF_SECURITY_IMPERSONATE, &list, &error), 0);
    assert_true(policy_list_has(&list, &(PolicyPeer){.uid = SERVICE, .gid = 1}));
    assert_true(policy_list_has(&list, &(PolicyPeer){.uid = 1, .gid = 8000}));
    assert_true(group_named(8000, &list));
    assert_false(group_named(9001, &list)); /* an account's number is no group's */
    assert_false(policy_list_has(&list, &(PolicyPeer){.uid = 8000, .gid = 1}));
    assert_false(policy_list_has(&list, &(PolicyPeer){.uid = 0, .gid = 0})); /* root has to be listed */
    policy_list_deinit(&list);
    static const char *const wrong[] = {"no-such-account", "@no-such-group", "4294967295", "1e3", "@"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        _cleanup_(freep) char *sentence = NULL;
        assert_int_equal(conf_set(conf, CONF_SECURITY_IMPERSONATE, wrong[i], &error), 0);
        assert_int_equal(policy_list_load(conf, CONF_SECURITY_IMPERSONATE, &list, &sentence), -ENOENT);
        assert_non_null(strstr(sentence, wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_another_process_s_conversation),
        cmocka_unit_test(test_tokens_per_account),
        cmocka_unit_test(test_account_of_many_groups),
        cmocka_unit_test(test_conversations_per_account),
        cmocka_unit_test(test_requests_at_once),
        cmocka_unit_test(test_lines_per_account),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests_name("authd-request", tests, NULL, NULL);
}
