/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a token: GetTokenInformation, and SIDs in their binary form. */
#include <stdlib.h>
#include <string.h>
#include "base/utf16.h"
#include "base/writer.h"
#include "com/handle.h"
#include "rpcdce.h"
#include "sddl.h"
#include "securitybaseapi.h"
#include "winbase.h"
#include "winerror.h"

#define EPOCH_DIFFERENCE 11644473600ll /* seconds from 1601 to 1970 */
#define TICKS_PER_SECOND 10000000ll

_Static_assert(TokenPrimary == (int)TOKEN_KIND_PRIMARY && SecurityDelegation == (int)TOKEN_LEVEL_DELEGATION,
               "same numbers");

/* The caller's buffer: a structure, then the SIDs it points to. Counts on when it is full, so that the size
 * is known. */
typedef struct InfoBuffer {
    uint8_t *data;
    size_t capacity, used;
} InfoBuffer;

/* NULL when it does not fit. Sizes are multiples of 4, structures come first. */
static void *info_take(InfoBuffer *buffer, size_t size)
{
    size_t start = buffer->used;

    buffer->used += size;
    return buffer->data && buffer->used <= buffer->capacity ? buffer->data + start : NULL;
}

static PSID info_sid(InfoBuffer *buffer, const Sid *sid)
{
    size_t size = 8 + 4u * sid->count;
    uint8_t *place = info_take(buffer, size);
    Writer writer;

    if (!place) return NULL;
    writer_init_fixed(&writer, place, size);
    sid_write(&writer, sid);
    return place;
}

static void info_user(InfoBuffer *buffer, const Token *token)
{
    TOKEN_USER *user = info_take(buffer, sizeof(*user));
    PSID sid = info_sid(buffer, token_user(token));

    if (user) *user = (TOKEN_USER){.User = {.Sid = sid}};
}

static void info_owner(InfoBuffer *buffer, const Token *token)
{
    TOKEN_OWNER *owner = info_take(buffer, sizeof(*owner));
    PSID sid = info_sid(buffer, token_user(token));

    if (owner) owner->Owner = sid;
}

static void info_groups(InfoBuffer *buffer, const Token *token)
{
    size_t count, size;
    const Sid *groups = token_groups(token, &count);
    TOKEN_GROUPS *target;

    /* At least the structure itself, as on Windows: callers allocate sizeof(TOKEN_GROUPS). */
    size = sizeof(*target) + (count > 1 ? count - 1 : 0) * sizeof(target->Groups[0]);
    target = info_take(buffer, size);
    if (target) *target = (TOKEN_GROUPS){.GroupCount = (DWORD)count};
    for (size_t i = 0; i < count; i++) {
        PSID sid = info_sid(buffer, &groups[i]);
        if (target)
            target->Groups[i] = (SID_AND_ATTRIBUTES){sid, SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT |
                                                              SE_GROUP_ENABLED};
    }
}

static void info_number(InfoBuffer *buffer, DWORD value)
{
    DWORD *target = info_take(buffer, sizeof(*target));

    if (target) *target = value;
}

static LUID luid_from(uint64_t value)
{
    return (LUID){.LowPart = (DWORD)value, .HighPart = (LONG)(value >> 32)};
}

static int64_t ticks_from(int64_t seconds)
{
    int64_t ticks;

    if (__builtin_add_overflow(seconds, EPOCH_DIFFERENCE, &ticks) ||
        __builtin_mul_overflow(ticks, TICKS_PER_SECOND, &ticks))
        return INT64_MAX;
    return ticks;
}

static void info_statistics(InfoBuffer *buffer, const Token *token)
{
    bool impersonation = token_kind(token) == TOKEN_KIND_IMPERSONATION;
    TOKEN_STATISTICS *target = info_take(buffer, sizeof(*target));
    size_t groups;

    if (!target) return;
    (void)token_groups(token, &groups);
    *target = (TOKEN_STATISTICS){
        /* Tokens never change, so the state is the token. */
        .TokenId = luid_from(token_modified_id(token)),
        .AuthenticationId = luid_from(token_authentication_id(token)),
        .ExpirationTime.QuadPart = ticks_from(token_expires(token)),
        .TokenType = (TOKEN_TYPE)token_kind(token),
        .ImpersonationLevel =
            impersonation ? (SECURITY_IMPERSONATION_LEVEL)token_level(token) : SecurityAnonymous,
        .GroupCount = (DWORD)groups,
        .ModifiedId = luid_from(token_modified_id(token)),
    };
}

