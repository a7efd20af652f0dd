/* SPDX-License-Identifier: Apache-2.0 */
/* CoRegisterClassObject and its counterparts. */
#include "com/classobject.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/list.h"
#include "com/errorinfo.h"
#include "com/line.h"
#include "com/runtime.h"
#include "com/security.h"
#include "combaseapi.h"
#include "orpc/registrar-client.h"
#include "winerror.h"

#define CONTEXTS (CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER)

typedef struct ClassEntry {
    List link;
    uint32_t cookie;
    CLSID clsid;
    ClassObject object;
    DWORD context; /* where it is offered: CLSCTX_INPROC_SERVER, CLSCTX_LOCAL_SERVER or both */
    bool single_use, suspended;
} ClassEntry;

static struct {
    pthread_mutex_t lock;
    List entries;
    unsigned count;
    uint32_t last_cookie;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .entries = {&table.entries, &table.entries}};

void class_object_deinit(ClassObject *object)
{
    if (object->unknown) object->unknown->lpVtbl->Release(object->unknown);
    object->unknown = NULL;
    object->apartment = apartment_unref(object->apartment);
}

static void entry_free(ClassEntry *entry)
{
    class_object_deinit(&entry->object);
    free(entry);
}

/* With the lock held. */
static ClassEntry *find_cookie(uint32_t cookie)
{
    list_each(item, &table.entries)
    {
        ClassEntry *entry = container_of(item, ClassEntry, link);
        if (entry->cookie == cookie) return entry;
    }
    return NULL;
}

static void unlist(ClassEntry *entry)
{
    list_remove(&entry->link);
    table.count--;
}

/* Registration */

/* The table of sdk:REGCLS: where a class object of this context and kind is offered; 0: the two do not go
 * together. */
static DWORD offered_in(DWORD context, DWORD kind)
{
    if (context == 0 || context & ~(DWORD)CONTEXTS) return 0;
    switch (kind) {
    case REGCLS_SINGLEUSE:
        return context == CLSCTX_LOCAL_SERVER ? context : 0;
    case REGCLS_MULTIPLEUSE:
        return context | CLSCTX_INPROC_SERVER;
    case REGCLS_MULTI_SEPARATE:
        return context;
    }
    return 0;
}

/* With the lock held. */
static bool is_offered(const ClassEntry *wanted)
{
    list_each(item, &table.entries)
    {
        const ClassEntry *entry = container_of(item, ClassEntry, link);
        if (IsEqualCLSID(&entry->clsid, &wanted->clsid) && entry->context & wanted->context &&
            !(entry->single_use && wanted->single_use))
            return true;
    }
    return false;
}

static HRESULT entry_list(ClassEntry *entry)
{
    HRESULT hr = S_OK;
    pthread_mutex_lock(&table.lock);
    if (is_offered(entry))
        hr = CO_E_OBJISREG;
    else if (table.count >= CLASS_OBJECTS_MAX)
        hr = E_OUTOFMEMORY;
    else {
        do
            entry->cookie = ++table.last_cookie;
        while (!entry->cookie || find_cookie(entry->cookie));
        list_append(&table.entries, &entry->link);
        table.count++;
    }
    pthread_mutex_unlock(&table.lock);
    return hr;
}

static HRESULT announce(const CLSID *clsid, uint32_t cookie, bool single_use, bool suspended)
{
    Exporter *exporter;
    HRESULT hr = runtime_exporter(&exporter); /* and with it the line */
    if (FAILED(hr)) return hr;
    return line_add_class((const Guid *)clsid, cookie,
                          (single_use ? REGISTRAR_SINGLE_USE : 0) | (suspended ? REGISTRAR_SUSPENDED : 0));
}

/* Takes the entry out for good, if it is still there. */
static ClassEntry *entry_take(uint32_t cookie)
{
    pthread_mutex_lock(&table.lock);
    ClassEntry *entry = find_cookie(cookie);
    if (entry) unlist(entry);
    pthread_mutex_unlock(&table.lock);
    return entry;
}

