/* SPDX-License-Identifier: Apache-2.0 */
/* Signs what it sends, so that a capture can read it: com-client none|static|dynamic STEPS: a process of that
 * cloaking that executes steps, and prints their report. */
#include "tests/realm/com-wire.h"
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, wire_value(wire_cloakings, argv[1]),
                                  NULL);
    if (FAILED(hr)) return 1;
    IWire *own = wire_object_new();
    char *report = own ? wire_steps(argv[2], own, NULL) : NULL;
    puts(report ? report : "no-memory");
    free(report);
    if (own) IWire_Release(own);
    (void)RevertToSelf(); /* or acted as the process anyway */
    CoUninitialize();
    return 0;
}
