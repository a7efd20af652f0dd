/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc-client ADDRESS PRINCIPAL PASSWORD: logs on, and for each line SERVICE LEVEL IMPERSONATION TARGET SIGNED
 * of standard input (numbers of <rpcdce.h>; SIGNED: 0 when servers need not sign headers) asks the server on
 * port 135 for its interfaces, its name, and where its lsarpc is, by ept_lookup and ept_map. Prints one line
 * for each: "INTERFACES NAME PORT PORTS", or the code of the first call that failed and the sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "rpc/endpoint-inquiry.h"
#include "rpc/mgmt-message.h"
#include "sec/authority.h"
#include "sec/credential.h"

#define PORT           135
#define SECONDS        30
#define INTERFACES_MAX 64
#define NAME_MAX_SIZE  200
#define NONE           0 /* RPC_C_AUTHN_NONE */

/* What one line asks for. */
typedef struct Asked {
    unsigned service, level, impersonation, is_signed;
    char target[128];
} Asked;

typedef struct Server {
    RpcClient *client;
    RpcBinding *binding;
    RpcSecurity *security; /* NULL: nobody */
} Server;

static Authority *authority_open(void)
{
    SecFailure failure = {0};
    Authority *authority = NULL;
    if (authority_new_linked(&(AuthorityOptions){.ntlm = true}, &authority, &failure) == 0) return authority;
    fprintf(stderr, "%s\n", failure.sentence);
    return NULL;
}

static Token *log_on(Authority *authority, uint8_t service, const char *principal, const char *password)
{
    const LogonSpec spec = {.source = LOGON_PASSWORD,
                            .service = service,
                            .principal = principal,
                            .password = password,
                            .forwardable = true,
                            .deadline = time_after(SECONDS * NS_PER_SECOND)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    if (logon_new(authority, &spec, &logon) < 0) return NULL;
    int r;
    while ((r = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait); /* a deadline is the logon's business */
    if (r != 0) fprintf(stderr, "%s\n", logon_failure(logon)->sentence);
    return r == 0 ? logon_take_token(logon) : NULL;
}

static RpcStatus server_open(const char *address, const Asked *asked, Token *token, Server *server)
{
    const RpcClientOptions options = {.allow_unsigned_headers = !asked->is_signed};
    RpcStatus status = rpc_client_new(&options, &server->client);
    if (status == RPCST_OK)
        status = rpc_binding_new(server->client, &(RpcEndpoint){.host = address, .port = PORT}, 1,
                                 &server->binding);
    if (status != RPCST_OK || asked->service == NONE) return status;
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = (uint8_t)asked->service,
                                  .authn_level = (uint8_t)asked->level,
                                  .impersonation = (uint8_t)asked->impersonation,
                                  .target = asked->target};
    return rpc_security_new(&spec, &server->security);
}

static void server_close(Server *server)
{
    server->security = rpc_security_unref(server->security);
    server->binding = rpc_binding_unref(server->binding);
    server->client = rpc_client_unref(server->client);
}

/* A call of mgmt. The reply lives as long as the call, which the caller frees. A failure is told, but for a
 * method that the server does not have. */
static RpcStatus ask(const Server *server, uint16_t opnum, const Writer *stub, RpcClientCall **ret_call,
                     Reader *ret_reply)
{
    const RpcClientCallSpec spec = {.binding = server->binding,
                                    .security = server->security,
                                    .iid = IID_MGMT,
                                    .major = MGMT_MAJOR,
                                    .opnum = opnum,
                                    .stub = stub->data,
                                    .stub_length = stub->length,
                                    .deadline = time_after(SECONDS * NS_PER_SECOND)};
    RpcStatus status = rpc_client_call_new(&spec, ret_call);
    if (status == RPCST_OK) status = rpc_client_call_run(*ret_call);
    if (status == RPCST_OK)
        *ret_reply = rpc_client_call_reply(*ret_call);
    else if (*ret_call && status != RPCST_PROCNUM_OUT_OF_RANGE)
        printf("0x%08X %s\n", (unsigned)status, rpc_client_call_failure(*ret_call)->sentence);
    return status;
}

/* -1: it failed and was told. */
static int interfaces(const Server *server)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    PduSyntax found[INTERFACES_MAX];
    uint32_t count, result;
    Writer nothing;
    Reader reply;
    writer_init(&nothing, 0);
    if (ask(server, OP_MGMT_INQ_IF_IDS, &nothing, &call, &reply) != RPCST_OK) return -1;
    mgmt_if_ids_read(&reply, found, INTERFACES_MAX, &count, &result);
    if (reader_status(&reply) == 0 && result == 0) return (int)count;
    printf("malformed\n");
    return -1;
}

