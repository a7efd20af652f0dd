/* SPDX-License-Identifier: Apache-2.0 */
/* BSTR, a counted UTF-16 string: NULL is the empty string everywhere; VARIANT and SAFEARRAY; the error object
 * of a thread. */
#pragma once
#include "oaidl.h"
#include "wtypes.h"

/* Copies a NUL-terminated string. NULL for NULL, and when memory is short. */
MANTLE_API BSTR SysAllocString(const OLECHAR *text);
/* Copies `length` characters, or makes room for them (zeroed) when `text` is NULL; a NUL follows. */
MANTLE_API BSTR SysAllocStringLen(const OLECHAR *text, UINT length);
/* The same, counted in bytes: the length may be odd. */
MANTLE_API BSTR SysAllocStringByteLen(LPCSTR data, UINT bytes);
/* Replaces *string. FALSE when memory is short, and then *string is unchanged. */
MANTLE_API INT SysReAllocString(BSTR *string, const OLECHAR *text);
MANTLE_API INT SysReAllocStringLen(BSTR *string, const OLECHAR *text, UINT length);
MANTLE_API void SysFreeString(BSTR string);
/* Characters, bytes; 0 for NULL. */
MANTLE_API UINT SysStringLen(BSTR string);
MANTLE_API UINT SysStringByteLen(BSTR string);

/* VARIANT. One that holds no valid type is DISP_E_BADVARTYPE; VT_RECORD is E_NOTIMPL. */

/* Makes memory of any content an empty VARIANT. sdk:VariantInit */
MANTLE_API void VariantInit(VARIANTARG *pvarg);
/* Frees what it owns and empties it; what VT_BYREF points to stays. DISP_E_ARRAYISLOCKED, and then it is as
 * before. sdk:VariantClear */
MANTLE_API HRESULT VariantClear(VARIANTARG *pvarg);
/* Clears the destination and makes it a copy; of VT_BYREF the pointer is copied. sdk:VariantCopy */
MANTLE_API HRESULT VariantCopy(VARIANTARG *pvargDest, const VARIANTARG *pvargSrc);
/* The same, and VT_BYREF is followed. sdk:VariantCopyInd */
MANTLE_API HRESULT VariantCopyInd(VARIANT *pvarDest, const VARIANTARG *pvargSrc);

/* Clears the destination, which may be the source, and makes it the source's value as another type: numbers
 * (rounded to the even neighbour), conditions, texts, dates, IUnknown and IDispatch. The same everywhere,
 * whatever `lcid` says: numbers have a point, dates are "2024-02-29 13:45:00". A default property is not
 * asked for. DISP_E_TYPEMISMATCH, DISP_E_OVERFLOW, DISP_E_BADVARTYPE; then the destination is as it was.
 * sdk:VariantChangeType */
MANTLE_API HRESULT VariantChangeType(VARIANTARG *pvargDest, const VARIANTARG *pvarSrc, USHORT wFlags,
                                     VARTYPE vt);
MANTLE_API HRESULT VariantChangeTypeEx(VARIANTARG *pvargDest, const VARIANTARG *pvarSrc, LCID lcid,
                                       USHORT wFlags, VARTYPE vt);
#define VARIANT_NOVALUEPROP 0x1
#define VARIANT_ALPHABOOL   0x2 /* conditions as "True" and "False", not -1 and 0 */

/* SAFEARRAY. Where an array is locked: DISP_E_ARRAYISLOCKED. Records are E_NOTIMPL or NULL. */

MANTLE_API HRESULT SafeArrayAllocDescriptor(UINT cDims, SAFEARRAY **ppsaOut);
MANTLE_API HRESULT SafeArrayAllocDescriptorEx(VARTYPE vt, UINT cDims, SAFEARRAY **ppsaOut);
/* Zeroed memory for the elements that the bounds describe. */
MANTLE_API HRESULT SafeArrayAllocData(SAFEARRAY *psa);
/* An array of zeroed elements; NULL: no such element type, too large, or memory is short. sdk:SafeArrayCreate
 */
MANTLE_API SAFEARRAY *SafeArrayCreate(VARTYPE vt, UINT cDims, SAFEARRAYBOUND *rgsabound);
/* `pvExtra`: the IID of interfaces that are neither IUnknown's nor IDispatch's. */
MANTLE_API SAFEARRAY *SafeArrayCreateEx(VARTYPE vt, UINT cDims, SAFEARRAYBOUND *rgsabound, PVOID pvExtra);
MANTLE_API SAFEARRAY *SafeArrayCreateVector(VARTYPE vt, LONG lLbound, ULONG cElements);
MANTLE_API SAFEARRAY *SafeArrayCreateVectorEx(VARTYPE vt, LONG lLbound, ULONG cElements, PVOID pvExtra);
/* Frees elements, data and descriptor; NULL is S_OK. sdk:SafeArrayDestroy */
MANTLE_API HRESULT SafeArrayDestroy(SAFEARRAY *psa);
MANTLE_API HRESULT SafeArrayDestroyData(SAFEARRAY *psa);
MANTLE_API HRESULT SafeArrayDestroyDescriptor(SAFEARRAY *psa);
/* A new array with copies of the elements. NULL gives NULL. */
MANTLE_API HRESULT SafeArrayCopy(SAFEARRAY *psa, SAFEARRAY **ppsaOut);
/* Replaces the elements of an array of the same shape. E_INVALIDARG when it is not. */
MANTLE_API HRESULT SafeArrayCopyData(SAFEARRAY *psaSource, SAFEARRAY *psaTarget);
/* Another number of elements in the last dimension, which is rgsabound[0]. */
MANTLE_API HRESULT SafeArrayRedim(SAFEARRAY *psa, SAFEARRAYBOUND *psaboundNew);
MANTLE_API HRESULT SafeArrayLock(SAFEARRAY *psa);
MANTLE_API HRESULT SafeArrayUnlock(SAFEARRAY *psa);
/* Locks, and gives the elements: the first index varies fastest. sdk:SafeArrayAccessData */
MANTLE_API HRESULT SafeArrayAccessData(SAFEARRAY *psa, void **ppvData);
MANTLE_API HRESULT SafeArrayUnaccessData(SAFEARRAY *psa);
MANTLE_API UINT SafeArrayGetDim(SAFEARRAY *psa);
MANTLE_API UINT SafeArrayGetElemsize(SAFEARRAY *psa);
/* Of dimension nDim, which counts from 1; else DISP_E_BADINDEX. */
MANTLE_API HRESULT SafeArrayGetLBound(SAFEARRAY *psa, UINT nDim, LONG *plLbound);
MANTLE_API HRESULT SafeArrayGetUBound(SAFEARRAY *psa, UINT nDim, LONG *plUbound);
/* Copies an element out or in; the caller owns what it got. `pv` is a BSTR, an interface pointer, or points
 * to any other value. Indices: the first dimension first. sdk:SafeArrayGetElement, sdk:SafeArrayPutElement */
