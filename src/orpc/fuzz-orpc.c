/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what strangers send to orpc/. The first byte says as what: 0 OBJREF, 1 ORPCTHIS, 2 ORPCTHAT, 3
 * to 9 IObjectExporter, 10 to 15 IRemUnknown2, 16 and 17 activation, 18 to 20 the registrar, 21 an address,
 * 22 and 23 IActivation. What decodes is encoded again, and that must decode to the same bytes.
 * Decoder: src/orpc/binding.c .*(read|next|split|parse|unit_at|skip|well_formed|code_point|put_utf8|text_at).*
 * Decoder: src/orpc/objref.c .*(read|parse).*
 * Decoder: src/orpc/orpcthis.c .*read.*
 * Decoder: src/orpc/errorinfo.c .*(read|parse|find).*
 * Decoder: src/orpc/plain.c .*read.*
 * Decoder: src/orpc/plain-remunknown.c .*(read|reference_at).*
 * Decoder: src/orpc/activation.c .*(parse|find|duplicates).*
 * Decoder: src/orpc/activation-properties.c .*(parse|read|open|next|u32_at).*
 * Decoder: src/orpc/remote-activation.c .*read.*
 * Decoder: src/orpc/registrar-message.c .*(read|open).*
 */
#include <assert.h>
#include <errno.h>
#include "orpc/activation.h"
#include "orpc/plain.h"
#include "orpc/registrar-message.h"
#include "orpc/remote-activation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes and, where that succeeded, encodes. False: malformed. */
typedef bool Recode(Reader *reader, Writer *writer);

static bool fine(const Reader *reader)
{
    return reader_status(reader) == 0;
}

static void walk_bindings(const Bindings *bindings)
{
    char text[BINDING_ADDRESS_SIZE], host[BINDING_HOST_SIZE];
    uint16_t value, port;
    unsigned count = 0;
    for (BindingsWalk walk = {0}; bindings_next_string(bindings, &walk, &value, text); count++)
        if (binding_split(text, host, &port) == 0) assert(*host);
    for (BindingsWalk walk = {0}; bindings_next_security(bindings, &walk, &value, text);)
        count++;
    assert(count <= BINDINGS_ENTRIES_MAX);
}

static bool recode_objref(Reader *reader, Writer *writer)
{
    Objref objref;
    size_t length = reader_left(reader);
    if (objref_parse(reader_bytes(reader, length), length, &objref) < 0) return false;
    walk_bindings(&objref.resolver);
    objref_write(writer, &objref);
    return true;
}

static void look_for_error(const OrpcExtent *extents, uint32_t count)
{
    OrpcErrorInfo info;
    if (orpc_error_info_find(extents, count, &info) == 0) orpc_error_info_deinit(&info);
}

static bool recode_this(Reader *reader, Writer *writer)
{
    OrpcThis orpc;
    orpc_this_read(reader, &orpc);
    if (!fine(reader)) return false;
    look_for_error(orpc.extents, orpc.extent_count);
    orpc_this_write(writer, &orpc);
    return true;
}

static bool recode_that(Reader *reader, Writer *writer)
{
    OrpcThat orpc;
    orpc_that_read(reader, &orpc);
    if (!fine(reader)) return false;
    look_for_error(orpc.extents, orpc.extent_count);
    orpc_that_write(writer, &orpc);
    return true;
}

static bool recode_resolve_in(Reader *reader, Writer *writer)
{
    ResolveOxidIn in;
    resolve_oxid_in_read(reader, &in);
    if (fine(reader)) resolve_oxid_in_write(writer, &in);
    return fine(reader);
}

static bool recode_resolve_out(Reader *reader, Writer *writer)
{
    ResolveOxidOut out;
    resolve_oxid_out_read(reader, true, &out);
    if (fine(reader)) resolve_oxid_out_write(writer, true, &out);
    return fine(reader);
}

static bool recode_simple_in(Reader *reader, Writer *writer)
{
    simple_ping_in_write(writer, simple_ping_in_read(reader));
    return fine(reader);
}

