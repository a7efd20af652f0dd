/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos' errors as documented codes (facts of cloaking, 1.3), and strangers' strings in sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <winerror.h>
#include "sec/krb5-private.h"

static const struct {
    krb5_error_code error;
    KerberosRole role;
    uint32_t code;
} rows[] = {
    {KRB5_KDC_UNREACH, KERBEROS_TICKET, 0x80090311},
    {KRB5_KDC_UNREACH, KERBEROS_SERVICE, 0x80090311},
    {KRB5_KDC_UNREACH, KERBEROS_FORWARD, 0x80090311},
    {KRB5_REALM_UNKNOWN, KERBEROS_SERVICE, 0x80090311},
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, KERBEROS_SERVICE, 0x80090303},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, KERBEROS_TICKET, 0x8009030E},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, KERBEROS_SERVICE, 0x8009030E},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, KERBEROS_INITIATE, 0x8009030E},
    {KRB5_FCC_NOFILE, KERBEROS_TICKET, 0x8009030E},
    {KRB5KRB_AP_ERR_MODIFIED, KERBEROS_INITIATE, 0x80090322},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, KERBEROS_INITIATE, 0x80090322},
    {KRB5KRB_AP_ERR_BADKEYVER, KERBEROS_INITIATE, 0x80090322},
    {KRB5KRB_AP_ERR_SKEW, KERBEROS_INITIATE, 0x80090324},
    {KRB5KRB_AP_ERR_SKEW, KERBEROS_SERVICE, 0x80090324},
    {KRB5KRB_AP_ERR_SKEW, KERBEROS_ACCEPT, 0x80090324},
    {KRB5KDC_ERR_BADOPTION, KERBEROS_FORWARD, 1825},
    {KRB5KRB_ERR_GENERIC, KERBEROS_FORWARD, 1825},
    {KRB5KRB_AP_ERR_METHOD, KERBEROS_ACCEPT, 0x8009030C},
    {KRB5_MUTUAL_FAILED, KERBEROS_ACCEPT, 0x8009030C},
    {KRB5_MUTUAL_FAILED, KERBEROS_INITIATE, 0x80090322},
    {KRB5KRB_AP_ERR_MSG_TYPE, KERBEROS_ACCEPT, 0x80090308},
    {ASN1_OVERRUN, KERBEROS_ACCEPT, 0x80090308},
    {ASN1_PARSE_ERROR, KERBEROS_INITIATE, 0x80090308},
    {KRB5KRB_AP_ERR_INAPP_CKSUM, KERBEROS_ACCEPT, 0x80090308},
    {KRB5KDC_ERR_PREAUTH_FAILED, KERBEROS_LOGON, ERROR_LOGON_FAILURE},
    {KRB5KDC_ERR_PREAUTH_FAILED, KERBEROS_TICKET, 0x8009030E},
    {KRB5KDC_ERR_CLIENT_REVOKED, KERBEROS_LOGON, ERROR_ACCOUNT_DISABLED},
    {KRB5KDC_ERR_KEY_EXP, KERBEROS_LOGON, ERROR_PASSWORD_EXPIRED},
    {KRB5_KDC_UNREACH, KERBEROS_LOGON, ERROR_NO_LOGON_SERVERS},
    {KRB5_REALM_UNKNOWN, KERBEROS_LOGON, ERROR_NO_SUCH_DOMAIN},
    {KRB5KRB_AP_ERR_SKEW, KERBEROS_LOGON, ERROR_TIME_SKEW},
    {ENOMEM, KERBEROS_ACCEPT, 0x80090300},
};

static void test_codes(void **state)
{
    krb5_context context;
    assert_int_equal(krb5_init_context(&context), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SecFailure failure;
        kerberos_failure(context, rows[i].error, rows[i].role, "alice@LAB.TEST", "host/a", NULL, &failure);
        if (failure.code != rows[i].code) print_error("row %zu: %s\n", i, failure.sentence);
        assert_int_equal(failure.code, rows[i].code);
        assert_non_null(strstr(failure.sentence, "alice@LAB.TEST"));
        bool pair = rows[i].role >= KERBEROS_SERVICE && rows[i].role <= KERBEROS_INITIATE;
        assert_int_equal(strstr(failure.sentence, "host/a") != NULL, pair);
    }
    krb5_free_context(context);
}

/* Whatever the error is, there is a code and a sentence, and no line break in it. */
static void test_every_error(void **state)
{
    krb5_context context;
    assert_int_equal(krb5_init_context(&context), 0);
    for (int role = KERBEROS_LOGON; role <= KERBEROS_ACCEPT; role++)
        for (krb5_error_code offset = 0; offset < 256; offset++) {
            SecFailure failure = {0};
            kerberos_failure(context, ERROR_TABLE_BASE_krb5 + offset, (KerberosRole)role, "a\nb", NULL, "why",
                             &failure);
            assert_int_not_equal(failure.code, 0);
            assert_non_null(strstr(failure.sentence, "a?b"));
            assert_non_null(strstr(failure.sentence, "(why)"));
            assert_null(strchr(failure.sentence, '\n'));
        }
    krb5_free_context(context);
}

static void test_quote(void **state)
{
    static const struct {
        const char *text, *quoted;
    } quotes[] = {
        {"", ""},
        {"host/a.lab.test@LAB.TEST", "host/a.lab.test@LAB.TEST"},
        {"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\x1b[31mred\x7f\t", "?[31mred??"},
        {"\xc2\x9b"
         "31m",
         "??31m"}, /* C1 control */
        {"\xe2\x80\xae"
         "evil",
         "???evil"}, /* right-to-left override */
        {"\xe2\x81\xa6"
         "evil",
         "???evil"},                         /* isolate */
        {"\xc0\xaf \xe0\x80\xaf", "?? ???"}, /* overlong */
        {"\xed\xa0\x80", "???"},             /* surrogate */
        {"\xf4\x90\x80\x80", "????"},        /* beyond U+10FFFF */
        {"\xff\xfe", "??"},
        {"cut \xe2\x82", "cut ??"},
        {"\xc2\xa0", "\xc2\xa0"},
    };
    char quoted[SEC_QUOTE_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(quotes); i++)
        assert_string_equal(sec_quote(quotes[i].text, quoted), quotes[i].quoted);
    /* Cut where it does not fit, never within a character. */
    char text[SEC_QUOTE_SIZE + 8];
    memset(text, 'x', sizeof(text));
    text[SEC_QUOTE_SIZE - 1] = '\0';
    assert_int_equal(strlen(sec_quote(text, quoted)), SEC_QUOTE_SIZE - 1);
    text[SEC_QUOTE_SIZE - 1] = 'x';
    text[SEC_QUOTE_SIZE] = '\0';
    assert_int_equal(strlen(sec_quote(text, quoted)), SEC_QUOTE_SIZE - 1);
    strcpy(text + SEC_QUOTE_SIZE - 2, "\xc3\xbc");
    assert_int_equal(strlen(sec_quote(text, quoted)), SEC_QUOTE_SIZE - 2);
}

static void test_cut_sentence(void **state)
{
    SecFailure failure;
    char text[2 * SEC_SENTENCE_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    sec_failure_set(&failure, 7, "%s", text);
    assert_int_equal(failure.code, 7);
    assert_int_equal(strlen(failure.sentence), SEC_SENTENCE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_every_error),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_cut_sentence),
    };
    return cmocka_run_group_tests_name("krb5-error", tests, NULL, NULL);
}
