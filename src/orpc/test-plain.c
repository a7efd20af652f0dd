/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain stubs and activation properties against what real Windows machines sent: every stub is decoded,
 * encoded again and compared byte for byte; and cut at every byte it must not decode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "orpc/activation.h"
#include "orpc/plain.h"

/* Decodes a whole stub and encodes what was understood. False when it is malformed. */
typedef bool Recode(Reader *reader, Writer *writer);

static bool done(Reader *reader)
{
    return reader_end(reader) == 0;
}

static bool recode_simple_ping_in(Reader *reader, Writer *writer)
{
    simple_ping_in_write(writer, simple_ping_in_read(reader));
    return done(reader);
}

static bool recode_status(Reader *reader, Writer *writer)
{
    plain_status_write(writer, plain_status_read(reader));
    return done(reader);
}

static bool recode_server_alive2_out(Reader *reader, Writer *writer)
{
    ServerAlive2Out out;
    server_alive2_out_read(reader, &out);
    server_alive2_out_write(writer, &out);
    return done(reader);
}

static void recode_this(Reader *reader, Writer *writer)
{
    OrpcThis orpc;
    orpc_this_read(reader, &orpc);
    orpc_this_write(writer, &orpc);
}

static void recode_that(Reader *reader, Writer *writer)
{
    OrpcThat orpc;
    orpc_that_read(reader, &orpc);
    orpc_that_write(writer, &orpc);
}

static bool recode_query_in(Reader *reader, Writer *writer)
{
    RemQueryInterfaceIn in;
    recode_this(reader, writer);
    rem_query_interface_in_read(reader, &in);
    rem_query_interface_in_write(writer, &in);
    return done(reader);
}

static bool recode_query_out(Reader *reader, Writer *writer)
{
    RemQueryResult results[4];
    HRESULT status;
    recode_that(reader, writer);
    size_t count = rem_query_interface_out_read(reader, results, 4, &status);
    if (!done(reader)) return false;
    rem_query_interface_out_write(writer, results, (uint16_t)count, status);
    return true;
}

static bool recode_release_in(Reader *reader, Writer *writer)
{
    RemReferencesIn in;
    RemReference references[16];
    recode_this(reader, writer);
    rem_references_in_read(reader, &in);
    for (size_t i = 0; i < in.count && i < 16; i++)
        references[i] = rem_reference_at(&in, i);
    rem_references_in_write(writer, references, in.count);
    return done(reader);
}

static bool recode_release_out(Reader *reader, Writer *writer)
{
    recode_that(reader, writer);
    return recode_status(reader, writer);
}

/* Every property through its own structure. */
static bool recode_property(const ActivationProperty *property, Writer *writer)
{
    const Guid *clsid = &property->clsid;
    InstantiationInfo instantiation;
    SpecialProperties special;
    ActivationContext context;
    SecurityInfo security;
    ScmRequest request;
    ScmReply reply;
    if (guid_equal(clsid, &CLSID_INSTANTIATION_INFO)) {
        if (instantiation_info_parse(property, &instantiation) < 0) return false;
        instantiation_info_write(writer, &instantiation);
    } else if (guid_equal(clsid, &CLSID_SPECIAL_PROPERTIES)) {
        if (special_properties_parse(property, &special) < 0) return false;
        special_properties_write(writer, &special);
    } else if (guid_equal(clsid, &CLSID_ACTIVATION_CONTEXT)) {
        if (activation_context_parse(property, &context) < 0) return false;
        activation_context_write(writer, &context);
    } else if (guid_equal(clsid, &CLSID_SECURITY_INFO)) {
        if (security_info_parse(property, &security) < 0) return false;
        security_info_write(writer, &security);
    } else if (guid_equal(clsid, &CLSID_SERVER_LOCATION)) {
        if (server_location_parse(property) < 0) return false;
        server_location_write(writer);
    } else if (guid_equal(clsid, &CLSID_SCM_REQUEST)) {
        if (scm_request_parse(property, &request) < 0) return false;
        scm_request_write(writer, &request);
    } else if (guid_equal(clsid, &CLSID_SCM_REPLY)) {
        if (scm_reply_parse(property, &reply) < 0) return false;
        scm_reply_write(writer, &reply);
    } else {
        PropsOut props;
        ActivationResult results[4];
        uint32_t count = 0;
        assert_true(guid_equal(clsid, &CLSID_ACTIVATION_OUT));
        if (props_out_parse(property, &props) < 0) return false;
        while (count < 4 && props_out_next(&props, &results[count]))
            count++;
        props_out_write(writer, results, count);
    }
    return true;
}

