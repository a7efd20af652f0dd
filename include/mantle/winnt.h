/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs, tokens and what GetTokenInformation tells about them, access control lists and security descriptors;
 * values and layouts as on Windows ([MS-DTYP], sdk:TOKEN_*). */
#pragma once
#include "windef.h"

#define DELETE                   0x00010000u
#define READ_CONTROL             0x00020000u
#define WRITE_DAC                0x00040000u
#define WRITE_OWNER              0x00080000u
#define SYNCHRONIZE              0x00100000u
#define STANDARD_RIGHTS_REQUIRED 0x000F0000u
#define STANDARD_RIGHTS_READ     READ_CONTROL
#define STANDARD_RIGHTS_WRITE    READ_CONTROL
#define STANDARD_RIGHTS_EXECUTE  READ_CONTROL
#define STANDARD_RIGHTS_ALL      0x001F0000u
#define SPECIFIC_RIGHTS_ALL      0x0000FFFFu
#define ACCESS_SYSTEM_SECURITY   0x01000000u
#define MAXIMUM_ALLOWED          0x02000000u
#define GENERIC_ALL              0x10000000u
#define GENERIC_EXECUTE          0x20000000u
#define GENERIC_WRITE            0x40000000u
#define GENERIC_READ             0x80000000u

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

#define SECURITY_NULL_SID_AUTHORITY                                                                          \
    {                                                                                                        \
        {                                                                                                    \
            0, 0, 0, 0, 0, 0                                                                                 \
        }                                                                                                    \
    }
#define SECURITY_WORLD_SID_AUTHORITY                                                                         \
    {                                                                                                        \
        {                                                                                                    \
            0, 0, 0, 0, 0, 1                                                                                 \
        }                                                                                                    \
    }
#define SECURITY_LOCAL_SID_AUTHORITY                                                                         \
    {                                                                                                        \
        {                                                                                                    \
            0, 0, 0, 0, 0, 2                                                                                 \
        }                                                                                                    \
    }
#define SECURITY_CREATOR_SID_AUTHORITY                                                                       \
    {                                                                                                        \
        {                                                                                                    \
            0, 0, 0, 0, 0, 3                                                                                 \
        }                                                                                                    \
    }
#define SECURITY_NT_AUTHORITY                                                                                \
    {                                                                                                        \
        {                                                                                                    \
            0, 0, 0, 0, 0, 5                                                                                 \
        }                                                                                                    \
    }

#define SECURITY_WORLD_RID              0x00u
#define SECURITY_LOCAL_RID              0x00u
#define SECURITY_CREATOR_OWNER_RID      0x00u
#define SECURITY_CREATOR_GROUP_RID      0x01u
#define SECURITY_NETWORK_RID            0x02u
#define SECURITY_INTERACTIVE_RID        0x04u
#define SECURITY_SERVICE_RID            0x06u
#define SECURITY_ANONYMOUS_LOGON_RID    0x07u
#define SECURITY_PRINCIPAL_SELF_RID     0x0Au
#define SECURITY_AUTHENTICATED_USER_RID 0x0Bu
#define SECURITY_LOCAL_SYSTEM_RID       0x12u
#define SECURITY_LOCAL_SERVICE_RID      0x13u
#define SECURITY_NETWORK_SERVICE_RID    0x14u
#define SECURITY_BUILTIN_DOMAIN_RID     0x20u
#define DOMAIN_ALIAS_RID_ADMINS         0x220u
#define DOMAIN_ALIAS_RID_USERS          0x221u
#define DOMAIN_ALIAS_RID_GUESTS         0x222u
#define DOMAIN_ALIAS_RID_POWER_USERS    0x223u
#define DOMAIN_ALIAS_RID_DCOM_USERS     0x232u

typedef void *PSID;
typedef void *PSECURITY_DESCRIPTOR;
typedef DWORD ACCESS_MASK, *PACCESS_MASK;
typedef DWORD SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef WORD SECURITY_DESCRIPTOR_CONTROL, *PSECURITY_DESCRIPTOR_CONTROL;

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

/* The SIDs that CreateWellKnownSid makes. */
typedef enum {
    WinNullSid = 0,
    WinWorldSid = 1,
    WinLocalSid = 2,
    WinCreatorOwnerSid = 3,
    WinCreatorGroupSid = 4,
    WinNetworkSid = 8,
    WinInteractiveSid = 10,
    WinServiceSid = 11,
    WinAnonymousSid = 12,
    WinSelfSid = 14,
    WinAuthenticatedUserSid = 15,
    WinLocalSystemSid = 22,
    WinLocalServiceSid = 23,
    WinNetworkServiceSid = 24,
    WinBuiltinAdministratorsSid = 26,
    WinBuiltinUsersSid = 27,
    WinBuiltinGuestsSid = 28,
    WinBuiltinPowerUsersSid = 29,
    WinBuiltinDCOMUsersSid = 60,
    WinCreatorOwnerRightsSid = 71,
} WELL_KNOWN_SID_TYPE;

/* Access control lists: a header, then the entries, each with its own size. */
#define ACL_REVISION    2
#define ACL_REVISION_DS 4

typedef struct _ACL {
    BYTE AclRevision;
    BYTE Sbz1;
    WORD AclSize; /* of all of it, with room for more */
    WORD AceCount;
    WORD Sbz2;
} ACL, *PACL;

