/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as tokens of Negotiate: a first token, another one, and all that a client says to a server or a
 * server to a client, around a mechanism that believes everything. First byte: which; second byte of
 * conversations: what is offered here; then each token as 16 bits of length and bytes.
 *
 * What is read is written again to what reads the same. A stranger has no key: nobody is satisfied by its
 * MIC, and no client ends with NTLM, or with a mechanism that was not its first choice.
 *
 * Decoder: src/sec/spnego.c (?!.*write).*
 * Decoder: src/sec/spnego-server.c
 * Decoder: src/sec/spnego-client.c
 */
#include <assert.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include "base/reader.h"
#include "sec/spnego-client.h"
#include "sec/spnego-server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(SpnegoBytes left, SpnegoBytes right)
{
    return !left.data == !right.data && left.length == right.length &&
           (left.length == 0 || memcmp(left.data, right.data, left.length) == 0);
}

static void try_init(const uint8_t *data, size_t size)
{
    SpnegoInit init, again;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    (void)spnego_kind(data, size);
    if (spnego_init_read(data, size, &init) != 0) return;
    assert(init.count > 0 && init.count <= SPNEGO_LIST_MAX && spnego_kind(data, size) == SPNEGO_KIND_INIT);
    spnego_init_write(&writer, init.list, init.token);
    assert(spnego_init_read(writer.data, writer.length, &again) == 0);
    assert(same(init.list, again.list) && same(init.token, again.token) && init.count == again.count);
    assert(memcmp(init.oids, again.oids, init.count * sizeof(init.oids[0])) == 0);
}

static void try_response(const uint8_t *data, size_t size)
{
    SpnegoResponse response, again;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    if (spnego_response_read(data, size, &response) != 0) return;
    if (response.has_oid && response.oid == SPNEGO_UNKNOWN) return; /* nothing is written for it */
    spnego_response_write(&writer, &response);
    assert(spnego_response_read(writer.data, writer.length, &again) == 0);
    assert(response.state == again.state && response.has_oid == again.has_oid && response.oid == again.oid);
    assert(same(response.token, again.token) && same(response.mic, again.mic));
}

static SecContext *context_new(bool initiator)
{
    static const uint8_t key[32] = {7};
    SecContext *context = NULL;
    const SecContextSpec spec = {
        .initiator = initiator, .enctype = 18, .key = key, .key_length = sizeof(key), .expires = INT64_MAX};
    assert(sec_context_new(&spec, &context) == 0);
    return context;
}

/* The next token, in a block of its own. */
static uint8_t *next_token(Reader *reader, size_t *ret_length)
{
    uint16_t length = reader_u16(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    if (!bytes) return NULL;
    uint8_t *token = malloc(length ? length : 1);
    assert(token);
    memcpy(token, bytes, length);
    *ret_length = length;
    return token;
}

static int serve(SpnegoServer *server, SecContext **context, unsigned *legs, const uint8_t *token,
                 size_t length, Writer *answer)
{
    SpnegoServerInput input;
    SecFailure failure;
    int r = spnego_server_input(server, token, length, *context, &input, answer, &failure);
    if (r != 0 || !input.leg.data) return r;
    if (++*legs < 2) {
        spnego_server_answer(server, (SpnegoBytes){(const uint8_t *)"leg", 3}, length % 2, answer);
        if (length % 2) *legs = 0;
        return 0;
    }
    if (*context) return 1; /* acceptor.c asks the mechanism, which is finished */
    *context = context_new(false);
    return spnego_server_finish(server, *context, answer, &failure);
}

static void try_server(Reader *reader)
{
    uint8_t offers = reader_u8(reader);
    size_t length;
    unsigned legs = 0;
    _cleanup_(sec_context_freep) SecContext *context = NULL;
    _cleanup_(spnego_server_freep) SpnegoServer *server = NULL;
    assert(spnego_server_new(offers & 1, offers & 2, &server) == 0);
    for (uint8_t *token; !spnego_server_is_done(server) && (token = next_token(reader, &length));) {
        SpnegoResponse response;
        _cleanup_(writer_deinitp) Writer answer;
        writer_init(&answer, 0);
        int r = serve(server, &context, &legs, token, length, &answer);
        free(token);
        if (r != 0) return;
        uint8_t service = spnego_server_service(server);
        assert((service == RPC_C_AUTHN_GSS_KERBEROS && offers & 1) ||
               (service == RPC_C_AUTHN_WINNT && offers & 2));
        if (answer.length > 0 && answer.data[0] == 0xa1)
            assert(spnego_response_read(answer.data, answer.length, &response) == 0);
    }
    assert(!spnego_server_is_done(server) || context);
}

static void try_client(Reader *reader)
{
    uint8_t offers = reader_u8(reader) % 3 + 1;
    size_t length;
    bool switched = false;
    _cleanup_(sec_context_freep) SecContext *context = NULL;
    _cleanup_(spnego_client_freep) SpnegoClient *client = NULL;
    const SpnegoBytes leg = {(const uint8_t *)"leg", 3};
    assert(spnego_client_new(offers & 1, offers & 2, &client) == 0);
    _cleanup_(writer_deinitp) Writer first;
    writer_init(&first, 0);
    spnego_client_first(client, leg, &first);
    for (uint8_t *token; (token = next_token(reader, &length));) {
        SpnegoClientNext next;
        SpnegoBytes theirs;
        SecFailure failure;
        _cleanup_(writer_deinitp) Writer answer;
        writer_init(&answer, 0);
        int r = spnego_client_input(client, token, length, context, &next, &theirs, &answer, &failure);
        free(token);
        if (r != 0) return;
        switch (next) {
        case SPNEGO_NEXT_LEG:
            assert(!context);
            context = context_new(true);
            assert(spnego_client_answer(client, leg, context, &answer) == 0);
            break;
        case SPNEGO_NEXT_SWITCH:
            assert(!switched && !context);
            switched = true;
            spnego_client_first(client, leg, &answer);
            break;
        case SPNEGO_NEXT_SEND:
            break;
        case SPNEGO_NEXT_DONE:
            assert(context && !switched && spnego_client_service(client) == RPC_C_AUTHN_GSS_KERBEROS);
            return;
        }
        assert(writer_status(&answer) == 0 && answer.length > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Reader reader;
    if (size == 0) return 0;
    reader_init(&reader, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        try_init(data + 1, size - 1);
        break;
    case 1:
        try_response(data + 1, size - 1);
        break;
    case 2:
        try_server(&reader);
        break;
    case 3:
        try_client(&reader);
        break;
    }
    return 0;
}
