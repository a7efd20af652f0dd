/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cloaked calls within one machine: identities as descriptors of mantle-authd, from process to process over
 * UNIX sockets. NTLM stands for what somebody logged on with, as it needs no KDC. A is this program, B and C
 * are servers; B calls C as whoever called it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winerror.h>
#include "authd/authd.h"
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "rpc/client.h"
#include "rpc/local.h"
#include "rpc/server.h"
#include "sec/credential.h"
#include "sec/local-token.h"

#define DEADLINE    (60 * NS_PER_SECOND)
#define NOBODY_ELSE "4294967294"

static char folder[] = "/tmp/mantle-cloak.XXXXXX";
static char authd_path[64], users[64];
static const Guid iid = {0x6d616e74, 0x6c65, 0x4001, {0x90, 0x01, 'c', 'l', 'o', 'a', 'k', 1}};

/* mantle-authd */

static Authd *authd_start(const char *impersonate)
{
    _cleanup_(freep) char *error = NULL;
    static Conf *conf; /* an authd refers to it */
    IoAddress address;
    Authd *authd;
    int fd;
    conf_free(conf);
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_NTLM, "yes", &error), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_NTLM_USERS, users, &error), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_IMPERSONATE, impersonate, &error), 0);
    assert_int_equal(io_address_unix(authd_path, &address), 0);
    assert_int_equal(io_listen(&address, 0600, &fd), 0);
    assert_int_equal(authd_new(conf, fd, NULL, &authd), 0);
    return authd;
}

static Authority *authority(void)
{
    Authority *made;
    SecFailure failure = {0};
    if (authority_new_remote(&(AuthorityRemoteOptions){.path = authd_path}, &made, &failure) != 0)
        fail_msg("%s", failure.sentence);
    return made;
}

