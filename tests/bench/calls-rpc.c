/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/anchor.h"
#include "tests/bench/bench.h"
#include "tests/bench/report.h"
#include "tests/bench/samba.h"

#define ROUNDS    31u
#define HEADER    24u
#define NULL_STUB 16u
#define DATA      200u
#define DATA_STUB 208u /* sealed in whole blocks */
#define BULK      (512u * 1024)
#define FRAGMENT  4096u

enum {
    NULL_ECHO,
    NULL_CALL,
    DATA_ECHO,
    DATA_TLS,
    DATA_CALL,
    BULK_CALL,
    BULK_SAME,
    BULK_4K,
    SAMBA_CALL,
    SUBJECTS
};

typedef struct Call {
    RpcPeer *peer;
    uint16_t opnum;
    const void *stub;
    size_t length, reply_length;
} Call;

static void run(void *data, unsigned count)
{
    Call *call = data;

    while (count-- > 0)
        rpc_peer_call(call->peer, call->opnum, call->stub, call->length, call->reply_length);
}

static WireBytes wire_of(Call *call)
{
    run(call, 1); /* makes the connection */
    const WireBytes before = measure_wire();
    run(call, 1);
    const WireBytes after = measure_wire();
    return (WireBytes){after.sent - before.sent, after.received - before.received};
}

/* The anchors have the sizes of these calls; this is the proof. */
static void check_wire(Call *call, size_t sent, size_t received)
{
    const WireBytes wire = wire_of(call);

    if (wire.sent != sent || wire.received != received) measure_fail("a call is not as long as its anchor");
}

static void report_ratio(const Measured *measured, int id, const char *name, size_t call, size_t anchor,
                         double goal)
{
    report_add(&(ReportRow){.id = id,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(measured, call, anchor),
                            .goal = goal,
                            .cost = measure_cost(measured, call),
                            .anchor = measure_cost(measured, anchor),
                            .unit = "us"});
}

static void report_bulk(const Measured *measured, const char *name, size_t anchor)
{
    report_add(&(ReportRow){.id = 5,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(measured, anchor, BULK_CALL),
                            .goal = 0.9,
                            .higher = true,
                            .cost = BULK / measure_cost(measured, BULK_CALL),
                            .anchor = BULK / measure_cost(measured, anchor),
                            .unit = "MB/s"});
}

void bench_calls_rpc(const RpcSide *side, Token *alice)
{
    static const uint8_t bytes[DATA_STUB];
    static Measured measured;
    const uint32_t bulk_length = BULK;
    RpcPeer peer;
    Call null = {&peer, RPC_SIDE_ECHO, bytes, NULL_STUB, NULL_STUB};
    Call data = {&peer, RPC_SIDE_ECHO, bytes, DATA_STUB, DATA_STUB};
    Call bulk = {&peer, RPC_SIDE_FILL, &bulk_length, sizeof(bulk_length), bulk_length};

    rpc_peer_init(&peer, side, alice);
    const AnchorStream same = anchor_stream_shape(HEADER, BULK, wire_of(&bulk).received);
    Subject subjects[SUBJECTS] = {
        [NULL_ECHO] = anchor_echo(&(AnchorEcho){{HEADER, NULL_STUB}, {HEADER, NULL_STUB}}),
        [NULL_CALL] = {run, &null, {side->pid}, 0},
        [DATA_ECHO] = anchor_echo(&(AnchorEcho){{HEADER, DATA_STUB}, {HEADER, DATA_STUB}}),
        [DATA_TLS] = anchor_tls(DATA),
        [DATA_CALL] = {run, &data, {side->pid}, 0},
        [BULK_SAME] = anchor_stream(&same),
        [BULK_4K] = anchor_stream(&(AnchorStream){{HEADER, FRAGMENT}, BULK / FRAGMENT}),
        [BULK_CALL] = {run, &bulk, {side->pid}, 0},
    };
    const bool samba = samba_client_start(side, &subjects[SAMBA_CALL]);
    measure(subjects, samba ? SUBJECTS : SAMBA_CALL, ROUNDS, &measured);
    check_wire(&null, ANCHOR_LENGTH(HEADER, NULL_STUB), ANCHOR_LENGTH(HEADER, NULL_STUB));
    check_wire(&data, ANCHOR_LENGTH(HEADER, DATA_STUB), ANCHOR_LENGTH(HEADER, DATA_STUB));
    report_ratio(&measured, 1, "RPC alone: sealed null call / echo of the same bytes", NULL_CALL, NULL_ECHO,
                 1.25);
    report_ratio(&measured, 2, "RPC alone: sealed call, 200 B each way / the same echo", DATA_CALL, DATA_ECHO,
                 1.25);
    report_ratio(&measured, 2, "RPC alone: sealed call, 200 B each way / TLS 1.3 echo", DATA_CALL, DATA_TLS,
                 1);
    if (samba)
        report_ratio(&measured, 1, "RPC alone: sealed null call / by Samba's client, same server", NULL_CALL,
                     SAMBA_CALL, 0.4);
    report_bulk(&measured, "RPC alone: sealed bulk / stream of the same fragments", BULK_SAME);
    report_bulk(&measured, "RPC alone: sealed bulk / stream of 4 KB fragments", BULK_4K);
    rpc_peer_deinit(&peer);
}
