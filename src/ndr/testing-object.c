/* SPDX-License-Identifier: Apache-2.0 */
/* The interface pointers of ndr/'s tests, whatever their OBJREFs look like. */
#include <assert.h>
#include "ndr/testing.h"

long test_objects;
static volatile unsigned touched;

void test_touch(const void *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        touched += ((const uint8_t *)data)[i];
}

struct TestObject {
    IUnknown iface;
    ULONG references;
    IID iid;
    size_t length;
    uint8_t data[];
};

static HRESULT object_query(IUnknown *This, REFIID iid, void **ret_object)
{
    *ret_object = This;
    This->lpVtbl->AddRef(This);
    return S_OK;
}
static ULONG object_add_ref(IUnknown *This)
{
    return ++((TestObject *)This)->references;
}
static ULONG object_release(IUnknown *This)
{
    TestObject *object = (TestObject *)This;
    ULONG references = --object->references;
    if (references == 0) {
        test_objects--;
        free(object);
    }
    return references;
}

IUnknown *test_object_new(const IID *iid, const void *data, size_t length)
{
    static IUnknownVtbl vtable = {object_query, object_add_ref, object_release};
    if (!ndr_memory_allowed()) return NULL;
    TestObject *object = malloc(sizeof(*object) + length);
    assert(object);
    object->iface.lpVtbl = &vtable;
    object->references = 1;
    object->iid = *iid;
    object->length = length;
    if (length > 0) memcpy(object->data, data, length);
    test_objects++;
    return &object->iface;
}

const uint8_t *test_object_data(void *object, size_t *ret_length)
{
    *ret_length = ((TestObject *)object)->length;
    return ((TestObject *)object)->data;
}

const IID *test_object_iid(void *object)
{
    return &((TestObject *)object)->iid;
}
