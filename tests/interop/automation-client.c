/* SPDX-License-Identifier: Apache-2.0 */
/* automation-client HOST: calls automation-server's members by name, as a script would, and writes a line for
 * each outcome. */
#define COBJMACROS
#include "automation.h"
#include <stdio.h>
#include <string.h>

static void print_text(const WCHAR *text)
{
    for (; text && *text; text++)
        putchar(*text < 128 ? (int)*text : '?');
}

static void print_value(const VARIANT *value)
{
    printf(" %u:", value->vt);
    if (value->vt == VT_BSTR) print_text(value->bstrVal);
    if (value->vt == VT_I4) printf("%d", value->lVal);
    if (value->vt == VT_I8) printf("%lld", (long long)value->llVal);
    if (value->vt == VT_R8) printf("%g", value->dblVal);
    if (value->vt == (VT_ARRAY | VT_BSTR)) {
        BSTR *texts;
        LONG last;
        if (FAILED(SafeArrayGetUBound(value->parray, 1, &last))) return;
        if (FAILED(SafeArrayAccessData(value->parray, (void **)&texts))) return;
        for (LONG i = 0; i <= last; i++) {
            printf("%s", i ? "," : "");
            print_text(texts[i]);
        }
        SafeArrayUnaccessData(value->parray);
    }
}

/* Calls a member with the arguments, of which the last is the first one in the array. */
static void call(IDispatch *object, const WCHAR *name, VARIANT *arguments, UINT count)
{
    LPOLESTR names[] = {(LPOLESTR)name};
    DISPPARAMS params = {arguments, NULL, count, 0};
    VARIANT result;
    EXCEPINFO exception;
    UINT argument = 0;
    DISPID id;
    IErrorInfo *info = NULL;
    BSTR sentence = NULL;
    VariantInit(&result);
    memset(&exception, 0, sizeof(exception));
    print_text(name);
    HRESULT hr = IDispatch_GetIDsOfNames(object, &GUID_NULL, names, 1, 0, &id);
    if (SUCCEEDED(hr))
        hr = IDispatch_Invoke(object, id, &GUID_NULL, 0, DISPATCH_METHOD, &params, &result, &exception,
                              &argument);
    printf(" 0x%08X", (unsigned)hr);
    if (hr == S_OK) print_value(&result);
    if (hr == DISP_E_TYPEMISMATCH) printf(" %u", argument);
    if (hr == DISP_E_EXCEPTION) {
        printf(" %u ", exception.wCode);
        print_text(exception.bstrDescription);
        printf(exception.pvReserved || exception.pfnDeferredFillIn ? " address" : "");
    }
    if (GetErrorInfo(0, &info) == S_OK) {
        IErrorInfo_GetDescription(info, &sentence);
        IErrorInfo_Release(info);
        putchar(' ');
        print_text(sentence);
        SysFreeString(sentence);
    }
    puts("");
    VariantClear(&result);
    SysFreeString(exception.bstrSource);
    SysFreeString(exception.bstrDescription);
    SysFreeString(exception.bstrHelpFile);
}

static void call_all(IDispatch *object)
{
    VARIANT text = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"ab,c")}, real = {.vt = VT_R8, .dblVal = 2.5};
    VARIANT array = {.vt = VT_ARRAY | VT_BSTR, .parray = SafeArrayCreateVector(VT_BSTR, 0, 2)};
    LONG at = 1, number = 40;
    SafeArrayPutElement(array.parray, &at, text.bstrVal);
    call(object, u"echo", &text, 1);
    call(object, u"Echo", &real, 1);
    call(object, u"Echo", &array, 1);
    VARIANT numbers[] = {{.vt = VT_I4, .lVal = 2}, {.vt = VT_BYREF | VT_I4, .plVal = &number}};
    call(object, u"Add", numbers, 2);
    printf("by reference %d\n", number);
    numbers[0] = real;
    call(object, u"Add", numbers, 2);
    VARIANT reference = {.vt = VT_BYREF | VT_BSTR, .pbstrVal = &text.bstrVal};
    call(object, u"Reverse", &reference, 1);
    printf("by reference ");
    print_text(text.bstrVal);
    puts("");
    call(object, u"Fail", NULL, 0);
    call(object, u"Nobody", NULL, 0);
    call(object, u"Refuse", NULL, 0);
    call(object, u"Silence", NULL, 0);
    call(object, u"Refuse", NULL, 0);
    VariantClear(&text);
    VariantClear(&array);
}

int main(int argc, char **argv)
{
    WCHAR name[64] = {0};
    COSERVERINFO server = {.pwszName = name};
    MULTI_QI wanted = {.pIID = &IID_IDispatch};
    HRESULT hr = argc == 2 ? CoInitializeEx(NULL, COINIT_MULTITHREADED) : E_INVALIDARG;
    for (size_t i = 0; argc == 2 && argv[1][i] && i < 63; i++)
        name[i] = (unsigned char)argv[1][i];
    if (SUCCEEDED(hr))
        hr = CoCreateInstanceEx(&automation_class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    if (SUCCEEDED(hr)) {
        call_all((IDispatch *)wanted.pItf);
        wanted.pItf->lpVtbl->Release(wanted.pItf);
    } else {
        fprintf(stderr, "automation-client: 0x%08X\n", (unsigned)hr);
    }
    CoUninitialize();
    return FAILED(hr);
}