static Token *log_on(Authority *at, const LogonSpec *spec)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int r;
    assert_int_equal(logon_new(at, spec, &logon), 0);
    while ((r = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    assert_int_equal(r, 0);
    return logon_take_token(logon);
}

static Token *alice(Authority *at)
{
    return log_on(at, &(LogonSpec){.source = LOGON_PASSWORD,
                                   .service = RPC_C_AUTHN_WINNT,
                                   .principal = "LAB\\alice",
                                   .password = "Password",
                                   .deadline = TIME_NEVER});
}

/* Servers */

typedef struct House {
    Authority *authority;
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    IoAddress address;
    struct House *next; /* whom it calls as its callers */
    RpcClient *client;
    RpcInterface row;
} House;

static RpcStatus call_as(RpcClient *client, const IoAddress *address, Token *token, uint8_t impersonation,
                         const char *account, uint16_t opnum, uint8_t argument, Writer *ret_reply,
                         SecFailure *ret_failure)
{
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    const uid_t own = geteuid();
    RpcStatus status =
        rpc_binding_new(client, &(RpcEndpoint){.address = address, .owner = &own}, 1, &binding);
    if (status == RPCST_OK)
        status = rpc_security_new(&(RpcSecuritySpec){.token = token,
                                                     .authn_service = RPC_AUTHN_LOCAL,
                                                     .authn_level = 6,
                                                     .impersonation = impersonation,
                                                     .target = account},
                                  &security);
    if (status == RPCST_OK)
        status = rpc_client_call_new(&(RpcClientCallSpec){.binding = binding,
                                                          .security = security,
                                                          .iid = iid,
                                                          .opnum = opnum,
                                                          .stub = &argument,
                                                          .stub_length = 1,
                                                          .deadline = time_after(DEADLINE)},
                                     &call);
    if (status != RPCST_OK) return status;
    status = rpc_client_call_run(call);
    if (ret_failure) *ret_failure = *rpc_client_call_failure(call);
    if (status != RPCST_OK) return status;
    Reader reply = rpc_client_call_reply(call);
    const size_t length = reader_left(&reply);
    writer_bytes(ret_reply, reader_bytes(&reply, length), length);
    return RPCST_OK;
}

static const char *own_account(void)
{
    static char text[16];
    snprintf(text, sizeof(text), "%u", (unsigned)geteuid());
    return text;
}

/* "service token-level from-network principal" */
static RpcStatus op_who(RpcCall *call, void *data)
{
    char text[256];
    (void)data;
    const int length = snprintf(text, sizeof(text), "%u %d %d %s", call->authn_service,
                                call->token ? (int)token_level(call->token) : -1,
                                call->token ? token_is_from_network(call->token) : 0,
                                call->token ? token_principal(call->token) : "nobody");
    writer_bytes(&call->out, text, (size_t)length + 1);
    return RPCST_OK;
}

/* Asks the next house who its caller is, as its own caller, at the level in the argument. */
static RpcStatus op_cloak(RpcCall *call, void *data)
{
    House *house = data;
    if (!call->token) return RPCST_ACCESS_DENIED;
    return call_as(house->client, &house->next->address, call->token, reader_u8(&call->in), own_account(), 0,
                   0, &call->out, NULL);
}

static const RpcOperation operations[] = {{op_who, 2}, {op_cloak, 2}};

static void house_open(House *house, const char *name, House *next)
{
    char path[64];
    int fd;
    *house = (House){.authority = authority(), .next = next};
    house->row = (RpcInterface){.uuid = iid, .operations = operations, .operation_count = 2, .data = house};
    assert_int_equal(io_loop_new(&house->loop), 0);
    assert_int_equal(io_pool_new(house->loop, 1, 16, &house->pool), 0);
    assert_int_equal(rpc_client_new(NULL, &house->client), RPCST_OK);
    const RpcServerOptions options = {
        .loop = house->loop, .authority = house->authority, .machine = "workshop"};
    assert_int_equal(rpc_server_new(&options, &house->server), RPCST_OK);
    assert_int_equal(rpc_server_register(house->server, &house->row), RPCST_OK);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(io_address_unix(path, &house->address), 0);
    assert_int_equal(io_listen_fresh(&house->address, 0600, &fd), 0);
    assert_int_equal(rpc_server_listen_fd(house->server, fd, NULL), 0);
}

static void house_close(House *house)
{
    house->client = rpc_client_unref(house->client);
    house->server = rpc_server_free(house->server);
    house->pool = io_pool_free(house->pool);
    house->loop = io_loop_free(house->loop);
    house->authority = authority_unref(house->authority);
    assert_int_equal(unlink(house->address.local.sun_path), 0);
}

typedef struct Stage {
    Authd *authd;
    Authority *authority;
    House b, c;
    RpcClient *client;
    Token *alice;
    SecFailure failure;
} Stage;

static void stage_open(Stage *stage, const char *impersonate)
{
    *stage = (Stage){.authd = authd_start(impersonate)};
    stage->authority = authority();
    house_open(&stage->c, "c", NULL);
    house_open(&stage->b, "b", &stage->c);
    assert_int_equal(rpc_client_new(NULL, &stage->client), RPCST_OK);
    stage->alice = alice(stage->authority);
}

static void stage_close(Stage *stage)
{
    stage->alice = token_unref(stage->alice);
    stage->client = rpc_client_unref(stage->client);
    house_close(&stage->b);
    house_close(&stage->c);
    stage->authority = authority_unref(stage->authority);
    stage->authd = authd_free(stage->authd);
}

static RpcStatus ask(Stage *stage, Token *token, uint8_t level, uint16_t opnum, uint8_t onward,
                     char text[256])
{
    _cleanup_(writer_deinitp) Writer reply;
    writer_init(&reply, 0);
    RpcStatus status = call_as(stage->client, &stage->b.address, token, level, own_account(), opnum, onward,
                               &reply, &stage->failure);
    if (status == RPCST_OK) snprintf(text, 256, "%s", (const char *)reply.data);
    return status;
}

/* Tests */

/* The reach matrix (facts/cloaking.md 5.1), first row: all on one machine. */
static void LVL_2_LVL_3_LVL_4_reach_on_one_machine(void **state)
{
    Stage stage;
    char text[256];
    (void)state;
    stage_open(&stage, own_account());
    for (uint8_t level = RPC_C_IMP_LEVEL_IDENTIFY; level <= RPC_C_IMP_LEVEL_DELEGATE; level++) {
        char expected[64];
        for (unsigned i = 0; i < 3; i++) {
            snprintf(expected, sizeof(expected), "10 %u 0 LAB\\alice", level - 1u);
            assert_int_equal(ask(&stage, stage.alice, level, 0, 0, text), RPCST_OK);
            assert_string_equal(text, expected);
        }
        for (uint8_t onward = RPC_C_IMP_LEVEL_IDENTIFY; onward <= RPC_C_IMP_LEVEL_DELEGATE; onward++) {
            RpcStatus status = ask(&stage, stage.alice, level, 1, onward, text);
            /* IDENTIFY makes no cloaked call, and nobody hands on more than he was given */
            if (level == RPC_C_IMP_LEVEL_IDENTIFY || onward > level) {
                assert_int_not_equal(status, RPCST_OK);
                continue;
            }
            assert_int_equal(status, RPCST_OK);
            snprintf(expected, sizeof(expected), "10 %u 0 LAB\\alice", onward - 1u);
            assert_string_equal(text, expected);
        }
    }
    stage_close(&stage);
}

/* SRV-11: decided by mantle-authd. Here it is somebody else whose callers may be acted as. */
static void SRV_11_who_is_not_listed_learns_who(void **state)
{
    Stage stage;
    char text[256];
    (void)state;
    stage_open(&stage, NOBODY_ELSE);
    Token *account = log_on(stage.authority, &(LogonSpec){.source = LOGON_ACCOUNT, .deadline = TIME_NEVER});
    /* the account's own identity is never capped, that of alice only once nobody of it is logged on as her */
    assert_int_equal(ask(&stage, account, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    assert_memory_equal(text, "10 2 0 WORKSHOP\\", 16);
    assert_int_equal(ask(&stage, account, RPC_C_IMP_LEVEL_IMPERSONATE, 1, RPC_C_IMP_LEVEL_IMPERSONATE, text),
                     RPCST_OK);
    assert_memory_equal(text, "10 2 0 WORKSHOP\\", 16);
    account = token_unref(account);
    stage_close(&stage);
}

/* An identity is given by its descriptor alone, to the account that it was made for. */
static void nobody_is_named_by_value(void **state)
{
    Stage stage;
    _cleanup_(writer_deinitp) Writer reply;
    char text[256], other[16];
    (void)state;
    stage_open(&stage, own_account());
    writer_init(&reply, 0);
    snprintf(other, sizeof(other), "%u", (unsigned)geteuid() + 1); /* made for somebody else */
    assert_int_not_equal(
        call_as(stage.client, &stage.b.address, stage.alice, 3, other, 0, 0, &reply, &stage.failure),
        RPCST_OK);
    static const char *const malformed[] = {"x", "-1", " 1", "1 ", "4294967295", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
        assert_int_not_equal(call_as(stage.client, &stage.b.address, stage.alice, 3, malformed[i], 0, 0,
                                     &reply, &stage.failure),
                             RPCST_OK);
    /* one that no authority holds: there is nothing to pass */
    Token *name;
    const LocalProcess process = {.uid = geteuid()};
    assert_int_equal(token_new_local(&process, TOKEN_LEVEL_DELEGATION, "WORKSHOP", &name), 0);
    assert_int_not_equal(ask(&stage, name, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    name = token_unref(name);
    assert_int_equal(rpc_server_state(stage.b.server).calls_in, 0);
    assert_int_equal(ask(&stage, stage.alice, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    stage_close(&stage);
}

/* After its death nothing of before is worth anything, and what is logged on afterwards is. */
static void authority_that_died(void **state)
{
    Stage stage;
    char text[256];
    (void)state;
    stage_open(&stage, own_account());
    assert_int_equal(ask(&stage, stage.alice, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    stage.authd = authd_free(stage.authd);
    rpc_client_trim(stage.client, true); /* a new connection, and a new descriptor */
    assert_int_not_equal(ask(&stage, stage.alice, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    stage.authd = authd_start(own_account());
    assert_int_not_equal(ask(&stage, stage.alice, RPC_C_IMP_LEVEL_IMPERSONATE, 0, 0, text), RPCST_OK);
    Token *again = alice(stage.authority);
    assert_int_equal(ask(&stage, again, RPC_C_IMP_LEVEL_IMPERSONATE, 1, RPC_C_IMP_LEVEL_IMPERSONATE, text),
                     RPCST_OK);
    assert_string_equal(text, "10 2 0 LAB\\alice");
    again = token_unref(again);
    stage_close(&stage);
}

static int prepare(void **state)
{
    FILE *file;
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(authd_path, sizeof(authd_path), "%s/authd.socket", folder);
    snprintf(users, sizeof(users), "%s/users", folder);
    file = fopen(users, "w");
    if (!file) return -1;
    fprintf(file, "LAB:alice:Password\n");
    return fclose(file) || chmod(users, 0600);
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(authd_path);
    (void)unlink(users);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LVL_2_LVL_3_LVL_4_reach_on_one_machine),
        cmocka_unit_test(SRV_11_who_is_not_listed_learns_who),
        cmocka_unit_test(nobody_is_named_by_value),
        cmocka_unit_test(authority_that_died),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
