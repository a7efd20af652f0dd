/* SPDX-License-Identifier: Apache-2.0 */
/* The peer of goal 17: MIT's GSS library, DCE style, both ends in this process, each context used once each
 * way. */
#include "tests/bench/mit.h"
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench/measure.h"
#include "tests/bench/realm.h"

#define WARMUP 50

static void check(OM_uint32 major, const char *what)
{
    if (GSS_ERROR(major)) measure_fail("%s: 0x%08X", what, (unsigned)major);
}

static void establish(gss_name_t target, gss_cred_id_t host, gss_ctx_id_t *client, gss_ctx_id_t *server)
{
    const OM_uint32 flags = GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG |
                            GSS_C_SEQUENCE_FLAG | GSS_C_REPLAY_FLAG;
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER, back = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major = GSS_S_CONTINUE_NEEDED, accepted = GSS_S_CONTINUE_NEEDED;
    while (major == GSS_S_CONTINUE_NEEDED || accepted == GSS_S_CONTINUE_NEEDED) {
        if (major == GSS_S_CONTINUE_NEEDED) {
            gss_release_buffer(&minor, &out);
            major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, client, target, (gss_OID)gss_mech_krb5,
                                         flags, 0, NULL, &back, NULL, &out, NULL, NULL);
            check(major, "gss_init_sec_context");
        }
        gss_release_buffer(&minor, &back);
        accepted =
            gss_accept_sec_context(&minor, server, host, &out, NULL, NULL, NULL, &back, NULL, NULL, NULL);
        check(accepted, "gss_accept_sec_context");
    }
    gss_release_buffer(&minor, &out);
    gss_release_buffer(&minor, &back);
}

static void use(gss_ctx_id_t from, gss_ctx_id_t to)
{
    char text[32] = "";
    gss_buffer_desc plain = {sizeof(text), text}, sealed = GSS_C_EMPTY_BUFFER, again = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    check(gss_wrap(&minor, from, 1, GSS_C_QOP_DEFAULT, &plain, NULL, &sealed), "gss_wrap");
    check(gss_unwrap(&minor, to, &sealed, &again, NULL, NULL), "gss_unwrap");
    gss_release_buffer(&minor, &sealed);
    gss_release_buffer(&minor, &again);
}

double mit_context_bytes_each(unsigned count)
{
    char keytab[4096], name[] = "host@a.lab.test";
    gss_buffer_desc text = {strlen(name), name};
    gss_name_t target;
    gss_cred_id_t host = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;
    snprintf(keytab, sizeof(keytab), "FILE:%s/hosts/a/keytab", getenv("MANTLE_LAB"));
    if (setenv("KRB5_KTNAME", keytab, 1) < 0) measure_fail("no memory");
    check(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &target), "gss_import_name");
    check(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, GSS_C_NO_OID_SET, GSS_C_ACCEPT, &host, NULL, NULL),
          "gss_acquire_cred");
    size_t before = 0;
    for (unsigned i = 0; i < WARMUP + count; i++) {
        gss_ctx_id_t client = GSS_C_NO_CONTEXT, server = GSS_C_NO_CONTEXT;
        if (i == WARMUP) before = measure_resident();
        establish(target, host, &client, &server);
        use(client, server);
        use(server, client);
        /* Both stay until the process ends. */
    }
    return (double)(measure_resident() - before) / (2.0 * count);
}