static bool recode_blob(const uint8_t *objref, size_t length, const Guid *clsid, Writer *writer)
{
    ActivationBlob blob;
    _cleanup_(writer_deinitp) Writer scratch;
    writer_init(&scratch, 0);
    if (activation_blob_parse(objref, length, clsid, &blob) < 0) return false;
    size_t starts[ACTIVATION_PROPERTIES_MAX];
    for (uint32_t i = 0; i < blob.count; i++) {
        starts[i] = scratch.length;
        if (!recode_property(&blob.properties[i], &scratch)) return false;
    }
    for (uint32_t i = 0; i < blob.count; i++) {
        size_t end = i + 1 < blob.count ? starts[i + 1] : scratch.length;
        blob.properties[i].data = scratch.data + starts[i];
        blob.properties[i].length = end - starts[i];
    }
    activation_blob_write(writer, clsid, &blob);
    return true;
}

static bool recode_create_in(Reader *reader, Writer *writer)
{
    ActivateIn in;
    ActivationRequest request;
    _cleanup_(writer_deinitp) Writer objref;
    writer_init(&objref, 0);
    activate_in_read(reader, OP_CREATE_INSTANCE, &in);
    if (!done(reader) || !recode_blob(in.objref, in.objref_length, &CLSID_ACTIVATION_IN, &objref))
        return false;
    assert_int_equal(activation_request_parse(in.objref, in.objref_length, &request), 0);
    assert_int_equal(request.scm.protseqs[0], BINDING_TOWER_TCP);
    assert_true(request.has_special);
    in.objref = objref.data;
    in.objref_length = objref.length;
    activate_in_write(writer, OP_CREATE_INSTANCE, &in);
    return true;
}

static bool recode_create_out(Reader *reader, Writer *writer)
{
    ActivateOut out;
    PropsOut props;
    ScmReply scm;
    _cleanup_(writer_deinitp) Writer objref;
    writer_init(&objref, 0);
    activate_out_read(reader, &out);
    if (!done(reader) || !recode_blob(out.objref, out.objref_length, &CLSID_ACTIVATION_OUT, &objref))
        return false;
    assert_int_equal(activation_reply_parse(out.objref, out.objref_length, &props, &scm), 0);
    assert_int_equal(scm.authn_hint, 4);
    out.objref = objref.data;
    out.objref_length = objref.length;
    activate_out_write(writer, &out);
    return true;
}

static const struct {
    const char *name;
    Recode *recode;
} stubs[] = {
    {"win10-create__IObjectExporter_op1_in_1", recode_simple_ping_in},
    {"win10-create__IObjectExporter_op1_out_1", recode_status},
    {"win10-create__IRemUnknown2_op3_in_1", recode_query_in},
    {"win10-create__IRemUnknown2_op3_in_2", recode_query_in},
    {"win10-create__IRemUnknown2_op3_out_1", recode_query_out},
    {"win10-create__IRemUnknown2_op3_out_2", recode_query_out},
    {"win10-create__IRemUnknown2_op5_in_1", recode_release_in},
    {"win10-create__IRemUnknown2_op5_out_1", recode_release_out},
    {"win10-create__IRemoteSCMActivator_op4_in_1", recode_create_in},
    {"win10-create__IRemoteSCMActivator_op4_out_1", recode_create_out},
    {"win10-execmethod__IObjectExporter_op5_out_1", recode_server_alive2_out},
    {"win10-execmethod__IRemUnknown2_op3_in_1", recode_query_in},
    {"win10-execmethod__IRemUnknown2_op3_in_2", recode_query_in},
    {"win10-execmethod__IRemUnknown2_op3_out_1", recode_query_out},
    {"win10-execmethod__IRemUnknown2_op3_out_2", recode_query_out},
    {"win10-execmethod__IRemUnknown2_op5_in_1", recode_release_in},
    {"win10-execmethod__IRemUnknown2_op5_in_2", recode_release_in},
    {"win10-execmethod__IRemUnknown2_op5_out_1", recode_release_out},
    {"win10-execmethod__IRemUnknown2_op5_out_2", recode_release_out},
    {"win10-execmethod__IRemoteSCMActivator_op4_in_1", recode_create_in},
    {"win10-execmethod__IRemoteSCMActivator_op4_out_1", recode_create_out},
};

static size_t load(const char *name, uint8_t *bytes, size_t capacity)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/rpc/stubs/%s.bin", VECTORS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, capacity, file);
    (void)fclose(file);
    assert_true(length > 0 && length < capacity);
    return length;
}

static bool run(Recode *recode, const uint8_t *bytes, size_t length, Writer *writer)
{
    /* In a block of its own, so that a sanitizer sees a read past the end. */
    _cleanup_(freep) uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    Reader reader;
    reader_init(&reader, copy, length);
    writer_reset(writer);
    return recode(&reader, writer);
}

