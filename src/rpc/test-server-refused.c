/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log says of refused peers: each reason of the table in README.md once a minute for each peer,
 * however often it comes, and the next peer's line is not lost.
 */
#include <stdlib.h>
#include <string.h>
#include "pdu/verification.h"
#include "rpc/test-provider.h"
#include "rpc/test-said.h"

#define TIMES 100u

/* PDUs by hand */

static void send_bytes(Peer *peer, const char *bytes, size_t length)
{
    peer_send(peer, bytes, length);
}

/* bind or alter_context, as far as peer_bind() cannot say it. */
typedef struct Offer {
    PduType type;
    uint16_t context;
    uint32_t group;
    const PduSyntax *iface;
    uint8_t count, transfers, features;
    uint8_t service, level;
    const char *token;
} Offer;

static void send_offer(Peer *peer, Offer offer)
{
    const PduSyntax feature = pdu_syntax_from_features(1);
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, offer.type, WHOLE, 1);
    pdu_put_bind(&writer, 4280, 4280, offer.group, (uint8_t)(offer.count + offer.features));
    for (unsigned i = 0; i < offer.count; i++)
        pdu_put_context(&writer, (uint16_t)(offer.context + i), offer.iface ? offer.iface : &peer_interface,
                        &pdu_syntax_ndr, offer.transfers);
    for (unsigned i = 0; i < offer.features; i++)
        pdu_put_context(&writer, (uint16_t)(99 + i), &peer_interface, &feature, 1);
    PduTrailer trailer = {.type = offer.service, .level = offer.level, .token = (const uint8_t *)offer.token};
    if (offer.token) {
        trailer.token_length = strlen(offer.token);
        pdu_put_trailer(&writer, start, &trailer, 4);
    }
    pdu_end(&writer, start);
    peer_send_writer(peer, &writer);
}

/* Bad peers: each is refused once on a new connection. `principal` is who it says it is, where it does. */

static void bad_malformed(Peer *peer, const char *principal)
{
    send_bytes(peer, "\5\0\13\3\20\0\0\0\32\0\0\0\1\0\0\0junkjunkju", 26);
    peer_expect_nak(peer, PDU_NAK_VERSION);
}

static void bad_endian(Peer *peer, const char *principal)
{
    send_bytes(peer, "\5\0\13\3\0\0\0\0\0\110\0\0\0\0\0\1", 16);
    peer_expect_nak(peer, PDU_NAK_VERSION);
}

static void bad_version(Peer *peer, const char *principal)
{
    send_bytes(peer, "GET / HTTP/1.1\r\n\r\n", 18);
    peer_expect_nak(peer, PDU_NAK_VERSION);
}

static void bad_type(Peer *peer, const char *principal)
{
    send_bytes(peer, "\5\0\77\3\20\0\0\0\20\0\0\0\1\0\0\0", 16);
    peer_expect_end(peer);
}

