/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may call this process: what CoInitializeSecurity's pSecDesc or the configuration says, and the
 * machine's limit in addition (facts CIS-14 to CIS-18).
 */
#pragma once
#include <stdbool.h>
#include "base/guid.h"
#include "sec/permission.h"
#include "wtypes.h"

struct IAccessControl;
typedef struct RpcCall RpcCall;

/* Of mantle.conf, read at the first use. */
typedef struct AccessSettings {
    Permission *machine_limit;  /* NULL: none */
    Permission *default_access; /* NULL: not set */
    Sid *administrators;
    size_t administrator_count;
} AccessSettings;

/* Borrowed for the life of the process. HRESULT_FROM_WIN32(ERROR_INVALID_DATA) with a sentence that names key
 * and place: what is configured cannot be used, and so nobody may call. */
HRESULT access_settings(const AccessSettings **ret_settings) must_use;
HRESULT access_administrators(AccessAdministrators *ret_administrators) must_use;

/* Whether every permission that is configured can be evaluated: of mantle.conf, and of the files of
 * classes.d, whose other mistakes are somebody else's to tell. Failures as above. */
HRESULT access_check_configuration(void) must_use;

typedef enum AccessMode {
    ACCESS_EVERYBODY,
    ACCESS_PERMISSION,
    ACCESS_DEFAULT, /* default_access= */
    ACCESS_CONTROL, /* the program is asked */
    ACCESS_SELF,    /* the process's identity and SYSTEM */
} AccessMode;

typedef struct ProcessAccess {
    AccessMode mode;
    Permission *_Atomic permission;         /* owned; ACCESS_SELF: made at the first call */
    struct IAccessControl *_Atomic control; /* owned; NULL after the end: nobody may call */
} ProcessAccess;

/* An absolute SECURITY_DESCRIPTOR. E_INVALIDARG with a sentence; E_OUTOFMEMORY. */
HRESULT access_from_descriptor(void *descriptor, ProcessAccess *ret_access) must_use;
/* An IAccessControl. E_INVALIDARG with a sentence: the object has none. */
HRESULT access_from_control(void *control, ProcessAccess *ret_access) must_use;

/* What the configuration says of a process by its AppID. */
typedef struct AccessAppIdSpec {
    const AccessSettings *settings; /* NULL: nothing is configured */
    const char *classes_dir;        /* NULL: there are no AppIDs */
    const Guid *appid;              /* NULL: that of `program` */
    const char *program;            /* absolute; NULL: this process's */
    uint32_t authn_level;           /* where the AppID has none */
} AccessAppIdSpec;
/* Permission of the AppID, else the default one, else ACCESS_SELF; at level NONE, which *ret_level may be,
 * everybody (CIS-16). E_INVALIDARG: no such AppID; HRESULT_FROM_WIN32(ERROR_INVALID_DATA): what is configured
 * cannot be used; all with a sentence; E_OUTOFMEMORY. */
HRESULT access_from_appid(const AccessAppIdSpec *spec, ProcessAccess *ret_access,
                          uint32_t *ret_level) must_use;
void access_deinit(ProcessAccess *access);

/* Whether a caller may. `caller` NULL: he did not authenticate. */
bool access_admits(ProcessAccess *access, const AccessSettings *settings, Token *caller, bool local);
/* The same for an incoming call and this process's security, remembered by token; for orpc_serve(). */
bool access_may_call(void *context, const RpcCall *call);