static void test_stubs(void **state)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    uint8_t bytes[4096];
    for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
        size_t length = load(stubs[i].name, bytes, sizeof(bytes));
        if (!run(stubs[i].recode, bytes, length, &writer)) fail_msg("%s does not decode", stubs[i].name);
        assert_int_equal(writer_status(&writer), 0);
        if (writer.length != length || memcmp(writer.data, bytes, length) != 0)
            fail_msg("%s differs", stubs[i].name);
        for (size_t cut = 0; cut < length; cut++)
            if (run(stubs[i].recode, bytes, cut, &writer))
                fail_msg("%s decodes when cut at %zu", stubs[i].name, cut);
    }
}

/* Every byte set to the values that break counts: nothing may crash, read out of bounds or run away. */
static void test_stubs_hostile(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    uint8_t bytes[4096];
    size_t refused = 0;
    for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
        if (stubs[i].recode == recode_create_in || stubs[i].recode == recode_create_out) continue;
        size_t length = load(stubs[i].name, bytes, sizeof(bytes));
        for (size_t at = 0; at < length; at++) {
            uint8_t before = bytes[at];
            for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
                bytes[at] = values[v];
                refused += !run(stubs[i].recode, bytes, length, &writer);
            }
            bytes[at] = before;
        }
    }
    assert_true(refused > 0);
}

static void test_activation_hostile(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    uint8_t bytes[4096];
    size_t length = load("win10-create__IRemoteSCMActivator_op4_in_1", bytes, sizeof(bytes)), refused = 0;
    for (size_t at = 0; at < length; at++) {
        uint8_t before = bytes[at];
        for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
            Reader reader;
            ActivateIn in;
            ActivationRequest request;
            bytes[at] = values[v];
            reader_init(&reader, bytes, length);
            activate_in_read(&reader, OP_CREATE_INSTANCE, &in);
            refused += !done(&reader) || activation_request_parse(in.objref, in.objref_length, &request) < 0;
        }
        bytes[at] = before;
    }
    assert_true(refused > 0);
}

static void test_activation_facts(void **state)
{
    static const struct {
        const char *name;
        uint32_t impersonating;
    } rows[] = {{"win10-create__IRemoteSCMActivator_op4_in_1", 1},
                {"win10-execmethod__IRemoteSCMActivator_op4_in_1", 0}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[4096];
        Reader reader;
        ActivateIn in;
        ActivationRequest request;
        reader_init(&reader, bytes, load(rows[i].name, bytes, sizeof(bytes)));
        activate_in_read(&reader, OP_CREATE_INSTANCE, &in);
        assert_int_equal(activation_request_parse(in.objref, in.objref_length, &request), 0);
        assert_int_equal(request.special.client_impersonating, rows[i].impersonating);
        assert_int_equal(request.special.original_class_context, 0x14);
        assert_int_equal(request.special.session_id, ACTIVATION_ANY_SESSION);
        assert_int_equal(request.instantiation.iid_count, 1);
        assert_false(request.has_instance_info);
    }
}

/* What we write ourselves we understand; and a required property missing, doubled or a limit passed is
 * refused. */
static void test_request_round_trip(void **state)
{
    static uint8_t iids[(ACTIVATION_IIDS_MAX + 1) * 16];
    _cleanup_(writer_deinitp) Writer context, objref;
    writer_init(&context, 0);
    writer_init(&objref, 0);
    client_context_write(&context, &IID_REM_UNKNOWN);
    ActivationRequest sent = {.instantiation = {.clsid = IID_REM_UNKNOWN,
                                                .iid_count = ACTIVATION_IIDS_MAX,
                                                .iids = iids,
                                                .client = {5, 7}},
                              .special = {.session_id = ACTIVATION_ANY_SESSION,
                                          .client_impersonating = 1,
                                          .original_class_context = 0x100010},
                              .has_special = true,
                              .scm = {2, 1, {BINDING_TOWER_TCP}},
                              .context = {.client = context.data, .client_length = context.length}},
                      received;
    assert_int_equal(activation_request_write(&objref, &sent), 0);
    assert_int_equal(activation_request_parse(objref.data, objref.length, &received), 0);
    assert_int_equal(received.special.client_impersonating, 1);
    assert_int_equal(received.special.original_class_context, 0x100010);
    assert_int_equal(received.context.client_length, context.length);
    assert_int_equal(received.instantiation.iid_count, ACTIVATION_IIDS_MAX);
    sent.instantiation.iid_count++;
    writer_reset(&objref);
    assert_int_equal(activation_request_write(&objref, &sent), 0);
    assert_true(activation_request_parse(objref.data, objref.length, &received) < 0);
    ActivationBlob blob;
    sent.instantiation.iid_count = 1;
    writer_reset(&objref);
    assert_int_equal(activation_request_write(&objref, &sent), 0);
    assert_int_equal(activation_blob_parse(objref.data, objref.length, &CLSID_ACTIVATION_IN, &blob), 0);
    _cleanup_(writer_deinitp) Writer changed;
    writer_init(&changed, 0);
    blob.properties[0] = blob.properties[1]; /* twice the same */
    activation_blob_write(&changed, &CLSID_ACTIVATION_IN, &blob);
    assert_true(activation_request_parse(changed.data, changed.length, &received) < 0);
    writer_reset(&changed);
    blob.properties[0].clsid = IID_REM_UNKNOWN2; /* an unknown one is ignored */
    activation_blob_write(&changed, &CLSID_ACTIVATION_IN, &blob);
    assert_int_equal(activation_request_parse(changed.data, changed.length, &received), 0);
    assert_false(received.has_special);
    writer_reset(&changed);
    blob.count--; /* without ScmRequestInfo */
    activation_blob_write(&changed, &CLSID_ACTIVATION_IN, &blob);
    assert_true(activation_request_parse(changed.data, changed.length, &received) < 0);
}

