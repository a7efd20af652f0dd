/* SPDX-License-Identifier: Apache-2.0 */
/* Error objects: IErrorInfo and ICreateErrorInfo of one object, and the one that a thread holds. */
#define CONST_VTBL const
#include "com/errorinfo.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/refcount.h"
#include "base/utf16.h"
#include "com/thread.h"
#include "winerror.h"

enum { TEXT_SOURCE, TEXT_DESCRIPTION, TEXT_HELP_FILE, TEXTS };

typedef struct ErrorInfo {
    IErrorInfo info;
    ICreateErrorInfo create;
    RefCount refs;
    GUID guid;
    BSTR texts[TEXTS];
    DWORD help_context;
} ErrorInfo;

static ErrorInfo *of_info(IErrorInfo *self)
{
    return container_of(self, ErrorInfo, info);
}

static ErrorInfo *of_create(ICreateErrorInfo *self)
{
    return container_of(self, ErrorInfo, create);
}

static ErrorInfo *error_info_unref(ErrorInfo *error)
{
    if (!error || !refcount_unref(&error->refs)) return NULL;
    for (int i = 0; i < TEXTS; i++)
        SysFreeString(error->texts[i]);
    free(error);
    return NULL;
}
DEFINE_CLEANUP(ErrorInfo, error_info_unref)

static ULONG error_info_add_ref(ErrorInfo *error)
{
    refcount_ref(&error->refs);
    return atomic_load(&error->refs.count);
}

static ULONG error_info_release(ErrorInfo *error)
{
    /* The count is for curious callers only: another thread may have changed it meanwhile. */
    ULONG left = atomic_load(&error->refs.count) - 1;

    (void)error_info_unref(error);
    return left;
}

static HRESULT error_info_query(ErrorInfo *error, REFIID riid, void **ret_object)
{
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IErrorInfo))
        *ret_object = &error->info;
    else if (IsEqualIID(riid, &IID_ICreateErrorInfo))
        *ret_object = &error->create;
    else
        return E_NOINTERFACE;
    refcount_ref(&error->refs);
    return S_OK;
}

static HRESULT error_info_get(ErrorInfo *error, int which, BSTR *ret_text)
{
    BSTR text = error->texts[which];

    if (!ret_text) return E_POINTER;
    *ret_text = NULL;
    if (!text) return S_OK;
    *ret_text = SysAllocStringLen(text, SysStringLen(text));
    return *ret_text ? S_OK : E_OUTOFMEMORY;
}

static HRESULT error_info_set(ErrorInfo *error, int which, LPCOLESTR text)
{
    BSTR copy = NULL;

    if (text && !(copy = SysAllocString(text))) return E_OUTOFMEMORY;
    SysFreeString(error->texts[which]);
    error->texts[which] = copy;
    return S_OK;
}

static HRESULT info_query_interface(IErrorInfo *self, REFIID riid, void **ret_object)
{
    return error_info_query(of_info(self), riid, ret_object);
}

static ULONG info_add_ref(IErrorInfo *self)
{
    return error_info_add_ref(of_info(self));
}

static ULONG info_release(IErrorInfo *self)
{
    return error_info_release(of_info(self));
}

static HRESULT info_get_guid(IErrorInfo *self, GUID *ret_guid)
{
    if (!ret_guid) return E_POINTER;
    *ret_guid = of_info(self)->guid;
    return S_OK;
}

static HRESULT info_get_source(IErrorInfo *self, BSTR *ret_text)
{
    return error_info_get(of_info(self), TEXT_SOURCE, ret_text);
}

static HRESULT info_get_description(IErrorInfo *self, BSTR *ret_text)
{
    return error_info_get(of_info(self), TEXT_DESCRIPTION, ret_text);
}

static HRESULT info_get_help_file(IErrorInfo *self, BSTR *ret_text)
{
    return error_info_get(of_info(self), TEXT_HELP_FILE, ret_text);
}

static HRESULT info_get_help_context(IErrorInfo *self, DWORD *ret_context)
{
    if (!ret_context) return E_POINTER;
    *ret_context = of_info(self)->help_context;
    return S_OK;
}

static const IErrorInfoVtbl info_vtable = {
    info_query_interface, info_add_ref,         info_release,       info_get_guid,
    info_get_source,      info_get_description, info_get_help_file, info_get_help_context,
};

