/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reach matrix (facts/cloaking.md 5.1), as far as machines are between A, B and C: B is a server of
 * a.lab.test, whose mantle-authd holds the keytab; C is another one there, or one of c.lab.test. B calls C as
 * whoever called it, with the level that the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "authd/authd.h"
#include "io/pool.h"
#include "io/socket.h"
#include "rpc/client.h"
#include "rpc/local.h"
#include "rpc/server.h"
#include "tests/realm/krb5-fixture.h"

#define ALICE    "alice@LAB.TEST"
#define PASSWORD "Reach-0f-1t"
#define DEADLINE (60 * NS_PER_SECOND)

static const Guid iid = {0x6d616e74, 0x6c65, 0x4001, {0x90, 0x01, 'r', 'e', 'a', 'c', 'h', 1}};
enum { OP_WHO, OP_HERE, OP_AWAY };

static char folder[] = "/tmp/mantle-reach-XXXXXX", authd_path[64], account[16];
static Authd *authd;
static Token *held; /* alice, logged on through mantle-authd of a */

typedef struct House {
    Authority *authority;
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    IoAddress local, tcp;
    RpcInterface row;
} House;
static House b, here, away;

static RpcStatus call_as(RpcClient *client, const House *to, bool by_kernel, const char *target, Token *token,
                         uint8_t impersonation, uint16_t opnum, uint8_t argument, Writer *ret_reply)
{
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    const RpcEndpoint endpoint = {.address = by_kernel ? &to->local : &to->tcp};
    RpcStatus status = rpc_binding_new(client, &endpoint, 1, &binding);
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = by_kernel ? RPC_AUTHN_LOCAL : RPC_C_AUTHN_GSS_KERBEROS,
                                  .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  .impersonation = impersonation,
                                  .target = by_kernel ? account : target};
    if (status == RPCST_OK) status = rpc_security_new(&spec, &security);
    if (status == RPCST_OK)
        status = rpc_client_call_new(&(RpcClientCallSpec){.binding = binding,
                                                          .security = security,
                                                          .iid = iid,
                                                          .opnum = opnum,
                                                          .stub = &argument,
                                                          .stub_length = 1,
                                                          .deadline = time_after(DEADLINE)},
                                     &call);
    if (status == RPCST_OK) status = rpc_client_call_run(call);
    if (status != RPCST_OK) return status;
    Reader reply = rpc_client_call_reply(call);
    const size_t length = reader_left(&reply);
    writer_bytes(ret_reply, reader_bytes(&reply, length), length);
    return RPCST_OK;
}

/* "token-level from-network can-go-on principal" */
static RpcStatus op_who(RpcCall *call, void *data)
{
    char text[256];
    (void)data;
    if (!call->token) return RPCST_ACCESS_DENIED;
    const int length = snprintf(text, sizeof(text), "%d %d %d %s", (int)token_level(call->token),
                                token_is_from_network(call->token), token_is_delegated(call->token),
                                token_principal(call->token));
    writer_bytes(&call->out, text, (size_t)length + 1);
    return RPCST_OK;
}

static RpcStatus op_here(RpcCall *call, void *data)
{
    (void)data;
    return call_as(b.client, &here, true, NULL, call->token, reader_u8(&call->in), OP_WHO, 0, &call->out);
}

static RpcStatus op_away(RpcCall *call, void *data)
{
    (void)data;
    return call_as(b.client, &away, false, HOST_C, call->token, reader_u8(&call->in), OP_WHO, 0, &call->out);
}

static const RpcOperation operations[] = {
    [OP_WHO] = {op_who, 2}, [OP_HERE] = {op_here, 2}, [OP_AWAY] = {op_away, 2}};

static void house_open(House *house, const char *name, Authority *authority)
{
    char path[64];
    uint16_t port;
    int fd;
    *house = (House){.authority = authority};
    house->row =
        (RpcInterface){.uuid = iid, .operations = operations, .operation_count = ARRAY_SIZE(operations)};
    assert_int_equal(io_loop_new(&house->loop), 0);
    assert_int_equal(io_pool_new(house->loop, 1, 16, &house->pool), 0);
    assert_int_equal(rpc_client_new(NULL, &house->client), RPCST_OK);
    const RpcServerOptions options = {.loop = house->loop, .authority = authority, .machine = name};
    assert_int_equal(rpc_server_new(&options, &house->server), RPCST_OK);
    assert_int_equal(rpc_server_register(house->server, &house->row), RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &house->tcp), 0);
    assert_int_equal(rpc_server_listen(house->server, &house->tcp, 0, &port), 0);
    io_address_set_port(&house->tcp, port);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(io_address_unix(path, &house->local), 0);
    assert_int_equal(io_listen_fresh(&house->local, 0600, &fd), 0);
    assert_int_equal(rpc_server_listen_fd(house->server, fd, NULL), 0);
}

static void house_close(House *house)
{
    house->client = rpc_client_unref(house->client);
    house->server = rpc_server_free(house->server);
    house->pool = io_pool_free(house->pool);
    house->loop = io_loop_free(house->loop);
    house->authority = authority_unref(house->authority);
    (void)unlink(house->local.local.sun_path);
}