#define ACCESS_ALLOWED_ACE_TYPE         0x00
#define ACCESS_DENIED_ACE_TYPE          0x01
#define SYSTEM_AUDIT_ACE_TYPE           0x02
#define SYSTEM_MANDATORY_LABEL_ACE_TYPE 0x11

#define OBJECT_INHERIT_ACE       0x01
#define CONTAINER_INHERIT_ACE    0x02
#define NO_PROPAGATE_INHERIT_ACE 0x04
#define INHERIT_ONLY_ACE         0x08
#define INHERITED_ACE            0x10

typedef struct _ACE_HEADER {
    BYTE AceType;
    BYTE AceFlags;
    WORD AceSize;
} ACE_HEADER, *PACE_HEADER;

typedef struct _ACCESS_ALLOWED_ACE {
    ACE_HEADER Header;
    ACCESS_MASK Mask;
    DWORD SidStart; /* the first four bytes of a SID */
} ACCESS_ALLOWED_ACE, *PACCESS_ALLOWED_ACE, ACCESS_DENIED_ACE, *PACCESS_DENIED_ACE, SYSTEM_AUDIT_ACE,
    *PSYSTEM_AUDIT_ACE;

typedef enum _ACL_INFORMATION_CLASS {
    AclRevisionInformation = 1,
    AclSizeInformation = 2
} ACL_INFORMATION_CLASS;

typedef struct _ACL_REVISION_INFORMATION {
    DWORD AclRevision;
} ACL_REVISION_INFORMATION, *PACL_REVISION_INFORMATION;

typedef struct _ACL_SIZE_INFORMATION {
    DWORD AceCount;
    DWORD AclBytesInUse;
    DWORD AclBytesFree;
} ACL_SIZE_INFORMATION, *PACL_SIZE_INFORMATION;

/* Security descriptors: absolute (pointers) or self-relative (one block with offsets; SE_SELF_RELATIVE). */
#define SECURITY_DESCRIPTOR_REVISION   1
#define SECURITY_DESCRIPTOR_MIN_LENGTH (sizeof(SECURITY_DESCRIPTOR))

#define SE_OWNER_DEFAULTED       0x0001
#define SE_GROUP_DEFAULTED       0x0002
#define SE_DACL_PRESENT          0x0004
#define SE_DACL_DEFAULTED        0x0008
#define SE_SACL_PRESENT          0x0010
#define SE_SACL_DEFAULTED        0x0020
#define SE_DACL_AUTO_INHERIT_REQ 0x0100
#define SE_SACL_AUTO_INHERIT_REQ 0x0200
#define SE_DACL_AUTO_INHERITED   0x0400
#define SE_SACL_AUTO_INHERITED   0x0800
#define SE_DACL_PROTECTED        0x1000
#define SE_SACL_PROTECTED        0x2000
#define SE_RM_CONTROL_VALID      0x4000
#define SE_SELF_RELATIVE         0x8000

typedef struct _SECURITY_DESCRIPTOR {
    BYTE Revision;
    BYTE Sbz1;
    SECURITY_DESCRIPTOR_CONTROL Control;
    PSID Owner;
    PSID Group;
    PACL Sacl;
    PACL Dacl;
} SECURITY_DESCRIPTOR, *PISECURITY_DESCRIPTOR;

typedef struct _SECURITY_DESCRIPTOR_RELATIVE {
    BYTE Revision;
    BYTE Sbz1;
    SECURITY_DESCRIPTOR_CONTROL Control;
    DWORD Owner; /* from the start of the descriptor; 0: none */
    DWORD Group;
    DWORD Sacl;
    DWORD Dacl;
} SECURITY_DESCRIPTOR_RELATIVE, *PISECURITY_DESCRIPTOR_RELATIVE;

#define OWNER_SECURITY_INFORMATION 0x00000001u
#define GROUP_SECURITY_INFORMATION 0x00000002u
#define DACL_SECURITY_INFORMATION  0x00000004u
#define SACL_SECURITY_INFORMATION  0x00000008u

/* What the generic rights mean for a kind of object. */
typedef struct _GENERIC_MAPPING {
    ACCESS_MASK GenericRead;
    ACCESS_MASK GenericWrite;
    ACCESS_MASK GenericExecute;
    ACCESS_MASK GenericAll;
} GENERIC_MAPPING, *PGENERIC_MAPPING;

typedef struct _LUID_AND_ATTRIBUTES {
    LUID Luid;
    DWORD Attributes;
} LUID_AND_ATTRIBUTES, *PLUID_AND_ATTRIBUTES;

/* The privileges that were needed: none here. */
typedef struct _PRIVILEGE_SET {
    DWORD PrivilegeCount;
    DWORD Control;
    LUID_AND_ATTRIBUTES Privilege[1];
} PRIVILEGE_SET, *PPRIVILEGE_SET;

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
    TokenSource = 7,             /* TOKEN_SOURCE; the handle needs TOKEN_QUERY_SOURCE */
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

/* Who proved the identity: "Kerberos", "NtLmSsp", also where RPC_C_AUTHN_GSS_NEGOTIATE chose it; else
 * "Mantle". */
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
