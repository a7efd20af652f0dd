/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ntlm-winbind.c uses of libwbclient.so.0, Samba's interface to winbindd, as the ABI of its versions
 * 0.12 and later has it (they only add). The library is loaded when the first caller is to be verified by it:
 * machines without winbindd need neither it nor its headers.
 */
#pragma once
#include <stdint.h>

#define WBC_SONAME         "libwbclient.so.0"
#define WBC_SUBAUTHS_MAX   15
#define WBC_CHALLENGE      8u
#define WBC_SESSION_KEY    16u
#define WBC_LEVEL_RESPONSE 3
/* parameter_control: accounts of machines are callers like others. */
#define WBC_ALLOW_SERVER_TRUST      0x00000020u
#define WBC_ALLOW_WORKSTATION_TRUST 0x00000800u
/* user_flags */
#define WBC_USER_GUEST         0x00000001u
#define WBC_USER_NO_ENCRYPTION 0x00000002u
#define WBC_USER_LM_PASSWORD   0x00000008u
/* attributes of a group */
#define WBC_GROUP_ENABLED   0x00000004u
#define WBC_GROUP_DENY_ONLY 0x00000010u

/* wbcErr, as far as it matters. */
enum {
    WBC_SUCCESS = 0,
    WBC_NO_MEMORY = 3,
    WBC_WINBIND_NOT_AVAILABLE = 6,
    WBC_DOMAIN_NOT_FOUND = 7,
    WBC_AUTH_ERROR = 10,
    WBC_UNKNOWN_USER = 11
};

typedef struct WbcContext WbcContext;

typedef struct WbcSid {
    uint8_t revision, count;
    uint8_t authority[6]; /* big-endian */
    uint32_t subauthorities[WBC_SUBAUTHS_MAX];
} WbcSid;

typedef struct WbcGroup {
    WbcSid sid;
    uint32_t attributes;
} WbcGroup;

typedef struct WbcParams {
    const char *account_name, *domain_name, *workstation_name;
    uint32_t flags, parameter_control;
    int level;
    union {
        struct {
            uint8_t challenge[WBC_CHALLENGE];
            uint32_t nt_length;
            const uint8_t *nt_data;
            uint32_t lm_length;
            const uint8_t *lm_data;
        } response;
    } password;
} WbcParams;

typedef struct WbcUser {
    uint32_t user_flags;
    char *account_name, *user_principal, *full_name, *domain_name, *dns_domain_name;
    uint32_t account_flags;
    uint8_t session_key[WBC_SESSION_KEY], lm_session_key[8];
    uint16_t logon_count, bad_password_count;
    uint64_t times[6];
    char *texts[5];
    uint32_t sid_count;
    WbcGroup *sids; /* the account's, its primary group's, those of the others */
} WbcUser;

typedef struct WbcError {
    uint32_t nt_status;
    char *nt_string;
    int32_t pam_error;
    char *display_string;
    uint8_t authoritative;
} WbcError;

typedef struct WbcLibrary {
    WbcContext *(*context_new)(void);
    void (*context_free)(WbcContext *context);
    int (*authenticate)(WbcContext *context, const WbcParams *params, WbcUser **ret_user,
                        WbcError **ret_error);
    void (*free)(void *memory);
} WbcLibrary;