static int name(const Server *server, uint32_t service, char ret_name[NAME_MAX_SIZE])
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    _cleanup_(writer_deinitp) Writer stub;
    Reader reply;
    const char *text;
    uint32_t result;
    writer_init(&stub, 0);
    mgmt_principal_in_write(&stub, &(MgmtPrincipalIn){service, NAME_MAX_SIZE});
    RpcStatus status = ask(server, OP_MGMT_INQ_PRINC_NAME, &stub, &call, &reply);
    snprintf(ret_name, NAME_MAX_SIZE, "-");
    if (status == RPCST_PROCNUM_OUT_OF_RANGE) return 0; /* Samba */
    if (status != RPCST_OK) return -1;
    mgmt_principal_read(&reply, NAME_MAX_SIZE, &text, &result);
    if (reader_status(&reply) < 0) {
        printf("malformed\n");
        return -1;
    }
    if (result == 0) snprintf(ret_name, NAME_MAX_SIZE, "%s", text);
    return 0;
}

/* Everything in the map that has a port of TCP; *ret_port is that of `iface`. */
static int endpoints(const Server *server, const PduSyntax *iface, unsigned *ret_port)
{
    _cleanup_(endpoint_inquiry_freep) EndpointInquiry *inquiry = NULL;
    const EndpointInquirySpec spec = {.binding = server->binding,
                                      .security = server->security,
                                      .deadline = time_after(SECONDS * NS_PER_SECOND)};
    size_t count = 0, ports = 0;
    RpcStatus status = endpoint_inquiry_new(&spec, &inquiry);
    if (status == RPCST_OK) status = endpoint_inquiry_run(inquiry);
    if (status != RPCST_OK) {
        printf("0x%08X %s\n", (unsigned)status, endpoint_inquiry_failure(inquiry)->sentence);
        return -1;
    }
    const EndpointFound *found = endpoint_inquiry_found(inquiry, &count);
    for (size_t i = 0; i < count; i++) {
        ports += found[i].port != 0;
        if (found[i].port && pdu_syntax_equal(&found[i].iface, iface)) *ret_port = found[i].port;
    }
    return (int)ports;
}

/* Where ept_map says it is; 0: nowhere. */
static int mapped(const Server *server, const PduSyntax *iface)
{
    const EndpointInquirySpec spec = {.binding = server->binding,
                                      .security = server->security,
                                      .iface = iface,
                                      .deadline = time_after(SECONDS * NS_PER_SECOND)};
    uint16_t port = 0;
    RpcStatus status = endpoint_resolve(&spec, &port);
    if (status == RPCST_OK || status == EPT_S_NOT_REGISTERED) return port;
    printf("0x%08X from ept_map\n", (unsigned)status);
    return -1;
}

static void tell(const Server *server, const Asked *asked)
{
    /* A name that Samba's domain controllers have: lsarpc. */
    static const PduSyntax lsarpc = {
        {0x12345778, 0x1234, 0xABCD, {0xEF, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB}}, 0, 0};
    char text[NAME_MAX_SIZE];
    unsigned port = 0;
    int count = interfaces(server);
    if (count < 0 || name(server, asked->service, text) < 0) return;
    int ports = endpoints(server, &lsarpc, &port);
    if (ports < 0) return;
    int map = mapped(server, &lsarpc);
    if (map >= 0 && (unsigned)map != port) printf("ept_map says %d, ept_lookup %u\n", map, port);
    if (map >= 0 && (unsigned)map == port) printf("%d %s %u %d\n", count, text, port, ports);
}

int main(int argc, char **argv)
{
    _cleanup_(authority_unrefp) Authority *authority = argc == 4 ? authority_open() : NULL;
    char line[256];
    if (!authority) return 1;
    while (fgets(line, sizeof(line), stdin)) {
        Asked asked;
        Server server = {NULL, NULL, NULL};
        if (sscanf(line, "%u %u %u %127s %u", &asked.service, &asked.level, &asked.impersonation,
                   asked.target, &asked.is_signed) != 5)
            return 2;
        _cleanup_(token_unrefp) Token *token =
            asked.service == NONE ? NULL : log_on(authority, (uint8_t)asked.service, argv[2], argv[3]);
        if (asked.service != NONE && !token)
            printf("no logon\n");
        else if (server_open(argv[1], &asked, token, &server) == RPCST_OK)
            tell(&server, &asked);
        else
            printf("no server\n");
        server_close(&server);
        fflush(stdout);
    }
    return 0;
}
