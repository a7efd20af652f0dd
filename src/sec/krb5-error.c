/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of libkrb5 and of KDCs as documented codes and sentences: facts/cloaking 1.3, as one table. */
#include <errno.h>
#include <winerror.h>
#include <stdio.h>
#include "sec/krb5-private.h"

#define ROLE(role) (1u << KERBEROS_##role)
#define AT_KDC     (ROLE(LOGON) | ROLE(TICKET) | ROLE(SERVICE) | ROLE(FORWARD))
#define EVERY      (AT_KDC | ROLE(INITIATE) | ROLE(ACCEPT))

typedef struct ErrorRow {
    krb5_error_code error;
    unsigned roles;
    uint32_t code;
    const char *reason, *advice;
} ErrorRow;

#define U(code) ((uint32_t)(code))

/* The first row that fits decides. */
static const ErrorRow rows[] = {
    {KRB5_KDC_UNREACH, ROLE(LOGON), ERROR_NO_LOGON_SERVERS, "no KDC of the realm can be reached",
     "start the KDC or correct the kdc entry of the realm in krb5.conf"},
    {KRB5_REALM_UNKNOWN, ROLE(LOGON), ERROR_NO_SUCH_DOMAIN, "krb5.conf names no KDC for the realm",
     "correct the realm, or add a kdc entry for it to [realms] in krb5.conf"},
    {KRB5KRB_AP_ERR_SKEW, ROLE(LOGON), ERROR_TIME_SKEW, "the clocks differ by more than five minutes",
     "set both machines' clocks"},
    {KRB5_KDCREP_SKEW, ROLE(LOGON), ERROR_TIME_SKEW, "the clocks differ by more than five minutes",
     "set both machines' clocks"},
    {KRB5_KDC_UNREACH, EVERY, U(SEC_E_NO_AUTHENTICATING_AUTHORITY), "no KDC of the realm can be reached",
     "start the KDC or correct the kdc entry of the realm in krb5.conf"},
    {KRB5_REALM_UNKNOWN, EVERY, U(SEC_E_NO_AUTHENTICATING_AUTHORITY), "krb5.conf names no KDC for the realm",
     "add a kdc entry for the realm to [realms] in krb5.conf"},
    {KRB5_REALM_CANT_RESOLVE, EVERY, U(SEC_E_NO_AUTHENTICATING_AUTHORITY),
     "no KDC of the realm can be reached", "add a kdc entry for the realm to [realms] in krb5.conf"},
    {KRB5KDC_ERR_SVC_UNAVAILABLE, AT_KDC, U(SEC_E_NO_AUTHENTICATING_AUTHORITY),
     "the KDC is not able to serve now", "try again, or look into the KDC's log"},

    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ROLE(LOGON), ERROR_LOGON_FAILURE, "the KDC knows no such account",
     "correct the name or the realm"},
    {KRB5KDC_ERR_PREAUTH_FAILED, ROLE(LOGON), ERROR_LOGON_FAILURE, "the password is wrong", "correct it"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, ROLE(LOGON), ERROR_LOGON_FAILURE, "the password is wrong", "correct it"},
    {KRB5KDC_ERR_CLIENT_REVOKED, ROLE(LOGON), ERROR_ACCOUNT_DISABLED, "the account is disabled or locked",
     "enable it at the KDC"},
    {KRB5KDC_ERR_KEY_EXP, ROLE(LOGON), ERROR_PASSWORD_EXPIRED, "the password has expired", "change it"},
    {KRB5KDC_ERR_NAME_EXP, ROLE(LOGON), ERROR_ACCOUNT_RESTRICTION, "the account has expired",
     "extend it at the KDC"},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the KDC knows no such account",
     "create the account or correct the principal"},
    {KRB5KDC_ERR_PREAUTH_FAILED, AT_KDC, U(SEC_E_NO_CREDENTIALS),
     "the key or password is not the account's any more", "write a new keytab, or log on again"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, ROLE(TICKET), U(SEC_E_NO_CREDENTIALS),
     "the key or password is not the account's any more", "write a new keytab, or log on again"},
    {KRB5KDC_ERR_CLIENT_REVOKED, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the account is disabled or locked",
     "enable it at the KDC"},
    {KRB5KDC_ERR_KEY_EXP, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the account's password has expired", "change it"},
    {KRB5KDC_ERR_NAME_EXP, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the account has expired",
     "extend it at the KDC"},
    {KRB5KDC_ERR_TGT_REVOKED, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the KDC revoked the ticket", "log on again"},
    {KRB5_KT_NOTFOUND, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the keytab has no key for that principal",
     "write one, or correct the principal"},
    {KRB5_CC_NOTFOUND, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the ticket cache holds no ticket-granting ticket",
     "run kinit"},
    {KRB5_PRINC_NOMATCH, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the ticket cache belongs to somebody else",
     "log on again, or give each user a cache"},
    {KRB5_FCC_NOFILE, AT_KDC, U(SEC_E_NO_CREDENTIALS), "there is no ticket cache", "run kinit"},
    {KRB5_KT_NOTFOUND, ROLE(ACCEPT), U(SEC_E_WRONG_PRINCIPAL),
     "this machine's keytab has no key for the ticket", "write the service's present key to the keytab"},
    {ENOENT, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the keytab or ticket cache does not exist",
     "create it, or correct its path"},
    {EACCES, AT_KDC, U(SEC_E_NO_CREDENTIALS), "the keytab or ticket cache may not be read by this process",
     "give it to the account this process runs as"},

    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, AT_KDC, U(SEC_E_TARGET_UNKNOWN), "the KDC knows no such service",
     "create the service's principal, or correct the name that was called"},
    {KRB5KDC_ERR_MUST_USE_USER2USER, AT_KDC, U(SEC_E_TARGET_UNKNOWN), "that account is not a service",
     "call a service's principal"},
    {KRB5_ERR_HOST_REALM_UNKNOWN, AT_KDC, U(SEC_E_TARGET_UNKNOWN), "the realm of that host is not known",
     "add the host's domain to [domain_realm] in krb5.conf"},
    {KRB5KDC_ERR_PRINCIPAL_NOT_UNIQUE, AT_KDC, U(SEC_E_TARGET_UNKNOWN),
     "several accounts carry that service name", "remove it from all but one"},
    {KRB5KDC_ERR_BADOPTION, ROLE(FORWARD), RPC_S_SEC_PKG_ERROR, "the KDC does not forward this ticket",
     "clear \"sensitive, cannot be delegated\" on the account, or take the ticket with kinit -f"},
    {KRB5KDC_ERR_POLICY, AT_KDC, U(SEC_E_LOGON_DENIED), "the KDC's policy forbids it",
     "change the policy at the KDC"},
    {KRB5KDC_ERR_ETYPE_NOSUPP, AT_KDC, U(SEC_E_KDC_UNKNOWN_ETYPE), "the KDC has no AES key for one of both",
     "give the account AES keys"},

    {KRB5KRB_AP_ERR_SKEW, EVERY, U(SEC_E_TIME_SKEW), "the clocks differ by more than five minutes",
     "set both machines' clocks"},
    {KRB5_KDCREP_SKEW, EVERY, U(SEC_E_TIME_SKEW), "the clocks differ by more than five minutes",
     "set both machines' clocks"},
    {KRB5KRB_AP_ERR_TKT_NYV, EVERY, U(SEC_E_TIME_SKEW), "the ticket is not valid yet there",
     "set both machines' clocks"},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, EVERY, U(SEC_E_NO_CREDENTIALS), "the ticket has expired",
     "log on again (kinit)"},

    {KRB5KRB_AP_ERR_MODIFIED, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL),
     "the server cannot decrypt the ticket",
     "write the service's present key to the server's keytab, or call it by its own name"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL),
     "the server cannot decrypt the ticket",
     "write the service's present key to the server's keytab, or call it by its own name"},
    {KRB5KRB_AP_ERR_NOKEY, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL), "the server has no key for the ticket",
     "write the service's present key to the server's keytab, or call it by its own name"},
    {KRB5KRB_AP_ERR_BADKEYVER, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL),
     "the server's key has another version", "write the service's present key to the server's keytab"},
    {KRB5KRB_AP_ERR_NOT_US, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL), "the ticket is for another service",
     "call the service by its own name"},
    {KRB5_MUTUAL_FAILED, ROLE(INITIATE), U(SEC_E_WRONG_PRINCIPAL), "the server could not prove who it is",
     "call the service by its own name"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, ROLE(ACCEPT), U(SEC_E_WRONG_PRINCIPAL),
     "this machine's keytab has another key", "write the service's present key to the keytab"},
    {KRB5KRB_AP_ERR_NOT_US, ROLE(ACCEPT), U(SEC_E_WRONG_PRINCIPAL), "the ticket is for another service",
     "write the service's key to the keytab, or let the client call another name"},
    {KRB5KRB_AP_ERR_BADKEYVER, ROLE(ACCEPT), U(SEC_E_WRONG_PRINCIPAL),
     "the ticket's key version is not in the keytab", "write the service's present key to the keytab"},
    {KRB5KRB_AP_ERR_MSG_TYPE, ROLE(INITIATE) | ROLE(ACCEPT), U(SEC_E_INVALID_TOKEN),
     "that is no Kerberos token", "use Kerberos at both ends"},
    {KRB5KRB_AP_ERR_BADVERSION, ROLE(INITIATE) | ROLE(ACCEPT), U(SEC_E_INVALID_TOKEN),
     "that is no Kerberos token", "use Kerberos at both ends"},
    {KRB5KRB_AP_ERR_INAPP_CKSUM, ROLE(ACCEPT), U(SEC_E_INVALID_TOKEN), "the token is not one of DCE/RPC",
     "correct the client's Kerberos library"},
    {KRB5KRB_AP_ERR_MODIFIED, ROLE(ACCEPT), U(SEC_E_LOGON_DENIED),
     "the ticket or its PAC was changed or is signed with another key",
     "write the service's present key to the keytab"},
    {KRB5KRB_AP_WRONG_PRINC, ROLE(ACCEPT), U(SEC_E_LOGON_DENIED),
     "the PAC in the ticket is another account's", "nothing: a forgery was refused"},
    {KRB5KRB_AP_ERR_BADMATCH, ROLE(ACCEPT), U(SEC_E_LOGON_DENIED),
     "the ticket's PAC or the delegated ticket is not what belongs to it", "correct the client or the KDC"},
    {KRB5KRB_AP_ERR_METHOD, ROLE(ACCEPT), U(SEC_E_LOGON_DENIED),
     "the client did not ask for mutual authentication",
     "correct the client: [MS-KILE] demands it in DCE style"},
    {KRB5_MUTUAL_FAILED, ROLE(ACCEPT), U(SEC_E_LOGON_DENIED), "the third leg does not answer the second",
     "nothing: a replay was refused"},
    {KRB5_NOPERM_ETYPE, EVERY, U(SEC_E_LOGON_DENIED), "its key type is not allowed here",
     "give the account AES keys, or set allow_rc4"},
    {ASN1_BAD_ID, ROLE(INITIATE) | ROLE(ACCEPT), U(SEC_E_INVALID_TOKEN), "the token is malformed",
     "use Kerberos at both ends"},
    {ENOMEM, EVERY, U(SEC_E_INSUFFICIENT_MEMORY), "memory is exhausted", "give this process more"},
};