static void info_source(InfoBuffer *buffer, const Token *token)
{
    TOKEN_SOURCE *target = info_take(buffer, sizeof(*target));
    const char *name = token_service(token) == RPC_C_AUTHN_GSS_KERBEROS ? "Kerberos"
                       : token_service(token) == RPC_C_AUTHN_WINNT      ? "NtLmSsp"
                                                                        : "Mantle";

    if (!target) return;
    *target = (TOKEN_SOURCE){.SourceIdentifier = luid_from(token_service(token))};
    memcpy(target->SourceName, name, strlen(name)); /* eight characters at most */
}

static DWORD info_fill(InfoBuffer *buffer, const Token *token, TOKEN_INFORMATION_CLASS class)
{
    switch (class) {
    case TokenUser:
        info_user(buffer, token);
        return ERROR_SUCCESS;
    case TokenGroups:
        info_groups(buffer, token);
        return ERROR_SUCCESS;
    case TokenOwner:
        info_owner(buffer, token);
        return ERROR_SUCCESS;
    case TokenType:
        info_number(buffer, token_kind(token));
        return ERROR_SUCCESS;
    case TokenImpersonationLevel:
        if (token_kind(token) != TOKEN_KIND_IMPERSONATION) return ERROR_INVALID_PARAMETER;
        info_number(buffer, token_level(token));
        return ERROR_SUCCESS;
    case TokenStatistics:
        info_statistics(buffer, token);
        return ERROR_SUCCESS;
    case TokenSource:
        info_source(buffer, token);
        return ERROR_SUCCESS;
    case TokenPrivileges:
    case TokenPrimaryGroup:
    case TokenDefaultDacl:
        return ERROR_NOT_SUPPORTED;
    }
    return ERROR_NOT_SUPPORTED;
}

BOOL GetTokenInformation(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
                         LPVOID TokenInformation, DWORD TokenInformationLength, PDWORD ReturnLength)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    InfoBuffer measure = {0}, buffer = {.data = TokenInformation, .capacity = TokenInformationLength};
    DWORD error;

    if (!ReturnLength)
        error = ERROR_INVALID_PARAMETER;
    else
        error =
            handle_token(TokenHandle, TokenInformationClass == TokenSource ? TOKEN_QUERY_SOURCE : TOKEN_QUERY,
                         &token, NULL);
    if (!error) error = info_fill(&measure, token, TokenInformationClass);
    if (!error) {
        *ReturnLength = (DWORD)measure.used;
        /* Nothing is written unless everything fits. */
        if (!TokenInformation || TokenInformationLength < measure.used) error = ERROR_INSUFFICIENT_BUFFER;
    }
    if (error) {
        SetLastError(error);
        return FALSE;
    }
    (void)info_fill(&buffer, token, TokenInformationClass); /* as the first time */
    return TRUE;
}

BOOL IsValidSid(PSID pSid)
{
    const SID *sid = pSid;

    return sid && sid->Revision == SID_REVISION && sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

DWORD GetLengthSid(PSID pSid)
{
    const SID *sid = pSid;

    return 8 + 4u * sid->SubAuthorityCount;
}

BOOL EqualSid(PSID pSid1, PSID pSid2)
{
    if (!IsValidSid(pSid1) || !IsValidSid(pSid2)) {
        SetLastError(ERROR_INVALID_SID);
        return FALSE;
    }
    return GetLengthSid(pSid1) == GetLengthSid(pSid2) && memcmp(pSid1, pSid2, GetLengthSid(pSid1)) == 0;
}

static DWORD sid_to_text(PSID source, LPWSTR *ret_text)
{
    _cleanup_(freep) char16_t *wide = NULL;
    char text[SID_STRING_SIZE];
    size_t length;
    Reader reader;
    LPWSTR copy;
    Sid sid;

    if (!IsValidSid(source)) return ERROR_INVALID_SID;
    reader_init(&reader, source, GetLengthSid(source));
    sid_read(&reader, &sid);
    if (reader_end(&reader) < 0) return ERROR_INVALID_SID;
    sid_format(&sid, text);
    if (utf16_from_utf8(text, &wide, &length) < 0) return ERROR_NOT_ENOUGH_MEMORY;
    copy = GlobalAlloc(GMEM_FIXED, (length + 1) * sizeof(*copy));
    if (!copy) return ERROR_NOT_ENOUGH_MEMORY;
    memcpy(copy, wide, (length + 1) * sizeof(*copy));
    *ret_text = copy;
    return ERROR_SUCCESS;
}

BOOL ConvertSidToStringSidW(PSID pSid, LPWSTR *StringSid)
{
    DWORD error = StringSid ? sid_to_text(pSid, StringSid) : ERROR_INVALID_PARAMETER;

    if (error) SetLastError(error);
    return !error;
}
