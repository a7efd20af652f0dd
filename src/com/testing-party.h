/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: objects with IParty and IPartyName, and their class object. */
#pragma once
#include <objbase.h>
#include "party.h"

static const CLSID CLSID_PARTY = {0x9a47, 1, 1, {1}}, CLSID_PARTY_SINGLE = {0x9a47, 1, 1, {2}},
                   CLSID_PARTY_LOCAL = {0x9a47, 1, 1, {3}}, CLSID_FORBIDDEN = {0xf0bb1dde, 0, 0, {0}};

/* One reference for the caller. */
IParty *party_new(void);
ULONG party_count(void);
/* One object for the process; references are not counted. */
extern IClassFactory party_factory;
/* What CoImpersonateClient said when it made an object the last time. */
extern HRESULT party_factory_saw;
