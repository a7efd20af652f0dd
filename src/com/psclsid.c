/* SPDX-License-Identifier: Apache-2.0 */
/* Which class marshals an interface. Generated code registers itself, so this is bookkeeping for programs
 * that ask; an interface nobody generated code for cannot be marshalled, whatever was said here. */
#include <pthread.h>
#include <stdlib.h>
#include "base/hash.h"
#include "com/apartment.h"
#include "combaseapi.h"
#include "ndr/interface.h"
#include "winerror.h"

#define PSCLSID_MAX 65536u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static HashMap *classes; /* CLSID by IID, for the life of the process */

/* With the lock held. */
static HRESULT set_class(REFIID iid, REFCLSID clsid)
{
    if (!classes && hashmap_new(&classes) < 0) return E_OUTOFMEMORY;
    CLSID *known = hashmap_get(classes, iid, sizeof(*iid));
    if (known) {
        *known = *clsid;
        return S_OK;
    }
    if (hashmap_count(classes) >= PSCLSID_MAX) return E_OUTOFMEMORY;
    CLSID *copy = malloc(sizeof(*copy));
    if (!copy) return E_OUTOFMEMORY;
    *copy = *clsid;
    if (hashmap_put(classes, iid, sizeof(*iid), copy) == 0) return S_OK;
    free(copy);
    return E_OUTOFMEMORY;
}

HRESULT CoRegisterPSClsid(REFIID riid, REFCLSID rclsid)
{
    if (!riid || !rclsid) return E_INVALIDARG;
    HRESULT hr = apartment_check();
    if (FAILED(hr)) return hr;
    pthread_mutex_lock(&lock);
    hr = set_class(riid, rclsid);
    pthread_mutex_unlock(&lock);
    return hr;
}

HRESULT CoGetPSClsid(REFIID riid, CLSID *pClsid)
{
    if (!riid || !pClsid) return E_INVALIDARG;
    HRESULT hr = apartment_check();
    if (FAILED(hr)) return hr;
    pthread_mutex_lock(&lock);
    const CLSID *known = classes ? hashmap_get(classes, riid, sizeof(*riid)) : NULL;
    if (known) *pClsid = *known;
    pthread_mutex_unlock(&lock);
    if (known) return S_OK;
    if (!ndr_interface_find(riid)) return REGDB_E_IIDNOTREG;
    *pClsid = *riid;
    return S_OK;
}