static HRESULT entry_register(ClassEntry *entry, uint32_t *ret_cookie)
{
    HRESULT hr = entry_list(entry);
    if (FAILED(hr)) {
        entry_free(entry);
        return hr;
    }
    uint32_t cookie = entry->cookie;
    if (entry->context & CLSCTX_LOCAL_SERVER) {
        CLSID clsid = entry->clsid; /* once it is announced it may be used, and gone */
        hr = announce(&clsid, cookie, entry->single_use, entry->suspended);
        if (FAILED(hr) && (entry = entry_take(cookie))) entry_free(entry);
    }
    if (SUCCEEDED(hr)) *ret_cookie = cookie;
    return hr;
}

static ClassEntry *entry_new(const CLSID *clsid, IUnknown *unknown, Apartment *apartment)
{
    ClassEntry *entry = calloc(1, sizeof(*entry));
    if (!entry) return NULL;
    list_init(&entry->link);
    unknown->lpVtbl->AddRef(unknown);
    entry->object = (ClassObject){unknown, apartment_ref(apartment)};
    entry->clsid = *clsid;
    return entry;
}

HRESULT CoRegisterClassObject(REFCLSID rclsid, LPUNKNOWN pUnk, DWORD dwClsContext, DWORD flags,
                              LPDWORD lpdwRegister)
{
    DWORD kind = flags & ~(DWORD)(REGCLS_SUSPENDED | REGCLS_SURROGATE);
    const ProcessSecurity *security;
    uint32_t cookie;
    if (!rclsid || !pUnk || !lpdwRegister) return E_INVALIDARG;
    *lpdwRegister = 0;
    DWORD offered = offered_in(dwClsContext, kind);
    if (!offered) return E_INVALIDARG;
    HRESULT hr = apartment_check();
    if (SUCCEEDED(hr)) hr = security_get(&security); /* from here on it is too late to choose */
    Apartment *apartment = apartment_current();
    if (SUCCEEDED(hr) && apartment) hr = apartment_serve(apartment);
    if (FAILED(hr)) return hr;
    ClassEntry *entry = entry_new(rclsid, pUnk, apartment);
    if (!entry) return E_OUTOFMEMORY;
    entry->context = offered;
    entry->single_use = kind == REGCLS_SINGLEUSE;
    entry->suspended = (flags & REGCLS_SUSPENDED) != 0;
    hr = entry_register(entry, &cookie);
    if (SUCCEEDED(hr)) *lpdwRegister = cookie;
    return hr;
}

HRESULT CoRevokeClassObject(DWORD dwRegister)
{
    pthread_mutex_lock(&table.lock);
    ClassEntry *entry = find_cookie(dwRegister);
    bool foreign = entry && entry->object.apartment && entry->object.apartment != apartment_current();
    if (entry && !foreign) unlist(entry);
    pthread_mutex_unlock(&table.lock);
    if (!entry)
        return com_error(E_INVALIDARG, "No class object is registered under %u.", (unsigned)dwRegister);
    if (foreign) return RPC_E_WRONG_THREAD;
    if (entry->context & CLSCTX_LOCAL_SERVER) line_remove_class(dwRegister);
    entry_free(entry);
    return S_OK;
}

/* Suspending */

/* The next entry of this process that is (not) suspended, marked as changed. */
static bool change_next(bool suspend, uint32_t after, ClassEntry *ret_copy)
{
    bool found = false;
    pthread_mutex_lock(&table.lock);
    list_each(item, &table.entries)
    {
        ClassEntry *entry = container_of(item, ClassEntry, link);
        if (found || entry->cookie <= after || entry->suspended == suspend) continue;
        entry->suspended = suspend;
        *ret_copy = *entry;
        found = true;
    }
    pthread_mutex_unlock(&table.lock);
    return found;
}

