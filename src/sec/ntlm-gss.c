/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-gss.h"
#include <errno.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

#define OID(text, size)                                                                                      \
    {                                                                                                        \
        .length = (size), .elements = (void *)(uintptr_t)(text)                                              \
    }

const gss_OID_desc NTLM_GSS_MECHANISM = OID(GSS_NTLMSSP_OID_STRING, GSS_NTLMSSP_OID_LENGTH);
static const gss_OID_desc flags_option =
    OID(GSS_NTLMSSP_NEG_FLAGS_OID_STRING, GSS_NTLMSSP_NEG_FLAGS_OID_LENGTH);
static const gss_OID_desc mic_option =
    OID(GSS_SPNEGO_REQUIRE_MIC_OID_STRING, GSS_SPNEGO_REQUIRE_MIC_OID_LENGTH);

static gss_OID oid(const gss_OID_desc *constant)
{
    return (gss_OID)(uintptr_t)constant; /* GSSAPI knows no const */
}

static void status_text(OM_uint32 status, int type, char text[SEC_QUOTE_SIZE])
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc buffer = GSS_C_EMPTY_BUFFER;
    char copy[SEC_QUOTE_SIZE];

    snprintf(text, SEC_QUOTE_SIZE, "error 0x%x", status);
    if (gss_display_status(&minor, status, type, oid(&NTLM_GSS_MECHANISM), &more, &buffer) != GSS_S_COMPLETE)
        return;
    snprintf(copy, sizeof(copy), "%.*s", (int)buffer.length, (const char *)buffer.value);
    sec_quote(copy, text);
    (void)gss_release_buffer(&minor, &buffer);
}

int ntlm_gss_fail(SecFailure *failure, uint32_t code, const char *doing, OM_uint32 major, OM_uint32 minor)
{
    char text[SEC_QUOTE_SIZE];

    if (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH || GSS_ROUTINE_ERROR(major) == GSS_S_UNAVAILABLE) {
        sec_failure_set(failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                        "%s: NTLM is not installed; install gss-ntlmssp, whose library /etc/gss/mech.d names",
                        doing);
        return SEC_FAILED;
    }
    status_text(minor ? minor : major, minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE, text);
    sec_failure_set(failure, code, "%s: %s", doing, text);
    return SEC_FAILED;
}

int ntlm_gss_name(const char *text, gss_OID type, gss_name_t *ret_name, SecFailure *failure)
{
    OM_uint32 minor;
    gss_buffer_desc buffer = {.length = strlen(text), .value = (void *)(uintptr_t)text};
    const OM_uint32 major = gss_import_name(&minor, &buffer, type, ret_name);

    if (major == GSS_S_COMPLETE) return 0;
    *ret_name = GSS_C_NO_NAME;
    return ntlm_gss_fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, "a name cannot be used with NTLM", major,
                         minor);
}

int ntlm_gss_credential(gss_name_t name, gss_cred_usage_t usage, const gss_key_value_set_desc *store,
                        uint32_t flags, gss_cred_id_t *ret_credential, SecFailure *failure)
{
    static const char doing[] = "NTLM cannot be prepared";
    OM_uint32 minor, ignored;
    gss_OID_set_desc mechanisms = {.count = 1, .elements = oid(&NTLM_GSS_MECHANISM)};
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_buffer_desc value = {.length = sizeof(flags), .value = &flags};

    OM_uint32 major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &mechanisms, usage, store,
                                            &credential, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return ntlm_gss_fail(failure, (uint32_t)SEC_E_NO_CREDENTIALS, doing, major, minor);
    major = gss_set_cred_option(&minor, &credential, oid(&flags_option), &value);
    if (major != GSS_S_COMPLETE) {
        (void)gss_release_cred(&ignored, &credential);
        return ntlm_gss_fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, doing, major, minor);
    }
    *ret_credential = credential;
    return 0;
}

int ntlm_gss_session_key(gss_ctx_id_t context, uint8_t ret_key[NTLM_KEY], SecFailure *failure)
{
    OM_uint32 minor;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    const OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, context, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    const bool ok = major == GSS_S_COMPLETE && set && set->count >= 1 && set->elements[0].length == NTLM_KEY;

    if (ok) memcpy(ret_key, set->elements[0].value, NTLM_KEY);
    for (size_t i = 0; set && i < set->count; i++)
        explicit_bzero(set->elements[i].value, set->elements[i].length);
    OM_uint32 ignored;
    (void)gss_release_buffer_set(&ignored, &set);
    if (ok) return 0;
    return ntlm_gss_fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, "NTLM gives no session key", major, minor);
}

int ntlm_gss_want_mic(gss_ctx_id_t context, SecFailure *failure)
{
    OM_uint32 minor, ignored;
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    const OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, context, oid(&mic_option), &set);

    (void)gss_release_buffer_set(&ignored, &set);
    if (major == GSS_S_COMPLETE) return 0;
    return ntlm_gss_fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, "NTLM makes no MIC", major, minor);
}

int ntlm_gss_take(gss_buffer_t buffer, uint8_t **ret_data, size_t *ret_length)
{
    OM_uint32 ignored;
    uint8_t *copy = malloc(buffer->length ? buffer->length : 1);

    if (copy) {
        if (buffer->length > 0) memcpy(copy, buffer->value, buffer->length);
        *ret_data = copy;
        *ret_length = buffer->length;
    }
    (void)gss_release_buffer(&ignored, buffer);
    return copy ? 0 : -ENOMEM;
}
