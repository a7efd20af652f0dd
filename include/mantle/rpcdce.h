/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication and authorization services, authentication and impersonation levels, and explicit
 * identities. Values: com/com-authentication-level-constants, com/com-impersonation-level-constants,
 * com/com-authentication-service-constants, com/com-authorization-constants of the Win32 documentation.
 */
#pragma once
#include "wtypes.h"

/* Authentication levels. DEFAULT asks for negotiation and never becomes NONE; CALL is PKT over TCP. */
#define RPC_C_AUTHN_LEVEL_DEFAULT       0
#define RPC_C_AUTHN_LEVEL_NONE          1
#define RPC_C_AUTHN_LEVEL_CONNECT       2
#define RPC_C_AUTHN_LEVEL_CALL          3
#define RPC_C_AUTHN_LEVEL_PKT           4
#define RPC_C_AUTHN_LEVEL_PKT_INTEGRITY 5
#define RPC_C_AUTHN_LEVEL_PKT_PRIVACY   6

/* Impersonation levels: one more than the SECURITY_IMPERSONATION_LEVEL of the token that the server gets. */
#define RPC_C_IMP_LEVEL_DEFAULT     0
#define RPC_C_IMP_LEVEL_ANONYMOUS   1
#define RPC_C_IMP_LEVEL_IDENTIFY    2
#define RPC_C_IMP_LEVEL_IMPERSONATE 3
#define RPC_C_IMP_LEVEL_DELEGATE    4

/* Authentication services. Mantle offers GSS_KERBEROS; the others are refused by name. */
#define RPC_C_AUTHN_NONE          0
#define RPC_C_AUTHN_GSS_NEGOTIATE 9
#define RPC_C_AUTHN_WINNT         10
#define RPC_C_AUTHN_GSS_SCHANNEL  14
#define RPC_C_AUTHN_GSS_KERBEROS  16
#define RPC_C_AUTHN_NETLOGON      68
#define RPC_C_AUTHN_DEFAULT       0xFFFFFFFFu

#define RPC_C_AUTHZ_NONE    0
#define RPC_C_AUTHZ_NAME    1
#define RPC_C_AUTHZ_DCE     2
#define RPC_C_AUTHZ_DEFAULT 0xFFFFFFFFu

#define RPC_C_QOS_IDENTITY_STATIC  0
#define RPC_C_QOS_IDENTITY_DYNAMIC 1

#define RPC_C_QOS_CAPABILITIES_DEFAULT                     0x00
#define RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH                 0x01
#define RPC_C_QOS_CAPABILITIES_MAKE_FULLSIC                0x02
#define RPC_C_QOS_CAPABILITIES_ANY_AUTHORITY               0x04
#define RPC_C_QOS_CAPABILITIES_IGNORE_DELEGATE_FAILURE     0x08
#define RPC_C_QOS_CAPABILITIES_LOCAL_MA_HINT               0x10
#define RPC_C_QOS_CAPABILITIES_SCHANNEL_FULL_AUTH_IDENTITY 0x20

typedef void *RPC_AUTH_IDENTITY_HANDLE;
typedef void *RPC_AUTHZ_HANDLE;

#define SEC_WINNT_AUTH_IDENTITY_ANSI    0x1
#define SEC_WINNT_AUTH_IDENTITY_UNICODE 0x2
/* Mantle's own, beside either of them and for RPC_C_AUTHN_WINNT only: the password is given as its NT hash, 32
 * hexadecimal digits. */
#define MANTLE_AUTH_IDENTITY_NT_HASH 0x10000000

/*
 * An explicit identity: user name, realm (Domain; NULL or empty where the user is "user@REALM") and password,
 * in characters without the NUL. A realm must be named. Flags says which character type all three have.
 * Mantle copies it and wipes its copy; the caller's may be wiped after the call.
 */
typedef struct _SEC_WINNT_AUTH_IDENTITY_W {
    unsigned short *User;
    ULONG UserLength;
    unsigned short *Domain;
    ULONG DomainLength;
    unsigned short *Password;
    ULONG PasswordLength;
    ULONG Flags; /* SEC_WINNT_AUTH_IDENTITY_UNICODE */
} SEC_WINNT_AUTH_IDENTITY_W, *PSEC_WINNT_AUTH_IDENTITY_W;

typedef struct _SEC_WINNT_AUTH_IDENTITY_A {
    unsigned char *User;
    ULONG UserLength;
    unsigned char *Domain;
    ULONG DomainLength;
    unsigned char *Password;
    ULONG PasswordLength;
    ULONG Flags; /* SEC_WINNT_AUTH_IDENTITY_ANSI: UTF-8 */
} SEC_WINNT_AUTH_IDENTITY_A, *PSEC_WINNT_AUTH_IDENTITY_A;

typedef SEC_WINNT_AUTH_IDENTITY_W SEC_WINNT_AUTH_IDENTITY, *PSEC_WINNT_AUTH_IDENTITY;

#define SEC_WINNT_AUTH_IDENTITY_VERSION 0x200

/* As above, told apart by its first member; PackageList is "Kerberos", "Negotiate", or a list of such names
 * with '!' before those not wanted. A list without Kerberos is refused. */
typedef struct _SEC_WINNT_AUTH_IDENTITY_EXW {
    ULONG Version; /* SEC_WINNT_AUTH_IDENTITY_VERSION */
    ULONG Length;  /* sizeof this structure */
    unsigned short *User;
    ULONG UserLength;
    unsigned short *Domain;
    ULONG DomainLength;
    unsigned short *Password;
    ULONG PasswordLength;
    ULONG Flags;
    unsigned short *PackageList;
    ULONG PackageListLength;
} SEC_WINNT_AUTH_IDENTITY_EXW, *PSEC_WINNT_AUTH_IDENTITY_EXW;

typedef SEC_WINNT_AUTH_IDENTITY_EXW SEC_WINNT_AUTH_IDENTITY_EX, *PSEC_WINNT_AUTH_IDENTITY_EX;