static bool recode_complex_in(Reader *reader, Writer *writer)
{
    ComplexPingIn in;
    complex_ping_in_read(reader, &in);
    if (fine(reader)) complex_ping_in_write(writer, &in);
    return fine(reader);
}

static bool recode_complex_out(Reader *reader, Writer *writer)
{
    ComplexPingOut out;
    complex_ping_out_read(reader, &out);
    if (fine(reader)) complex_ping_out_write(writer, &out);
    return fine(reader);
}

static bool recode_alive_out(Reader *reader, Writer *writer)
{
    ServerAlive2Out out;
    server_alive2_out_read(reader, &out);
    if (fine(reader)) server_alive2_out_write(writer, &out);
    return fine(reader);
}

static bool recode_status(Reader *reader, Writer *writer)
{
    plain_status_write(writer, plain_status_read(reader));
    return fine(reader);
}

static bool recode_query_in(Reader *reader, Writer *writer)
{
    RemQueryInterfaceIn in;
    rem_query_interface_in_read(reader, &in);
    if (fine(reader)) rem_query_interface_in_write(writer, &in);
    return fine(reader);
}

static bool recode_query2_in(Reader *reader, Writer *writer)
{
    RemQueryInterfaceIn in;
    rem_query_interface2_in_read(reader, &in);
    if (fine(reader)) rem_query_interface2_in_write(writer, &in);
    return fine(reader);
}

static bool recode_query_out(Reader *reader, Writer *writer)
{
    RemQueryResult results[16];
    HRESULT status;
    size_t count = rem_query_interface_out_read(reader, results, ARRAY_SIZE(results), &status);
    if (fine(reader)) rem_query_interface_out_write(writer, count ? results : NULL, (uint16_t)count, status);
    return fine(reader);
}

static bool recode_query2_out(Reader *reader, Writer *writer)
{
    RemQuery2Result results[16];
    HRESULT status;
    size_t count = rem_query_interface2_out_read(reader, results, ARRAY_SIZE(results), &status);
    if (fine(reader)) rem_query_interface2_out_write(writer, results, (uint16_t)count, status);
    return fine(reader);
}

static bool recode_references_in(Reader *reader, Writer *writer)
{
    RemReferencesIn in;
    static RemReference references[PLAIN_INTERFACES_MAX];
    rem_references_in_read(reader, &in);
    for (size_t i = 0; i < in.count; i++)
        references[i] = rem_reference_at(&in, i);
    if (fine(reader)) rem_references_in_write(writer, references, in.count);
    return fine(reader);
}

static bool recode_add_ref_out(Reader *reader, Writer *writer)
{
    HRESULT results[16], status;
    size_t count = rem_add_ref_out_read(reader, results, ARRAY_SIZE(results), &status);
    if (fine(reader)) rem_add_ref_out_write(writer, results, (uint16_t)count, status);
    return fine(reader);
}

static bool recode_activate_in(Reader *reader, Writer *writer)
{
    ActivateIn in;
    ActivationRequest request;
    ActivationBlob blob;
    activate_in_read(reader, OP_CREATE_INSTANCE, &in);
    if (!fine(reader) || !in.objref || activation_request_parse(in.objref, in.objref_length, &request) < 0)
        return false;
    assert(request.instantiation.iid_count >= 1);
    (void)activation_guid(request.instantiation.iids, request.instantiation.iid_count - 1);
    if (activation_blob_parse(in.objref, in.objref_length, &CLSID_ACTIVATION_IN, &blob) < 0) return false;
    const ActivationProperty *security = activation_blob_find(&blob, &CLSID_SECURITY_INFO);
    SecurityInfo info;
    if (security && security_info_parse(security, &info) < 0) return false;
    return activation_request_write(writer, &request) == 0;
}

static bool recode_activate_out(Reader *reader, Writer *writer)
{
    ActivateOut out;
    PropsOut props;
    ScmReply scm;
    static ActivationResult results[ACTIVATION_IIDS_MAX];
    uint32_t count = 0;
    activate_out_read(reader, &out);
    if (!fine(reader) || !out.objref ||
        activation_reply_parse(out.objref, out.objref_length, &props, &scm) < 0)
        return false;
    while (props_out_next(&props, &results[count]))
        count++;
    walk_bindings(&scm.bindings);
    return activation_reply_write(writer, results, count, &scm) == 0;
}

