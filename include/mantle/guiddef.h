/* SPDX-License-Identifier: Apache-2.0 */
/* GUID and its relatives; DEFINE_GUID declares, or defines where INITGUID came before this header. */
#ifndef MANTLE_GUIDDEF_H
#define MANTLE_GUIDDEF_H
#include <string.h>
#include "windef.h"

typedef struct _GUID {
    DWORD Data1;
    WORD Data2;
    WORD Data3;
    BYTE Data4[8];
} GUID, IID, CLSID, FMTID, UUID, IPID, CID, *LPGUID, *LPIID, *LPCLSID;
typedef const GUID *LPCGUID;
MANTLE_STATIC_ASSERT(sizeof(GUID) == 16);

#ifdef __cplusplus
typedef const GUID &REFGUID;
typedef const IID &REFIID;
typedef const CLSID &REFCLSID;
typedef const IPID &REFIPID;
typedef const FMTID &REFFMTID;
inline bool operator==(REFGUID a, REFGUID b)
{
    return memcmp(&a, &b, sizeof(GUID)) == 0;
}
inline bool operator!=(REFGUID a, REFGUID b)
{
    return !(a == b);
}
inline BOOL IsEqualGUID(REFGUID a, REFGUID b)
{
    return a == b;
}
#if !defined(_MSC_EXTENSIONS)
/* __uuidof(interface, or an expression of its type): the IID that __CRT_UUID_DECL gave it, which mantle-idl's
 * headers and these do. */
extern "C++" {
template <typename T> struct MantleUuid;
template <typename T> struct MantleUuid<T *> : MantleUuid<T> {
};
}
#define __CRT_UUID_DECL(type, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8)                                     \
    extern "C++" {                                                                                           \
    template <> struct MantleUuid<type> {                                                                    \
        static const GUID &of()                                                                              \
        {                                                                                                    \
            static const GUID uuid = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}};                          \
            return uuid;                                                                                     \
        }                                                                                                    \
    };                                                                                                       \
    }
#define __uuidof(type) (MantleUuid<__typeof__(type)>::of())
#else
#define __CRT_UUID_DECL(type, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8)
#endif
#else
typedef const GUID *REFGUID;
typedef const IID *REFIID;
typedef const CLSID *REFCLSID;
typedef const IPID *REFIPID;
typedef const FMTID *REFFMTID;
#define IsEqualGUID(a, b) (memcmp((a), (b), sizeof(GUID)) == 0)
#endif
#define IsEqualIID(a, b)   IsEqualGUID(a, b)
#define IsEqualCLSID(a, b) IsEqualGUID(a, b)
#define IsEqualFMTID(a, b) IsEqualGUID(a, b)

MANTLE_API const GUID GUID_NULL;
#define IID_NULL   GUID_NULL
#define CLSID_NULL GUID_NULL
#endif

/* Outside the guard: a file may include this header again after `#define INITGUID`. */
#undef DEFINE_GUID
#ifdef INITGUID
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8)                                         \
    EXTERN_C const GUID DECLSPEC_SELECTANY name;                                                             \
    const GUID name = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) MANTLE_API const GUID name
#endif
#define DEFINE_OLEGUID(name, l, w1, w2) DEFINE_GUID(name, l, w1, w2, 0xC0, 0, 0, 0, 0, 0, 0, 0x46)