/* mantle-authd of a.lab.test */
static void start_authd(void)
{
    static Conf *conf; /* it refers to it */
    _cleanup_(freep) char *keytab = realm_path("hosts/a/keytab");
    _cleanup_(freep) char *error = NULL;
    IoAddress address;
    int fd;
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_KEYTAB, keytab, &error), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_IMPERSONATE, account, &error), 0);
    assert_int_equal(io_address_unix(authd_path, &address), 0);
    assert_int_equal(io_listen(&address, 0600, &fd), 0);
    assert_int_equal(authd_new(conf, fd, NULL, &authd), 0);
}

static Authority *authd_client(void)
{
    Authority *made;
    SecFailure failure = {0};
    if (authority_new_remote(&(AuthorityRemoteOptions){.path = authd_path}, &made, &failure) != 0)
        fail_msg("%s", failure.sentence);
    return made;
}

static int setup(void **state)
{
    if (realm_setup(state) != 0 || !mkdtemp(folder)) return -1;
    _cleanup_(freep) char *config = realm_path("krb5.conf");
    setenv("KRB5_CONFIG", config, 1);
    snprintf(authd_path, sizeof(authd_path), "%s/authd.socket", folder);
    snprintf(account, sizeof(account), "%u", (unsigned)geteuid());
    realm_admin("change_password -pw " PASSWORD " alice");
    start_authd();
    house_open(&b, "b", authd_client());
    house_open(&here, "here", authd_client());
    house_open(&away, "away", authority_ref(realm.c));
    Authority *asks = authd_client();
    held = realm_logon(asks, LOGON_PASSWORD, NULL, ALICE, PASSWORD);
    authority_unref(asks);
    return held ? 0 : -1;
}

static int teardown(void **state)
{
    held = token_unref(held);
    house_close(&b);
    house_close(&here);
    house_close(&away);
    authd = authd_free(authd);
    (void)unlink(authd_path);
    (void)rmdir(folder);
    return realm_teardown(state);
}

/* What C sees when A calls B at `level`, as alice, and B calls C at `onward`; "" when it is not called. */
static void reach(bool a_is_local, uint8_t level, bool c_is_local, uint8_t onward, char text[256])
{
    _cleanup_(rpc_client_unrefp) RpcClient *client = NULL;
    _cleanup_(writer_deinitp) Writer reply;
    writer_init(&reply, 0);
    text[0] = 0;
    assert_int_equal(rpc_client_new(NULL, &client), RPCST_OK);
    RpcStatus status = call_as(client, &b, a_is_local, HOST_A, a_is_local ? held : realm.alice, level,
                               c_is_local ? OP_HERE : OP_AWAY, onward, &reply);
    if (status == RPCST_OK) snprintf(text, 256, "%s", (const char *)reply.data);
}

#define assert_reach(a, level, c, onward, expected)                                                          \
    do {                                                                                                     \
        char text_[256];                                                                                     \
        reach(a, level, c, onward, text_);                                                                   \
        assert_string_equal(text_, expected);                                                                \
    } while (0)

/* Row 2, LVL-5: one boundary for what was given locally at IMPERSONATE, by an AP-REQ without a ticket in it.
 */
static void LVL_3_LVL_5_same_machine_then_another(void **state)
{
    (void)state;
    assert_reach(true, IDENTIFY, false, IDENTIFY, "");
    assert_reach(true, IMPERSONATE, false, IMPERSONATE, "2 1 0 " ALICE);
    assert_reach(true, IMPERSONATE, false, IDENTIFY, "1 1 0 " ALICE);
    assert_reach(true, IMPERSONATE, false, DELEGATE, ""); /* C would go on: nobody allowed that */
    assert_reach(true, DELEGATE, false, DELEGATE, "3 1 1 " ALICE);
}

/* Row 1, with an identity that has a ticket. */
static void LVL_3_same_machine_throughout(void **state)
{
    (void)state;
    assert_reach(true, IDENTIFY, true, IDENTIFY, "");
    assert_reach(true, IMPERSONATE, true, IMPERSONATE, "2 0 0 " ALICE);
    assert_reach(true, IMPERSONATE, true, DELEGATE, "");
}

/* Row 3, ERR-24: the boundary was crossed on the way to B; C is B's neighbour. */
static void LVL_3_ERR_24_another_machine_then_the_same(void **state)
{
    (void)state;
    assert_reach(false, IDENTIFY, true, IDENTIFY, "");
    assert_reach(false, IMPERSONATE, true, IMPERSONATE, "2 1 0 " ALICE);
    assert_reach(false, IMPERSONATE, true, DELEGATE, "");
    assert_reach(false, DELEGATE, true, IMPERSONATE, "2 1 0 " ALICE);
}

/* Row 4. */
static void LVL_3_LVL_4_two_boundaries(void **state)
{
    (void)state;
    assert_reach(false, IDENTIFY, false, IDENTIFY, "");
    assert_reach(false, IMPERSONATE, false, IMPERSONATE, "");
    assert_reach(false, DELEGATE, false, IMPERSONATE, "2 1 0 " ALICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LVL_3_same_machine_throughout),
        cmocka_unit_test(LVL_3_LVL_5_same_machine_then_another),
        cmocka_unit_test(LVL_3_ERR_24_another_machine_then_the_same),
        cmocka_unit_test(LVL_3_LVL_4_two_boundaries),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
