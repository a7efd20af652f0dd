/* SPDX-License-Identifier: Apache-2.0 */
/* objref-client HOST: creates an object of the lab's on that host, prints the OBJREF that Mantle marshals for
 * it in hexadecimal, and holds on to the object until its standard input ends. */
#define COBJMACROS
#include <mantle_lab.h>
#include <objbase.h>
#include <stdio.h>
#include <unistd.h>
#include "objref-text.h"

#define HOST_MAX 64

static HRESULT create(const char *host, IUnknown **ret_object)
{
    OLECHAR name[HOST_MAX];
    CLSID class = MANTLE_LAB_CLSID(MANTLE_LAB_CLOAKING_NONE);
    COSERVERINFO server = {.pwszName = name};
    MULTI_QI wanted = {.pIID = &IID_IUnknown};
    size_t i = 0;

    for (; host[i] && i + 1 < HOST_MAX; i++)
        name[i] = (unsigned char)host[i];
    name[i] = 0;
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    *ret_object = wanted.pItf;
    return hr;
}

int main(int argc, char **argv)
{
    IUnknown *object = NULL;
    char byte;
    HRESULT hr = argc == 2 ? CoInitializeEx(NULL, COINIT_MULTITHREADED) : E_INVALIDARG;

    if (SUCCEEDED(hr)) hr = create(argv[1], &object);
    if (SUCCEEDED(hr)) hr = objref_print(object, &IID_IUnknown);
    if (FAILED(hr)) {
        fprintf(stderr, "objref-client: 0x%08X\n", (unsigned)hr);
        return 1;
    }
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    IUnknown_Release(object);
    CoUninitialize();
    return 0;
}