MANTLE_API HRESULT SafeArrayGetElement(SAFEARRAY *psa, LONG *rgIndices, void *pv);
MANTLE_API HRESULT SafeArrayPutElement(SAFEARRAY *psa, LONG *rgIndices, void *pv);
/* Where an element lies, in a locked array. */
MANTLE_API HRESULT SafeArrayPtrOfIndex(SAFEARRAY *psa, LONG *rgIndices, void **ppvData);
/* E_INVALIDARG when the array does not say it. */
MANTLE_API HRESULT SafeArrayGetVartype(SAFEARRAY *psa, VARTYPE *pvt);
MANTLE_API HRESULT SafeArrayGetIID(SAFEARRAY *psa, GUID *pguid);
MANTLE_API HRESULT SafeArraySetIID(SAFEARRAY *psa, REFGUID guid);

/* The field that a type uses. */
#define V_VT(X)          ((X)->vt)
#define V_ISBYREF(X)     (V_VT(X) & VT_BYREF)
#define V_ISARRAY(X)     (V_VT(X) & VT_ARRAY)
#define V_UI1(X)         ((X)->bVal)
#define V_I1(X)          ((X)->cVal)
#define V_I2(X)          ((X)->iVal)
#define V_UI2(X)         ((X)->uiVal)
#define V_I4(X)          ((X)->lVal)
#define V_UI4(X)         ((X)->ulVal)
#define V_I8(X)          ((X)->llVal)
#define V_UI8(X)         ((X)->ullVal)
#define V_INT(X)         ((X)->intVal)
#define V_UINT(X)        ((X)->uintVal)
#define V_R4(X)          ((X)->fltVal)
#define V_R8(X)          ((X)->dblVal)
#define V_CY(X)          ((X)->cyVal)
#define V_DATE(X)        ((X)->date)
#define V_BSTR(X)        ((X)->bstrVal)
#define V_DISPATCH(X)    ((X)->pdispVal)
#define V_ERROR(X)       ((X)->scode)
#define V_BOOL(X)        ((X)->boolVal)
#define V_UNKNOWN(X)     ((X)->punkVal)
#define V_ARRAY(X)       ((X)->parray)
#define V_DECIMAL(X)     ((X)->decVal)
#define V_UI1REF(X)      ((X)->pbVal)
#define V_I1REF(X)       ((X)->pcVal)
#define V_I2REF(X)       ((X)->piVal)
#define V_UI2REF(X)      ((X)->puiVal)
#define V_I4REF(X)       ((X)->plVal)
#define V_UI4REF(X)      ((X)->pulVal)
#define V_I8REF(X)       ((X)->pllVal)
#define V_UI8REF(X)      ((X)->pullVal)
#define V_INTREF(X)      ((X)->pintVal)
#define V_UINTREF(X)     ((X)->puintVal)
#define V_R4REF(X)       ((X)->pfltVal)
#define V_R8REF(X)       ((X)->pdblVal)
#define V_CYREF(X)       ((X)->pcyVal)
#define V_DATEREF(X)     ((X)->pdate)
#define V_BSTRREF(X)     ((X)->pbstrVal)
#define V_DISPATCHREF(X) ((X)->ppdispVal)
#define V_ERRORREF(X)    ((X)->pscode)
#define V_BOOLREF(X)     ((X)->pboolVal)
#define V_UNKNOWNREF(X)  ((X)->ppunkVal)
#define V_ARRAYREF(X)    ((X)->pparray)
#define V_VARIANTREF(X)  ((X)->pvarVal)
#define V_DECIMALREF(X)  ((X)->pdecVal)
#define V_BYREF(X)       ((X)->byref)

/* The error object of this logical thread: the thread, and through ORPC the thread that called it. */

/* Replaces it; NULL clears it. S_OK, E_INVALIDARG (dwReserved). sdk:SetErrorInfo */
MANTLE_API HRESULT SetErrorInfo(ULONG dwReserved, IErrorInfo *perrinfo);
/* Takes it, so that the next call finds none. S_OK; S_FALSE and NULL: there is none; E_INVALIDARG.
 * sdk:GetErrorInfo */
MANTLE_API HRESULT GetErrorInfo(ULONG dwReserved, IErrorInfo **pperrinfo);
/* A new, empty one; QueryInterface gives its IErrorInfo. S_OK, E_INVALIDARG, E_OUTOFMEMORY.
 * sdk:CreateErrorInfo */
MANTLE_API HRESULT CreateErrorInfo(ICreateErrorInfo **pperrinfo);
