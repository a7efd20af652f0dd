/* SPDX-License-Identifier: Apache-2.0 */
/* Who this process is towards resolvers (facts REF-5). */
#pragma once
#include <stdbool.h>
#include "sec/token.h"
#include "wtypes.h"

/*
 * The application's principal, by which OXIDs are resolved and objects are pinged, whoever a thread acts as:
 * the process's own token. A process that has no credential of its own at all is who CoInitializeSecurity's
 * pAuthList says for Negotiate, else for Kerberos, else for NTLM. May log on, so not with a lock held. The
 * result is a new reference; NULL: the program switched security off. SEC_E_NO_CREDENTIALS: there is nobody;
 * and what else keeps a credential from being used, which never gives way to another. Failures have a
 * sentence.
 */
HRESULT application_principal(Token **ret_token) must_use;
/* Whether resolvers have to prove who they are: EOAC_MUTUAL_AUTH of CoInitializeSecurity. */
bool application_wants_mutual(void);
