/* SPDX-License-Identifier: Apache-2.0 */
/* GUIDs and their text: CLSIDFromString and its relatives. */
#include "base/guid.h"
#include "base/utf16.h"
#include "combaseapi.h"

#define BRACED_LENGTH 38

_Static_assert(sizeof(Guid) == sizeof(GUID), "one layout");

static HRESULT guid_from_text(LPCOLESTR text, GUID *ret_guid, HRESULT malformed)
{
    char ascii[BRACED_LENGTH + 1] = "";
    Guid guid;
    size_t i;

    if (!ret_guid) return E_INVALIDARG;
    if (!text) {
        *ret_guid = GUID_NULL;
        return S_OK;
    }
    for (i = 0; i < BRACED_LENGTH && text[i]; i++) {
        if (text[i] > 0x7F) return malformed;
        ascii[i] = (char)text[i];
    }
    /* With braces only: guid_parse() would take either form. */
    if (i != BRACED_LENGTH || text[i] || guid_parse(ascii, &guid) < 0) return malformed;
    memcpy(ret_guid, &guid, sizeof(guid));
    return S_OK;
}

HRESULT CLSIDFromString(LPCOLESTR lpsz, LPCLSID pclsid)
{
    return guid_from_text(lpsz, pclsid, CO_E_CLASSSTRING);
}

HRESULT IIDFromString(LPCOLESTR lpsz, LPIID lpiid)
{
    return guid_from_text(lpsz, lpiid, CO_E_IIDSTRING);
}

int StringFromGUID2(REFGUID rguid, LPOLESTR lpsz, int cchMax)
{
    char ascii[GUID_STRING_SIZE];
    Guid guid;

    if (!rguid || !lpsz || cchMax < BRACED_LENGTH + 1) return 0;
    memcpy(&guid, rguid, sizeof(guid));
    guid_format(&guid, ascii);
    lpsz[0] = u'{';
    for (size_t i = 0; i < GUID_STRING_SIZE - 1; i++) {
        char c = ascii[i];
        lpsz[i + 1] = (WCHAR)(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
    }
    lpsz[BRACED_LENGTH - 1] = u'}';
    lpsz[BRACED_LENGTH] = 0;
    return BRACED_LENGTH + 1;
}

HRESULT StringFromCLSID(REFCLSID rclsid, LPOLESTR *lplpsz)
{
    LPOLESTR text;

    if (!rclsid || !lplpsz) return E_INVALIDARG;
    *lplpsz = NULL;
    text = CoTaskMemAlloc((BRACED_LENGTH + 1) * sizeof(*text));
    if (!text) return E_OUTOFMEMORY;
    (void)StringFromGUID2(rclsid, text, BRACED_LENGTH + 1); /* it fits */
    *lplpsz = text;
    return S_OK;
}

HRESULT StringFromIID(REFIID rclsid, LPOLESTR *lplpsz)
{
    return StringFromCLSID(rclsid, lplpsz);
}

HRESULT CoCreateGuid(GUID *pguid)
{
    Guid guid;

    if (!pguid) return E_INVALIDARG;
    if (guid_random(&guid) < 0) return HRESULT_FROM_WIN32(ERROR_NOT_FOUND);
    memcpy(pguid, &guid, sizeof(guid));
    return S_OK;
}
