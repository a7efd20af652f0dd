/* SPDX-License-Identifier: Apache-2.0 */
/* What mantle.conf says and whether it can work, for tools. Not in the Windows SDK; there it is the registry.
 */
#pragma once
#include "wtypes.h"

/* One key of mantle.conf(5), as it is in force in this process. */
typedef struct MantleSetting {
    const CHAR *Section, *Key;
    const CHAR *Value;  /* as it is written in the file; "" where it is not set */
    const CHAR *Origin; /* "FILE:LINE", or "the default" */
} MantleSetting;

/* What was found when the configuration was tried. */
typedef struct MantleFinding {
    HRESULT Result; /* S_OK: it works; S_FALSE: a remark; a failure: what a program that needs it would get */
    CHAR Text[2048]; /* UTF-8: what was tried, and what came of it */
} MantleFinding;

/*
 * The configuration of this process: the file that MANTLE_CONFIG names, else /etc/mantle/mantle.conf, read at
 * the first use by anything.
 *
 * ppSettings   *pcSettings of them in the order of mantle.conf(5), in one block of memory with their texts,
 * to be freed with CoTaskMemFree
 *
 * S_OK; HRESULT_FROM_WIN32(ERROR_INVALID_DATA): the file is wrong, and GetErrorInfo names line and mistake;
 * E_POINTER, E_OUTOFMEMORY.
 */
MANTLE_API HRESULT MantleGetConfiguration(ULONG *pcSettings, MantleSetting **ppSettings);

/*
 * Tries what the configuration names without asking another machine: the keys that callers are verified
 * with, the identity that this process would act as, the files of hosts and of classes. What another
 * account's process would find only that account can try.
 *
 * ppFindings   *pcFindings of them, to be freed with CoTaskMemFree
 *
 * S_OK, also when findings are failures; else as above.
 */
MANTLE_API HRESULT MantleCheckConfiguration(ULONG *pcFindings, MantleFinding **ppFindings);
