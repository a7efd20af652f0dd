/* SPDX-License-Identifier: Apache-2.0 */
/* Identities for users who did not prove themselves. Not in the Windows SDK; there LsaLogonUser does it. */
#pragma once
#include "winnt.h"

/*
 * A token for a user by name alone: this process vouches for the user, who came by some other way than
 * Kerberos (protocol transition, [MS-SFU] S4U2self). Asks the KDC on this thread, within its deadline, with
 * the key of the service in mantle.conf. The token is an impersonation token at SecurityImpersonation with
 * the user's SIDs as the KDC says them. ImpersonateLoggedOnUser or SetThreadToken puts it on a thread; a
 * cloaked call to another machine then succeeds where constrained delegation lets this machine's account act
 * for users who came by any protocol.
 *
 * lpszUsername  the user, or "user@REALM" with lpszDomain NULL
 * lpszDomain    the realm, as it is spelled
 * phToken       closed with CloseHandle
 *
 * ERROR_PRIVILEGE_NOT_HELD: protocol_transition is not set in [security] of mantle.conf (it is off by
 * default); ERROR_LOGON_FAILURE: the KDC knows no such user (also: no realm given), or this process has no
 * keytab; ERROR_ACCOUNT_DISABLED, ERROR_NO_LOGON_SERVERS, ERROR_NO_SUCH_DOMAIN, ERROR_TIME_SKEW as of
 * LogonUserW; ERROR_INVALID_PARAMETER; ERROR_NOT_ENOUGH_MEMORY. GetErrorInfo has the sentence.
 */
MANTLE_API BOOL MantleLogonUnprovedUserW(LPCWSTR lpszUsername, LPCWSTR lpszDomain, PHANDLE phToken);