typedef struct RoleRow {
    const char *format; /* who, target */
    uint32_t code;      /* when no row above fits */
} RoleRow;

static const RoleRow role_rows[] = {
    [KERBEROS_LOGON] = {"%s%s cannot log on", ERROR_LOGON_FAILURE},
    [KERBEROS_TICKET] = {"%s%s cannot get its own ticket", U(SEC_E_NO_CREDENTIALS)},
    [KERBEROS_SERVICE] = {"%s cannot get a ticket for %s", U(SEC_E_NO_CREDENTIALS)},
    [KERBEROS_FORWARD] = {"%s cannot be delegated to %s", RPC_S_SEC_PKG_ERROR},
    [KERBEROS_INITIATE] = {"%s cannot authenticate to %s", U(SEC_E_LOGON_DENIED)},
    [KERBEROS_ACCEPT] = {"%s%s is refused", U(SEC_E_LOGON_DENIED)},
};

void kerberos_failure(krb5_context context, krb5_error_code error, KerberosRole role, const char *who,
                      const char *target, const char *detail, SecFailure *failure)
{
    char who_text[SEC_QUOTE_SIZE] = "", target_text[SEC_QUOTE_SIZE] = "", lead[2 * SEC_QUOTE_SIZE + 64];
    bool pair = role == KERBEROS_SERVICE || role == KERBEROS_FORWARD || role == KERBEROS_INITIATE;
    (void)sec_quote(who ? who : role == KERBEROS_ACCEPT ? "a client" : "this process", who_text);
    if (pair) (void)sec_quote(target ? target : "the server", target_text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(lead, sizeof(lead), role_rows[role].format, who_text, target_text);
#pragma GCC diagnostic pop
    char number[32];
    (void)snprintf(number, sizeof(number), "Kerberos error %d", (int)error);
    if (!detail) detail = number;
    /* All that the decoder can dislike is one cause. */
    if (error >= ERROR_TABLE_BASE_asn1 && error < ERROR_TABLE_BASE_asn1 + 128) error = ASN1_BAD_ID;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].error == error && rows[i].roles & 1u << role) {
            sec_failure_set(failure, rows[i].code, "%s: %s (%s); %s", lead, rows[i].reason, detail,
                            rows[i].advice);
            return;
        }
    char message_text[SEC_QUOTE_SIZE];
    const char *message = krb5_get_error_message(context, error);
    sec_failure_set(failure, role_rows[role].code, "%s: %s (%s)", lead, sec_quote(message, message_text),
                    detail);
    krb5_free_error_message(context, message);
}
