/* SPDX-License-Identifier: Apache-2.0 */
/* KERB_VALIDATION_INFO, the way every domain controller writes it: one NDR structure with deferred pointers.
 */
#include "kdb-module.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INFO_MAX     4096u
#define GROUPS_MAX   64
#define DOMAIN_PARTS 4  /* 21, A, B, C */
#define MEMBER       7u /* mandatory, enabled by default, enabled */
#define NEVER        INT64_MAX
#define EXTRA_SIDS   0x20u /* UserFlags: there are some */

typedef struct Buffer {
    uint8_t bytes[INFO_MAX];
    size_t length;
    bool full;
    uint32_t referents;
} Buffer;

typedef struct Account {
    uint32_t domain[DOMAIN_PARTS], rid;
    uint32_t groups[GROUPS_MAX];
    uint32_t n_groups;
} Account;

static void put(Buffer *buffer, uint64_t value, size_t size)
{
    if (buffer->length + size > INFO_MAX) {
        buffer->full = true;
        return;
    }
    for (size_t i = 0; i < size; i++)
        buffer->bytes[buffer->length++] = (uint8_t)(value >> 8 * i);
}

static void put_align(Buffer *buffer, size_t size)
{
    while (buffer->length % size && !buffer->full)
        put(buffer, 0, 1);
}

static void put_pointer(Buffer *buffer, bool set)
{
    put(buffer, set ? 0x20000 + 4 * buffer->referents++ : 0, 4);
}

/* RPC_UNICODE_STRING, and later what it points to. Names here are ASCII. */
static void put_string(Buffer *buffer, const char *text)
{
    put(buffer, 2 * strlen(text), 2);
    put(buffer, 2 * strlen(text), 2);
    put_pointer(buffer, true);
}

static void put_text(Buffer *buffer, const char *text)
{
    put_align(buffer, 4);
    put(buffer, strlen(text), 4);
    put(buffer, 0, 4);
    put(buffer, strlen(text), 4);
    for (; *text; text++)
        put(buffer, (unsigned char)*text, 2);
}

/* A conformant SID: the count of its parts, then itself. */
static void put_sid(Buffer *buffer, uint8_t authority, const uint32_t *parts, uint8_t count)
{
    put_align(buffer, 4);
    put(buffer, count, 4);
    put(buffer, 1, 1);
    put(buffer, count, 1);
    put(buffer, 0, 5);
    put(buffer, authority, 1);
    for (uint8_t i = 0; i < count; i++)
        put(buffer, parts[i], 4);
}

static void put_header(Buffer *buffer)
{
    put(buffer, 0xcccccccc00081001, 8); /* version 1, little-endian, 8 bytes */
    put(buffer, 0, 8);                  /* the length, written at last */
    put_pointer(buffer, true);
}

static void put_fixed(Buffer *buffer, const KdbAccount *account, const Account *parsed)
{
    put(buffer, 0, 8);     /* LogonTime */
    put(buffer, NEVER, 8); /* LogoffTime */
    put(buffer, NEVER, 8); /* KickOffTime */
    put(buffer, 0, 8);     /* PasswordLastSet */
    put(buffer, 0, 8);     /* PasswordCanChange */
    put(buffer, NEVER, 8); /* PasswordMustChange */
    put_string(buffer, account->name);
    for (int i = 0; i < 5; i++)
        put_string(buffer, ""); /* FullName .. HomeDirectoryDrive */
    put(buffer, 0, 4);          /* LogonCount, BadPasswordCount */
    put(buffer, parsed->rid, 4);
    put(buffer, parsed->groups[0], 4);
    put(buffer, parsed->n_groups, 4);
    put_pointer(buffer, true);
    put(buffer, EXTRA_SIDS, 4);
    put(buffer, 0, 8); /* UserSessionKey */
    put(buffer, 0, 8);
    put_string(buffer, "KDC");
    put_string(buffer, "LAB");
    put_pointer(buffer, true); /* LogonDomainId */
    put(buffer, 0, 8);
    put(buffer, account->control, 4);
    put(buffer, 0, 4); /* SubAuthStatus */
    put(buffer, 0, 8); /* LastSuccessfulILogon */
    put(buffer, 0, 8); /* LastFailedILogon */
    put(buffer, 0, 8); /* FailedILogonCount, Reserved3 */
    put(buffer, 1, 4); /* SidCount */
    put_pointer(buffer, true);
    put_pointer(buffer, false); /* ResourceGroupDomainSid */
    put(buffer, 0, 4);
    put_pointer(buffer, false);
}

static void put_referents(Buffer *buffer, const KdbAccount *account, const Account *parsed)
{
    put_text(buffer, account->name);
    for (int i = 0; i < 5; i++)
        put_text(buffer, "");
    put_align(buffer, 4);
    put(buffer, parsed->n_groups, 4);
    for (uint32_t i = 0; i < parsed->n_groups; i++) {
        put(buffer, parsed->groups[i], 4);
        put(buffer, MEMBER, 4);
    }
    put_text(buffer, "KDC");
    put_text(buffer, "LAB");
    put_sid(buffer, 5, parsed->domain, DOMAIN_PARTS);
    put_align(buffer, 4);
    put(buffer, 1, 4); /* ExtraSids */
    put_pointer(buffer, true);
    put(buffer, MEMBER, 4);
    const uint32_t asserted[] = {account->asserted};
    put_sid(buffer, 18, asserted, 1);
    put_align(buffer, 8);
}

/* A decimal number of 32 bits; `*text` is moved behind it. */
static bool take_number(const char **text, uint32_t *ret_number)
{
    char *end;
    if (**text < '0' || **text > '9') return false;
    errno = 0;
    unsigned long long number = strtoull(*text, &end, 10);
    if (errno || number > UINT32_MAX) return false;
    *ret_number = (uint32_t)number;
    *text = end;
    return true;
}

static bool parse_sid(const char *text, Account *account)
{
    if (strncmp(text, "S-1-5", 5) != 0) return false;
    text += 5;
    for (int i = 0; i <= DOMAIN_PARTS; i++)
        if (*text++ != '-' || !take_number(&text, i < DOMAIN_PARTS ? &account->domain[i] : &account->rid))
            return false;
    return *text == '\0';
}

static bool parse_groups(const char *text, Account *account)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " "))
        if (account->n_groups == GROUPS_MAX || !take_number(&text, &account->groups[account->n_groups++]))
            return false;
    return account->n_groups > 0;
}

int kdb_logon_info(const KdbAccount *account, krb5_data *ret_data)
{
    Account parsed = {.n_groups = 0};
    if (!parse_sid(account->sid, &parsed) || !parse_groups(account->groups, &parsed)) return EINVAL;
    Buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer) return ENOMEM;
    put_header(buffer);
    put_fixed(buffer, account, &parsed);
    put_referents(buffer, account, &parsed);
    size_t length = buffer->length;
    buffer->length = 8;
    put(buffer, length - 16, 4);
    if (buffer->full) {
        free(buffer);
        return EINVAL;
    }
    *ret_data = (krb5_data){.magic = KV5M_DATA, .data = (char *)buffer, .length = (unsigned)length};
    return 0;
}
