/* SPDX-License-Identifier: Apache-2.0 */
/*
 * com-server INDEX none|static|dynamic mta|sta: serves WIRE_CLSID(INDEX) on the host that MANTLE_CONFIG
 * names. Says "ready" on standard output, and ends when standard input does: with 0 when every object was
 * released.
 */
#include "tests/realm/com-wire.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static HRESULT serve(unsigned index, DWORD capabilities, DWORD apartment, DWORD level, DWORD *ret_cookie)
{
    CLSID class = WIRE_CLSID(index);
    HRESULT hr = CoInitializeEx(NULL, apartment);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT, level, NULL, capabilities,
                                  NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&class, (IUnknown *)&wire_factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   ret_cookie);
    return hr;
}

int main(int argc, char **argv)
{
    char read_byte;
    DWORD cookie;
    if (argc != 5) return 2;
    bool single = strcmp(argv[3], "sta") == 0;
    HRESULT hr = serve((unsigned)atoi(argv[1]), wire_value(wire_cloakings, argv[2]),
                       single ? COINIT_APARTMENTTHREADED : COINIT_MULTITHREADED,
                       wire_value(wire_levels, argv[4]), &cookie);
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
