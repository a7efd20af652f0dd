/* SPDX-License-Identifier: Apache-2.0 */
/* The object of com-server as a library that mantle-host loads. */
#include "tests/realm/com-wire.h"

HRESULT DllGetClassObject(REFCLSID clsid, REFIID iid, LPVOID *ret_object)
{
    return IClassFactory_QueryInterface(&wire_factory, iid, ret_object);
}
