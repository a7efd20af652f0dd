/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs, tokens and what GetTokenInformation tells about them; values as on Windows ([MS-DTYP], sdk:TOKEN_*).
 */
#pragma once
#include "windef.h"

#define DELETE                   0x00010000u
#define READ_CONTROL             0x00020000u
#define STANDARD_RIGHTS_REQUIRED 0x000F0000u
#define STANDARD_RIGHTS_READ     READ_CONTROL
#define MAXIMUM_ALLOWED          0x02000000u

#define TOKEN_ASSIGN_PRIMARY    0x0001u
#define TOKEN_DUPLICATE         0x0002u
#define TOKEN_IMPERSONATE       0x0004u
#define TOKEN_QUERY             0x0008u
#define TOKEN_QUERY_SOURCE      0x0010u
#define TOKEN_ADJUST_PRIVILEGES 0x0020u
#define TOKEN_ADJUST_GROUPS     0x0040u
#define TOKEN_ADJUST_DEFAULT    0x0080u
#define TOKEN_ADJUST_SESSIONID  0x0100u
#define TOKEN_READ              (STANDARD_RIGHTS_READ | TOKEN_QUERY)
#define TOKEN_ALL_ACCESS        (STANDARD_RIGHTS_REQUIRED | 0x01FFu)

#define SID_REVISION                1
#define SID_MAX_SUB_AUTHORITIES     15
#define SECURITY_MAX_SID_SIZE       (8 + SID_MAX_SUB_AUTHORITIES * 4)
#define SE_GROUP_MANDATORY          0x00000001u
#define SE_GROUP_ENABLED_BY_DEFAULT 0x00000002u
#define SE_GROUP_ENABLED            0x00000004u

typedef void *PSID;
typedef void *PSECURITY_DESCRIPTOR;

typedef struct _SID_IDENTIFIER_AUTHORITY {
    BYTE Value[6]; /* the most significant byte first */
} SID_IDENTIFIER_AUTHORITY, *PSID_IDENTIFIER_AUTHORITY;

typedef struct _SID {
    BYTE Revision;
    BYTE SubAuthorityCount;
    SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
    DWORD SubAuthority[1]; /* SubAuthorityCount of them */
} SID, *PISID;

typedef struct _SID_AND_ATTRIBUTES {
    PSID Sid;
    DWORD Attributes;
} SID_AND_ATTRIBUTES, *PSID_AND_ATTRIBUTES;

/* Takes no descriptor yet: lpSecurityDescriptor must be NULL where this is a parameter. */
typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

typedef enum _SECURITY_IMPERSONATION_LEVEL {
    SecurityAnonymous = 0,
    SecurityIdentification = 1,
    SecurityImpersonation = 2,
    SecurityDelegation = 3,
} SECURITY_IMPERSONATION_LEVEL,
    *PSECURITY_IMPERSONATION_LEVEL;

typedef enum _TOKEN_TYPE { TokenPrimary = 1, TokenImpersonation = 2 } TOKEN_TYPE, *PTOKEN_TYPE;

/* GetTokenInformation answers the classes whose structure stands here; for the others ERROR_NOT_SUPPORTED. */
typedef enum _TOKEN_INFORMATION_CLASS {
    TokenUser = 1,   /* TOKEN_USER */
    TokenGroups = 2, /* TOKEN_GROUPS */
    TokenPrivileges = 3,
    TokenOwner = 4, /* TOKEN_OWNER: the user */
    TokenPrimaryGroup = 5,
    TokenDefaultDacl = 6,
    TokenSource = 7, /* TOKEN_SOURCE; the handle needs TOKEN_QUERY_SOURCE */
    TokenType = 8,               /* TOKEN_TYPE */
    TokenImpersonationLevel = 9, /* SECURITY_IMPERSONATION_LEVEL; of impersonation tokens only */
    TokenStatistics = 10,        /* TOKEN_STATISTICS */
} TOKEN_INFORMATION_CLASS,
    *PTOKEN_INFORMATION_CLASS;

/* The SIDs that these structures point to lie in the same buffer. */
typedef struct _TOKEN_USER {
    SID_AND_ATTRIBUTES User;
} TOKEN_USER, *PTOKEN_USER;

typedef struct _TOKEN_OWNER {
    PSID Owner;
} TOKEN_OWNER, *PTOKEN_OWNER;

typedef struct _TOKEN_GROUPS {
    DWORD GroupCount;
    SID_AND_ATTRIBUTES Groups[1]; /* GroupCount of them */
} TOKEN_GROUPS, *PTOKEN_GROUPS;

/* Who proved the identity: "Kerberos", "NtLmSsp", also where RPC_C_AUTHN_GSS_NEGOTIATE chose it; else "Mantle". */
#define TOKEN_SOURCE_LENGTH 8
typedef struct _TOKEN_SOURCE {
    CHAR SourceName[TOKEN_SOURCE_LENGTH]; /* not terminated where it fills the array */
    LUID SourceIdentifier;
} TOKEN_SOURCE, *PTOKEN_SOURCE;

typedef struct _TOKEN_STATISTICS {
    LUID TokenId;
    LUID AuthenticationId;        /* of the logon, or of the conversation the token came from */
    LARGE_INTEGER ExpirationTime; /* 100 ns since 1601; INT64_MAX: never */
    TOKEN_TYPE TokenType;
    SECURITY_IMPERSONATION_LEVEL ImpersonationLevel; /* of a primary token: 0 */
    DWORD DynamicCharged, DynamicAvailable;          /* 0 */
    DWORD GroupCount;
    DWORD PrivilegeCount; /* 0 */
    LUID ModifiedId;      /* two tokens with the same one are the same identity state */
} TOKEN_STATISTICS, *PTOKEN_STATISTICS;