static void test_complex_ping(void **state)
{
    uint8_t oids[24] = {1, 0, 0, 0, 0, 0, 0, 0, 2};
    for (uint16_t add = 0; add <= 2; add++) {
        for (uint16_t remove = 0; remove <= 1; remove++) {
            _cleanup_(writer_deinitp) Writer writer;
            writer_init(&writer, 0);
            ComplexPingIn sent = {.set = 7,
                                  .sequence = 3,
                                  .add_count = add,
                                  .remove_count = remove,
                                  .add = oids,
                                  .remove = oids},
                          in;
            complex_ping_in_write(&writer, &sent);
            Reader reader;
            reader_init(&reader, writer.data, writer.length);
            complex_ping_in_read(&reader, &in);
            assert_true(done(&reader));
            assert_int_equal(in.set, 7);
            assert_int_equal(in.add_count, add);
            assert_int_equal(in.remove_count, remove);
            if (add == 2) assert_int_equal(plain_u64(in.add, 1), 2);
            for (size_t cut = 0; cut < writer.length; cut++) {
                reader_init(&reader, writer.data, cut);
                complex_ping_in_read(&reader, &in);
                assert_false(done(&reader));
                assert_int_equal(in.add_count, 0);
            }
        }
    }
}

static void test_query2(void **state)
{
    RemQuery2Result sent[3] = {{0, (const uint8_t *)"abcde", 5},
                               {(HRESULT)0x80004002, NULL, 0},
                               {0, (const uint8_t *)"x", 1}},
                    got[3];
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    rem_query_interface2_out_write(&writer, sent, 3, 0);
    for (size_t length = 0; length <= writer.length; length++) {
        Reader reader;
        HRESULT status = 1;
        reader_init(&reader, writer.data, length);
        size_t count = rem_query_interface2_out_read(&reader, got, 3, &status);
        assert_int_equal(count, length == writer.length ? 3 : 0);
    }
    assert_int_equal(got[0].objref_length, 5);
    assert_null(got[1].objref);
    assert_int_equal(got[1].status, sent[1].status);
    assert_memory_equal(got[2].objref, "x", 1);
    Reader reader;
    HRESULT status;
    reader_init(&reader, writer.data, writer.length);
    assert_int_equal(rem_query_interface2_out_read(&reader, got, 2, &status),
                     0); /* more than were asked for */
}

static void test_resolve_oxid(void **state)
{
    for (int version = 0; version < 2; version++) {
        Bindings bindings;
        assert_int_equal(bindings_new(&(StringBinding){7, "a[9]"}, 1, NULL, 0, &bindings), 0);
        ResolveOxidOut sent = {bindings, IID_REM_UNKNOWN, 5, {5, 7}, 0}, got;
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        resolve_oxid_out_write(&writer, version, &sent);
        for (size_t length = 0; length <= writer.length; length++) {
            Reader reader;
            reader_init(&reader, writer.data, length);
            resolve_oxid_out_read(&reader, version, &got);
            assert_int_equal(done(&reader), length == writer.length);
        }
        assert_int_equal(got.authn_hint, 5);
        assert_int_equal(got.version.minor, version ? 7 : 0);
        assert_int_equal(got.bindings.entries, bindings.entries);
        bindings_deinit(&bindings);
    }
    ResolveOxidIn in = {.oxid = 5, .protseq_count = 2, .protseqs = {7, 31}}, read;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    resolve_oxid_in_write(&writer, &in);
    Reader reader;
    reader_init(&reader, writer.data, writer.length);
    resolve_oxid_in_read(&reader, &read);
    assert_true(done(&reader));
    assert_int_equal(read.protseqs[1], 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stubs),
        cmocka_unit_test(test_stubs_hostile),
        cmocka_unit_test(test_activation_hostile),
        cmocka_unit_test(test_activation_facts),
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_complex_ping),
        cmocka_unit_test(test_query2),
        cmocka_unit_test(test_resolve_oxid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