static void bad_request_first(Peer *peer, const char *principal)
{
    peer_request(peer, 1, OP_ECHO, "", 0);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_second_bind(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_bind(peer, PDU_BIND, 0, NULL);
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_response(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    send_bytes(peer, "\5\0\2\3\20\0\0\0\30\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 24);
    peer_expect_end(peer);
}

static void bad_no_interfaces(Peer *peer, const char *principal)
{
    send_offer(peer, (Offer){.type = PDU_BIND});
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_no_syntaxes(Peer *peer, const char *principal)
{
    send_offer(peer, (Offer){.type = PDU_BIND, .count = 1});
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_features_twice(Peer *peer, const char *principal)
{
    send_offer(peer, (Offer){.type = PDU_BIND, .count = 1, .transfers = 1, .features = 2});
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_group(Peer *peer, const char *principal)
{
    send_offer(peer, (Offer){.type = PDU_BIND, .count = 1, .transfers = 1, .group = 77});
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_level(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, 7, "one alice");
    peer_expect_nak(peer, PDU_NAK_NOT_SPECIFIED);
}

static void bad_level_later(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_begin(peer, PDU_ALTER_CONTEXT, 0, 1, "one alice");
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_no_service(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    send_offer(peer,
               (Offer){.type = PDU_ALTER_CONTEXT, .count = 1, .transfers = 1, .level = PKT, .token = "one"});
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_service(Peer *peer, const char *principal)
{
    send_offer(
        peer,
        (Offer){.type = PDU_BIND, .count = 1, .transfers = 1, .service = 77, .level = PKT, .token = "one"});
    peer_expect_nak(peer, PDU_NAK_AUTH_TYPE);
}

static void bad_service_later(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    send_offer(peer, (Offer){.type = PDU_ALTER_CONTEXT,
                             .count = 1,
                             .transfers = 1,
                             .service = 77,
                             .level = PKT,
                             .token = "one"});
    peer_expect_fault(peer, RPCST_UNKNOWN_AUTHN_SERVICE);
}

static void bad_leg(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "nonsense");
    peer_expect_nak(peer, PDU_NAK_CHECKSUM);
}

static void bad_leg_later(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_begin(peer, PDU_ALTER_CONTEXT, 0, PRIVACY, "nonsense");
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_capability(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "one incapable");
    peer_expect(peer, PDU_BIND_ACK);
    peer_bind(peer, PDU_ALTER_CONTEXT, 0, "three");
    peer_expect_fault(peer, RPCST_SEC_PKG_ERROR);
    peer_request_unproved(peer, 2, 76);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_auth3(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "one alice");
    peer_expect(peer, PDU_BIND_ACK);
    peer_auth3(peer, "nonsense"); /* never answered: the next one is */
    peer_bind(peer, PDU_ALTER_CONTEXT, 0, NULL);
    peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
}

static void bad_auth3_early(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_auth3(peer, "three");
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_auth3_bare(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PRIVACY, principal, false);
    peer_auth3(peer, NULL);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_auth3_in_the_middle(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "one alice");
    peer_expect(peer, PDU_BIND_ACK);
    peer_auth3(peer, "skew");
    peer_bind(peer, PDU_ALTER_CONTEXT, 0, NULL);
    peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
}

static void bad_clock(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "skew");
    peer_expect(peer, PDU_BIND_ACK);
}

static void bad_failed_context(Peer *peer, const char *principal)
{
    bad_leg_later(peer, principal);
    peer_begin(peer, PDU_ALTER_CONTEXT, 0, PRIVACY, "one alice");
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_complete_context(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PRIVACY, principal, false);
    peer_begin(peer, PDU_ALTER_CONTEXT, 0, PRIVACY, "one mallory");
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_other_service(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PRIVACY, principal, false);
    send_offer(peer, (Offer){.type = PDU_ALTER_CONTEXT,
                             .count = 1,
                             .transfers = 1,
                             .service = 10,
                             .level = PRIVACY,
                             .token = "one"});
    peer_expect_fault(peer, RPCST_SEC_PKG_ERROR);
    peer_expect_end(peer);
}

static void bad_identity(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PRIVACY, principal, false);
    peer_begin(peer, PDU_ALTER_CONTEXT, 1, PRIVACY, "one mallory");
    peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
    peer_bind(peer, PDU_ALTER_CONTEXT, 0, "three");
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_contexts(Peer *peer, const char *principal) /* `contexts` is 1 here */
{
    peer_login(peer, PDU_BIND, 0, 0, PRIVACY, principal, false);
    peer_begin(peer, PDU_ALTER_CONTEXT, 1, PRIVACY, "one alice");
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_half_open(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, principal, false);
    for (uint32_t id = 1; id <= RPC_HALF_OPEN_CONTEXTS; id++) {
        peer_begin(peer, PDU_ALTER_CONTEXT, id, PRIVACY, "one alice");
        peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer_begin(peer, PDU_ALTER_CONTEXT, 99, PRIVACY, "one alice");
    peer_expect_fault(peer, RPCST_OUT_OF_RESOURCES);
    peer_expect_end(peer);
}

static void bad_tries(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "skew");
    peer_expect(peer, PDU_BIND_ACK);
    for (unsigned i = 1; i < 2 * RPC_PREAUTH_LEGS; i++) {
        peer_bind(peer, PDU_ALTER_CONTEXT, 0, "skew");
        peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer_bind(peer, PDU_ALTER_CONTEXT, 0, "skew");
    peer_expect_fault(peer, RPCST_OUT_OF_RESOURCES);
    peer_expect_end(peer);
}

static void bad_redefinition(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    send_offer(peer, (Offer){.type = PDU_ALTER_CONTEXT, .count = 1, .transfers = 1, .iface = &peer_object});
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_unfinished_context(Peer *peer, const char *principal)
{
    peer_begin(peer, PDU_BIND, 0, PRIVACY, "one alice");
    peer_expect(peer, PDU_BIND_ACK);
    peer_request_unproved(peer, 2, 76);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_unknown_context(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 3, PKT, principal, false);
    peer->context_id = 4;
    peer_request(peer, 2, OP_ECHO, "", 0);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_without_verifier(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 3, PKT, principal, false);
    peer->security = sec_context_free(peer->security);
    peer_request(peer, 2, OP_ECHO, "", 0);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_refused_context(Peer *peer, const char *principal)
{
    bad_leg_later(peer, principal);
    peer_request_unproved(peer, 2, 76);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_verifier(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PKT, principal, false);
    peer_request_unproved(peer, 2, sec_context_token_length(peer->security, PKT));
    peer_expect_fault(peer, RPCST_SEC_PKG_ERROR);
    peer_expect_end(peer);
}

static void bad_header(Peer *peer, const char *principal)
{
    const PduVerification told = {.has_header = true, .drep = {0x10}, .call_id = 99, .opnum = OP_ECHO};
    Writer stub;
    writer_init(&stub, 0);
    pdu_put_verification(&stub, 0, &told);
    peer_login(peer, PDU_BIND, 0, 0, PKT, principal, false);
    peer_request(peer, 2, OP_ECHO, stub.data, stub.length);
    writer_deinit(&stub);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_trailer(Peer *peer, const char *principal) /* more padding than stub */
{
    peer_bound(peer, 0);
    send_bytes(peer, "\5\0\0\3\20\0\0\0\44\0\4\0\1\0\0\0\0\0\0\0\0\0\0\0\20\4\77\0\0\0\0\0junk", 36);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_stray_fragment(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_request_part(peer, PDU_LAST_FRAG, 200, 0, OP_ECHO, "x", 1);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_second_first(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    for (unsigned i = 0; i < 2; i++)
        peer_request_part(peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, "x", 1);
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_long_fragment(Peer *peer, const char *principal)
{
    static const uint8_t data[6000];
    peer_bound(peer, 0);
    peer_request_part(peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, sizeof(data));
    peer_expect_fault(peer, NCA_S_PROTO_ERROR);
    peer_expect_end(peer);
}

static void bad_cancelled_first(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_request_part(peer, WHOLE | PDU_PENDING_CANCEL, 2, 0, OP_ECHO, "x", 1);
    peer_expect_fault(peer, RPCST_NO_CALL_ACTIVE);
    peer_expect_end(peer);
}

static void bad_never_bound(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_request_part(peer, WHOLE, 2, 77, OP_ECHO, "x", 1);
    peer_expect_fault(peer, NCA_S_UNK_IF);
}

static void bad_operation(Peer *peer, const char *principal)
{
    peer_bound(peer, 0);
    peer_request(peer, 2, 4711, "x", 1);
    peer_expect_fault(peer, NCA_S_OP_RNG_ERROR);
}

static void bad_low_level(Peer *peer, const char *principal)
{
    peer_login(peer, PDU_BIND, 0, 0, PKT, principal, false);
    peer_request(peer, 2, OP_PRIVATE, "x", 1);
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
}

static void bad_arguments(Peer *peer, const char *principal)
{
    const uint32_t status = RPCST_BAD_STUB_DATA;
    peer_login(peer, PDU_BIND, 0, 0, PKT, principal, false);
    peer_request(peer, 2, OP_FAULT, &status, sizeof(status));
    peer_expect_fault(peer, RPCST_BAD_STUB_DATA);
}

static void bad_length(Peer *peer, const char *principal) /* `preauth_bytes` is 2000 here */
{
    static const uint8_t data[2001];
    peer_bound(peer, 0);
    peer_request(peer, 2, OP_ECHO, data, sizeof(data));
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

static void bad_length_of_somebody(Peer *peer, const char *principal) /* `request_bytes` is 4000 here */
{
    static const uint8_t data[4001];
    peer->fragment = 65520;
    peer_login(peer, PDU_BIND, 0, 0, PKT, principal, false);
    peer_request(peer, 2, OP_ECHO, data, sizeof(data));
    peer_expect_fault(peer, RPCST_ACCESS_DENIED);
    peer_expect_end(peer);
}

typedef struct Row {
    const char *name;
    void (*act)(Peer *peer, const char *principal);
    const char *line; /* what the log says */
    bool somebody;    /* the line names who it is, not only where */
} Row;

static const Row rows[] = {
    {"malformed", bad_malformed, "bind: malformed: counts or lists that do not fit; answered bind_nak 4",
     false},
    {"big-endian", bad_endian, "bind: not little-endian, ASCII and IEEE; answered bind_nak 4", false},
    {"HTTP", bad_version, "not version 5 of the protocol", false},
    {"type 63", bad_type, "no type of PDU that there is", false},
    {"request first", bad_request_first, "request: not due at this point; answered fault 0x1C01000B", false},
    {"second bind", bad_second_bind, "bind: not due at this point; answered bind_nak 0", false},
    {"a server's PDU", bad_response, "response: not due at this point", false},
    {"no interfaces", bad_no_interfaces, "bind: no interface, no transfer syntax, or features twice", false},
    {"no syntaxes", bad_no_syntaxes, "bind: no interface, no transfer syntax, or features twice", false},
    {"features twice", bad_features_twice, "bind: no interface, no transfer syntax, or features twice",
     false},
    {"group", bad_group,
     "bind: an association group that is not there, or another address's; answered bind_nak 0", false},
    {"level", bad_level, "bind: an authentication level that there is not; answered bind_nak 0", false},
    {"level later", bad_level_later,
     "alter_context: an authentication level that there is not; answered fault 0x00000005", false},
    {"no service", bad_no_service, "alter_context: authentication by no service", false},
    {"service", bad_service, "bind: an authentication service that is not offered; answered bind_nak 8",
     false},
    {"service later", bad_service_later,
     "alter_context: an authentication service that is not offered; answered fault 0x000006D3", false},
    {"leg", bad_leg, "bind: authentication failed: the test's provider says no; answered bind_nak 9", false},
    {"leg later", bad_leg_later,
     "alter_context: authentication failed: the test's provider says no; answered fault 0x00000005", false},
    {"capability", bad_capability,
     "alter_context: authentication without what its level needs: not asked for what the level needs; "
     "answered "
     "fault 0x00000721",
     false},
    {"auth3", bad_auth3, "rpc_auth_3: authentication failed: the test's provider says no", false},
    {"auth3 early", bad_auth3_early, "rpc_auth_3: authentication that was not due; answered fault 0x1C01000B",
     false},
    {"auth3 bare", bad_auth3_bare, "rpc_auth_3: authentication that was not due", true},
    {"auth3 in the middle", bad_auth3_in_the_middle, "rpc_auth_3: authentication failed", false},
    {"clock", bad_clock, "bind: authentication failed: the test's provider says no; answered an error token",
     false},
    {"failed context", bad_failed_context, "alter_context: a leg of a security context that has failed",
     false},
    {"complete context", bad_complete_context,
     "alter_context: a leg of a security context that is complete or of another level", true},
    {"other service", bad_other_service, "alter_context: a leg of a security context of another service",
     true},
    {"identity", bad_identity,
     "alter_context: another identity on a connection without security context multiplexing", true},
    {"half-open", bad_half_open, "more unfinished security contexts than RPC_HALF_OPEN_CONTEXTS", true},
    {"tries", bad_tries, "more first legs without success than RPC_PREAUTH_LEGS", false},
    {"redefinition", bad_redefinition,
     "alter_context: a presentation context that means something else already", false},
    {"unfinished context", bad_unfinished_context, "request: a security context whose last leg is missing",
     false},
    {"unknown context", bad_unknown_context,
     "request: a security context that is not there, or of another service or level", true},
    {"without verifier", bad_without_verifier,
     "request: no verifier on a connection that was bound with security", true},
    {"refused context", bad_refused_context, "request: a security context that was refused", false},
    {"verifier", bad_verifier,
     "request: its verifier is wrong, was used before, or is out of order; answered fault 0x00000721", true},
    {"header", bad_header, "request: its header is not the one in its verification trailer", true},
    {"trailer", bad_trailer, "request: malformed: the sec_trailer is not where it should be", false},
    {"stray fragment", bad_stray_fragment, "request: a fragment of another call, or of none", false},
    {"second first fragment", bad_second_first, "request: a fragment that does not continue its call", false},
    {"long fragment", bad_long_fragment, "request: a fragment longer than was agreed", false},
    {"cancelled first", bad_cancelled_first, "request: cancelled before it began", false},
    {"never bound", bad_never_bound,
     "request: a presentation context that was never bound; answered fault 0x1C010003", false},
    {"operation", bad_operation, "request: an operation that is not there", false},
    {"low level", bad_low_level, "request: too low an authentication level", true},
    {"arguments", bad_arguments, "request: malformed arguments; answered 0x000006F7", true},
    {"length", bad_length, "request: longer than preauth_bytes, without authentication", false},
    {"length of somebody", bad_length_of_somebody, "request: longer than RPC_REQUEST_BYTES", true},
};

static void once(const Host *host, const Row *row, bool other)
{
    Peer peer;
    peer_open(&peer, host, other);
    row->act(&peer, other ? BOB : ALICE);
    peer_close(&peer);
}

/* The same hundred times is one line, and one about how often when the server ends; another peer that does
 * the same has lines of its own. */
static void check_row(const Row *row, RpcServerOptions options)
{
    const char *const whos[] = {row->somebody ? "as alice@LAB.TEST: " : "refused 127.0.0.1:",
                                row->somebody ? "as bob@LAB.TEST: " : "refused [::1]:"};
    const char *counted =
        row->somebody ? "refused alice@LAB.TEST 99 more times: " : "refused 127.0.0.1 99 more times: ";
    Host host;
    said_forget();
    host_start(&host, options, 4, true);
    for (unsigned i = 0; i < TIMES; i++)
        once(&host, row, false);
    said_expect(1, row->line, whos[0]);
    once(&host, row, true);
    said_expect(1, row->line, whos[0]);
    said_expect(1, row->line, whos[1]);
    said_expect(0, "more times", "");
    host_stop(&host);
    assert_true(said_count(counted, row->line));
}

static void test_each_reason_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print_message("# %s\n", rows[i].name);
        check_row(&rows[i], said_options);
    }
    static const Row contexts = {"contexts", bad_contexts,
                                 "more security contexts than contexts_per_connection", true};
    RpcServerOptions options = said_options;
    options.contexts = 1;
    check_row(&contexts, options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_reason_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