static HRESULT change_all(bool suspend)
{
    ClassEntry copy = {0};
    HRESULT first = apartment_check();
    if (FAILED(first)) return first;
    while (change_next(suspend, copy.cookie, &copy)) {
        if (!(copy.context & CLSCTX_LOCAL_SERVER)) continue;
        HRESULT hr = announce(&copy.clsid, copy.cookie, copy.single_use, suspend);
        if (FAILED(hr) && SUCCEEDED(first)) first = hr;
    }
    return first;
}

HRESULT CoResumeClassObjects(void)
{
    return change_all(false);
}

HRESULT CoSuspendClassObjects(void)
{
    return change_all(true);
}

/* The next entry of this process that others may activate. */
static bool copy_next(uint32_t after, ClassEntry *ret_copy)
{
    bool found = false;
    pthread_mutex_lock(&table.lock);
    list_each(item, &table.entries)
    {
        ClassEntry *entry = container_of(item, ClassEntry, link);
        if (found || entry->cookie <= after || !(entry->context & CLSCTX_LOCAL_SERVER)) continue;
        *ret_copy = *entry;
        found = true;
    }
    pthread_mutex_unlock(&table.lock);
    return found;
}

void class_objects_announce(void)
{
    ClassEntry copy = {0};
    while (copy_next(copy.cookie, &copy)) /* refused now, it is refused to clients */
        (void)!announce(&copy.clsid, copy.cookie, copy.single_use, copy.suspended);
}

/* Use */

HRESULT class_object_find(const CLSID *clsid, IUnknown **ret_unknown)
{
    HRESULT hr = REGDB_E_CLASSNOTREG;
    const Apartment *here = apartment_current();
    pthread_mutex_lock(&table.lock);
    list_each(item, &table.entries)
    {
        ClassEntry *entry = container_of(item, ClassEntry, link);
        if (!(entry->context & CLSCTX_INPROC_SERVER) || entry->suspended ||
            !IsEqualCLSID(&entry->clsid, clsid))
            continue;
        if (entry->object.apartment && entry->object.apartment != here) continue;
        *ret_unknown = entry->object.unknown;
        hr = S_OK;
        break;
    }
    if (SUCCEEDED(hr)) (*ret_unknown)->lpVtbl->AddRef(*ret_unknown);
    pthread_mutex_unlock(&table.lock);
    return hr;
}

HRESULT class_object_use(const CLSID *clsid, uint32_t cookie, ClassObject *ret_object)
{
    ClassEntry *used = NULL;
    pthread_mutex_lock(&table.lock);
    ClassEntry *entry = find_cookie(cookie);
    bool usable = entry && !entry->suspended && IsEqualCLSID(&entry->clsid, clsid) &&
                  entry->context & CLSCTX_LOCAL_SERVER;
    if (usable) {
        *ret_object = (ClassObject){entry->object.unknown, apartment_ref(entry->object.apartment)};
        ret_object->unknown->lpVtbl->AddRef(ret_object->unknown);
        if (entry->single_use) unlist(used = entry);
    }
    pthread_mutex_unlock(&table.lock);
    if (used) entry_free(used);
    return usable ? S_OK : REGDB_E_CLASSNOTREG;
}

/* The next one of an apartment, or any. */
static ClassEntry *take_next(bool any, const Apartment *apartment)
{
    ClassEntry *found = NULL;
    pthread_mutex_lock(&table.lock);
    list_each(item, &table.entries)
    {
        ClassEntry *entry = container_of(item, ClassEntry, link);
        if (!found && (any || entry->object.apartment == apartment)) found = entry;
    }
    if (found) unlist(found);
    pthread_mutex_unlock(&table.lock);
    return found;
}

static void revoke_of(bool any, const Apartment *apartment)
{
    for (ClassEntry *entry; (entry = take_next(any, apartment));) {
        if (entry->context & CLSCTX_LOCAL_SERVER) line_remove_class(entry->cookie);
        entry_free(entry);
    }
}

void class_objects_revoke(Apartment *apartment)
{
    revoke_of(false, apartment);
}

void class_objects_revoke_all(void)
{
    revoke_of(true, NULL);
}