static bool recode_old_in(Reader *reader, Writer *writer)
{
    RemoteActivationIn in;
    remote_activation_in_read(reader, &in);
    if (fine(reader)) remote_activation_in_write(writer, &in);
    return fine(reader);
}

static bool recode_old_out(Reader *reader, Writer *writer)
{
    RemoteActivationOut out;
    static ActivationResult results[16];
    remote_activation_out_read(reader, results, ARRAY_SIZE(results), &out);
    if (fine(reader)) remote_activation_out_write(writer, &out);
    return fine(reader);
}

static RegistrarFrame whole_frame(Reader *reader)
{
    RegistrarFrame frame = {.length = (uint32_t)reader_left(reader)};
    frame.data = (uint8_t *)reader_bytes(reader, frame.length);
    return frame;
}

static bool recode_hello(Reader *reader, Writer *writer)
{
    RegistrarHello hello;
    RegistrarFrame frame = whole_frame(reader);
    if (registrar_hello_read(&frame, &hello) < 0 || hello.protocol != REGISTRAR_PROTOCOL) return false;
    RegistrarExporter exporter = {hello.oxid,       hello.rem_unknown, hello.port,
                                  hello.authn_hint, hello.principal,   hello.services};
    registrar_hello_write(writer, &exporter);
    return true;
}

static bool recode_activation(Reader *reader, Writer *writer)
{
    RegistrarActivation request;
    char caller[REGISTRAR_TEXT_SIZE];
    RegistrarFrame frame = whole_frame(reader);
    if (registrar_activation_read(&frame, &request, caller) < 0) return false;
    registrar_activation_write(writer, &request);
    return true;
}

static bool recode_result(Reader *reader, Writer *writer)
{
    HRESULT status;
    char sentence[REGISTRAR_TEXT_SIZE];
    RegistrarFrame frame = whole_frame(reader);
    if (registrar_result_read(&frame, &status, sentence) < 0) return false;
    registrar_result_write(writer, status, sentence);
    return true;
}

static bool recode_address(Reader *reader, Writer *writer)
{
    char text[BINDING_ADDRESS_SIZE] = "", host[BINDING_HOST_SIZE], again[BINDING_ADDRESS_SIZE];
    uint16_t port;
    size_t length = reader_left(reader);
    if (length >= sizeof(text)) return false;
    reader_copy(reader, text, length);
    if (binding_split(text, host, &port) < 0 || binding_join(host, port, again) < 0) return false;
    writer_bytes(writer, again, strlen(again));
    return true;
}

static Recode *const kinds[] = {
    recode_objref,      recode_this,        recode_that,         recode_resolve_in, recode_resolve_out,
    recode_simple_in,   recode_complex_in,  recode_complex_out,  recode_alive_out,  recode_status,
    recode_query_in,    recode_query_out,   recode_query2_in,    recode_query2_out, recode_references_in,
    recode_add_ref_out, recode_activate_in, recode_activate_out, recode_hello,      recode_activation,
    recode_result,      recode_address,     recode_old_in,       recode_old_out};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(writer_deinitp) Writer first, second;
    Reader reader;
    writer_init(&first, 0);
    writer_init(&second, 0);
    if (!size || data[0] >= ARRAY_SIZE(kinds)) return 0;
    Recode *recode = kinds[data[0]];
    reader_init(&reader, data + 1, size - 1);
    if (!recode(&reader, &first)) return 0;
    assert(writer_status(&first) == 0);
    /* The whole activation messages are written without the call around them. */
    if (recode == recode_activate_in || recode == recode_activate_out) return 0;
    reader_init(&reader, first.data, first.length);
    assert(recode(&reader, &second));
    assert(second.length == first.length &&
           (first.length == 0 || memcmp(first.data, second.data, first.length) == 0));
    return 0;
}
