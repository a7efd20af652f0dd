/* SPDX-License-Identifier: Apache-2.0 */
/*
 * com-server INDEX none|static|dynamic mta|sta LEVEL [ACCESS]: serves WIRE_CLSID(INDEX) on the host that
 * MANTLE_CONFIG names. ACCESS is what it gives CoInitializeSecurity: "all" (NULL), "appid:{GUID}",
 * "control:NAME" (an IAccessControl that lets only NAME call) or SDDL; "none": it does not call it. Says
 * "ready" on standard output, and ends when standard input does: with 0 when every object was released.
 */
#include "tests/realm/com-wire.h"
#include <iaccess.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <windows.h>

static const char *admitted; /* of control: */

static HRESULT STDMETHODCALLTYPE control_query(IAccessControl *self, REFIID iid, void **ret_interface)
{
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IAccessControl)) return E_NOINTERFACE;
    *ret_interface = self;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE control_count(IAccessControl *self)
{
    return 2; /* lives as long as the process */
}

static HRESULT STDMETHODCALLTYPE control_is_allowed(IAccessControl *self, PTRUSTEEW trustee, LPWSTR property,
                                                    ACCESS_RIGHTS rights, BOOL *ret_allowed)
{
    char *name = wire_narrow(trustee->ptstrName);
    *ret_allowed = name && rights == COM_RIGHTS_EXECUTE && strcmp(name, admitted) == 0;
    free(name);
    return S_OK;
}

static IAccessControlVtbl control_vtable = {.QueryInterface = control_query,
                                            .AddRef = control_count,
                                            .Release = control_count,
                                            .IsAccessAllowed = control_is_allowed};
static IAccessControl control = {&control_vtable};

/* SDDL as an absolute descriptor of static memory; NULL: it cannot be had. */
static void *descriptor_of(const char *sddl)
{
    static SECURITY_DESCRIPTOR descriptor;
    static BYTE dacl[1024], owner[SECURITY_MAX_SID_SIZE], group[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(descriptor), dacl_size = sizeof(dacl), sacl_size = 0, owner_size = sizeof(owner),
          group_size = sizeof(group);
    LPWSTR text = wire_wide(sddl);
    PSECURITY_DESCRIPTOR relative;
    BOOL made = ConvertStringSecurityDescriptorToSecurityDescriptor(text, SDDL_REVISION_1, &relative, NULL);
    CoTaskMemFree(text);
    if (!made) return NULL;
    made = MakeAbsoluteSD(relative, &descriptor, &size, (PACL)dacl, &dacl_size, NULL, &sacl_size, owner,
                          &owner_size, group, &group_size);
    LocalFree(relative);
    return made ? &descriptor : NULL;
}

static HRESULT secure(const char *access, DWORD level, DWORD capabilities)
{
    static GUID appid;
    void *descriptor = NULL;
    if (strcmp(access, "none") == 0) return S_OK;
    if (strncmp(access, "control:", 8) == 0) {
        admitted = access + 8;
        descriptor = &control;
        capabilities |= EOAC_ACCESS_CONTROL;
    } else if (strncmp(access, "appid:", 6) == 0) {
        LPWSTR text = wire_wide(access + 6);
        HRESULT hr = CLSIDFromString(text, &appid);
        CoTaskMemFree(text);
        if (FAILED(hr)) return hr;
        descriptor = &appid;
        capabilities = EOAC_APPID;
    } else if (strcmp(access, "all") != 0 && !(descriptor = descriptor_of(access))) {
        return E_INVALIDARG;
    }
    return CoInitializeSecurity(descriptor, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT, level, NULL,
                                capabilities, NULL);
}

static HRESULT serve(char **argv, DWORD apartment, DWORD *ret_cookie)
{
    CLSID class = WIRE_CLSID((unsigned)atoi(argv[1]));
    HRESULT hr = CoInitializeEx(NULL, apartment);
    if (SUCCEEDED(hr))
        hr = secure(argv[5] ? argv[5] : "all", wire_value(wire_levels, argv[4]),
                    wire_value(wire_cloakings, argv[2]));
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&class, (IUnknown *)&wire_factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   ret_cookie);
    return hr;
}

int main(int argc, char **argv)
{
    char read_byte;
    DWORD cookie;
    if (argc != 5 && argc != 6) return 2;
    bool single = strcmp(argv[3], "sta") == 0;
    HRESULT hr = serve(argv, single ? COINIT_APARTMENTTHREADED : COINIT_MULTITHREADED, &cookie);
    if (FAILED(hr)) {
        fprintf(stderr, "com-server %s: cannot serve: 0x%08X\n", argv[1], (unsigned)hr);
        return 1;
    }
    if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
    while (read(STDIN_FILENO, &read_byte, 1) > 0)
        ;
    unsigned left = wire_object_count();
    (void)CoRevokeClassObject(cookie); /* the process ends */
    CoUninitialize();
    return wire_object_count() ? 4 : left ? 3 : 0;
}