static HRESULT create_query_interface(ICreateErrorInfo *self, REFIID riid, void **ret_object)
{
    return error_info_query(of_create(self), riid, ret_object);
}

static ULONG create_add_ref(ICreateErrorInfo *self)
{
    return error_info_add_ref(of_create(self));
}

static ULONG create_release(ICreateErrorInfo *self)
{
    return error_info_release(of_create(self));
}

static HRESULT create_set_guid(ICreateErrorInfo *self, REFGUID guid)
{
    if (!guid) return E_POINTER;
    of_create(self)->guid = *guid;
    return S_OK;
}

static HRESULT create_set_source(ICreateErrorInfo *self, LPOLESTR text)
{
    return error_info_set(of_create(self), TEXT_SOURCE, text);
}

static HRESULT create_set_description(ICreateErrorInfo *self, LPOLESTR text)
{
    return error_info_set(of_create(self), TEXT_DESCRIPTION, text);
}

static HRESULT create_set_help_file(ICreateErrorInfo *self, LPOLESTR text)
{
    return error_info_set(of_create(self), TEXT_HELP_FILE, text);
}

static HRESULT create_set_help_context(ICreateErrorInfo *self, DWORD context)
{
    of_create(self)->help_context = context;
    return S_OK;
}

static const ICreateErrorInfoVtbl create_vtable = {
    create_query_interface, create_add_ref,         create_release,       create_set_guid,
    create_set_source,      create_set_description, create_set_help_file, create_set_help_context,
};

static ErrorInfo *error_info_new(void)
{
    ErrorInfo *error = calloc(1, sizeof(*error));

    if (!error) return NULL;
    refcount_init(&error->refs);
    error->info.lpVtbl = &info_vtable;
    error->create.lpVtbl = &create_vtable;
    return error;
}

HRESULT CreateErrorInfo(ICreateErrorInfo **pperrinfo)
{
    ErrorInfo *error;

    if (!pperrinfo) return E_INVALIDARG;
    *pperrinfo = NULL;
    error = error_info_new();
    if (!error) return E_OUTOFMEMORY;
    *pperrinfo = &error->create;
    return S_OK;
}

HRESULT SetErrorInfo(ULONG dwReserved, IErrorInfo *perrinfo)
{
    ComThread *thread = com_thread();
    IErrorInfo *before = thread->error;

    if (dwReserved) return E_INVALIDARG;
    if (perrinfo) perrinfo->lpVtbl->AddRef(perrinfo);
    thread->error = perrinfo;
    if (before) before->lpVtbl->Release(before);
    return S_OK;
}

HRESULT GetErrorInfo(ULONG dwReserved, IErrorInfo **pperrinfo)
{
    if (dwReserved || !pperrinfo) return E_INVALIDARG;
    *pperrinfo = TAKE_PTR(com_thread()->error);
    return *pperrinfo ? S_OK : S_FALSE;
}

/* Cuts a text that vsnprintf cut in the middle of a character before that character. */
static void trim_character(char *text)
{
    size_t length = strlen(text);

    while (length && (text[length - 1] & 0xC0) == 0x80)
        length--;
    if (length && text[length - 1] & 0x80) length--;
    text[length] = 0;
}

HRESULT com_error(HRESULT code, const char *format, ...)
{
    _cleanup_(error_info_unrefp) ErrorInfo *error = NULL;
    _cleanup_(freep) char16_t *wide = NULL;
    char sentence[SEC_SENTENCE_MAX];
    va_list args;

    va_start(args, format);
    if (vsnprintf(sentence, sizeof(sentence), format, args) >= (int)sizeof(sentence))
        trim_character(sentence);
    va_end(args);
    /* What was said before belongs to another failure. */
    (void)SetErrorInfo(0, NULL);
    error = error_info_new();
    if (!error || utf16_from_utf8(sentence, &wide, NULL) < 0) return code;
    if (FAILED(error_info_set(error, TEXT_DESCRIPTION, wide)) ||
        FAILED(error_info_set(error, TEXT_SOURCE, u"Mantle")))
        return code;
    (void)SetErrorInfo(0, &error->info); /* cannot fail */
    return code;
}

HRESULT com_error_from_failure(const SecFailure *failure)
{
    HRESULT code = HRESULT_FROM_WIN32(failure->code);

    /* A failure is never a success, whatever its code says. */
    return com_error(FAILED(code) ? code : E_FAIL, "%s", failure->sentence);
}
