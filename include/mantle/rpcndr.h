/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What widl's output is made of: the tables' types and macros. Programs include it through mantle-idl's
 * output. Layouts are Mantle's own (the tables are compiled from source); only names and meanings are
 * Microsoft's.
 */
#pragma once
#include "rpc.h"
#include "unknwn.h"
#include "oleauto.h"

typedef unsigned char byte, boolean;
typedef signed char small;
typedef int64_t hyper;
typedef uint64_t MIDL_uhyper;

/* widl is run with --win64: an argument image of 8-byte slots, which generated thunks fill and empty */
#define __RPC_WIN64__        1
#define __RPCNDR_H_VERSION__ 475
#define __RPC_API
#define __RPC_USER
#define __RPC_STUB
#define NdrFcShort(s) (unsigned char)((s)&0xff), (unsigned char)((s) >> 8)
#define NdrFcLong(s)                                                                                         \
    (unsigned char)((s)&0xff), (unsigned char)(((s)&0xff00) >> 8), (unsigned char)(((s)&0xff0000) >> 16),    \
        (unsigned char)((s) >> 24)

typedef const unsigned char *PFORMAT_STRING;
typedef struct _RPC_MESSAGE *PRPC_MESSAGE;
typedef interface IRpcChannelBuffer IRpcChannelBuffer;
typedef interface IRpcStubBuffer IRpcStubBuffer;
typedef struct _MIDL_STUB_DESC MIDL_STUB_DESC;
typedef const MIDL_STUB_DESC *PMIDL_STUB_DESC;

/* What an expression callback, a [call_as] thunk and a user-marshal routine get to see of the call. */
typedef struct _MIDL_STUB_MESSAGE {
    unsigned char *Buffer, *BufferStart, *BufferEnd;
    ULONG_PTR MaxCount;
    ULONG Offset, ActualCount;
    unsigned char *StackTop;
    PMIDL_STUB_DESC StubDesc;
} MIDL_STUB_MESSAGE, *PMIDL_STUB_MESSAGE;

typedef void (*EXPR_EVAL)(PMIDL_STUB_MESSAGE);
typedef void (*STUB_THUNK)(PMIDL_STUB_MESSAGE);
typedef HRESULT (*SERVER_ROUTINE)(void);

/* [wire_marshal], [user_marshal]. `flags` is the first field of a USER_MARSHAL_CB, whose stub message gives
 * the bounds of the buffer; a routine that would leave them raises RPC_X_BAD_STUB_DATA. */
typedef ULONG (*USER_MARSHAL_SIZING_ROUTINE)(ULONG *flags, ULONG offset, void *value);
typedef unsigned char *(*USER_MARSHAL_MARSHALLING_ROUTINE)(ULONG *flags, unsigned char *buffer, void *value);
typedef unsigned char *(*USER_MARSHAL_UNMARSHALLING_ROUTINE)(ULONG *flags, unsigned char *buffer,
                                                             void *value);
typedef void (*USER_MARSHAL_FREEING_ROUTINE)(ULONG *flags, void *value);
typedef struct _USER_MARSHAL_ROUTINE_QUADRUPLE {
    USER_MARSHAL_SIZING_ROUTINE pfnBufferSize;
    USER_MARSHAL_MARSHALLING_ROUTINE pfnMarshall;
    USER_MARSHAL_UNMARSHALLING_ROUTINE pfnUnmarshall;
    USER_MARSHAL_FREEING_ROUTINE pfnFree;
} USER_MARSHAL_ROUTINE_QUADRUPLE;
typedef enum _USER_MARSHAL_CB_TYPE {
    USER_MARSHAL_CB_BUFFER_SIZE,
    USER_MARSHAL_CB_MARSHALL,
    USER_MARSHAL_CB_UNMARSHALL,
    USER_MARSHAL_CB_FREE
} USER_MARSHAL_CB_TYPE;
#define USER_MARSHAL_CB_SIGNATURE 0x554d4342u
typedef struct _USER_MARSHAL_CB {
    ULONG Flags;
    PMIDL_STUB_MESSAGE pStubMsg;
    PFORMAT_STRING pReserve;
    ULONG Signature;
    USER_MARSHAL_CB_TYPE CBType;
    PFORMAT_STRING pFormat, pTypeFormat;
} USER_MARSHAL_CB;

struct _MIDL_STUB_DESC {
    void *RpcInterfaceInformation;
    void *(*pfnAllocate)(SIZE_T);
    void (*pfnFree)(void *);
    union {
        handle_t *pAutoHandle;
        void *pGenericBindingInfo;
    } IMPLICIT_HANDLE_INFO;
    const void *apfnNdrRundownRoutines;
    const void *aGenericBindingRoutinePairs;
    const EXPR_EVAL *apfnExprEval;
    const void *aXmitQuintuple;
    PFORMAT_STRING pFormatTypes;
    int fCheckBounds;
    ULONG Version;
    void *pMallocFreeStruct;
    LONG MIDLVersion;
    const void *CommFaultOffsets;
    const USER_MARSHAL_ROUTINE_QUADRUPLE *aUserMarshalQuadruple;
    const void *NotifyRoutineTable;
    ULONG_PTR mFlags;
    const void *Reserved3, *Reserved4, *Reserved5;
};
typedef struct _MIDL_STUBLESS_PROXY_INFO {
    PMIDL_STUB_DESC pStubDesc;
    PFORMAT_STRING ProcFormatString;
    const unsigned short *FormatStringOffset;
    void *pTransferSyntax;
    ULONG_PTR nCount;
    void *pSyntaxInfo;
} MIDL_STUBLESS_PROXY_INFO;
typedef struct _MIDL_SERVER_INFO {
    PMIDL_STUB_DESC pStubDesc;
    const SERVER_ROUTINE *DispatchTable;
    PFORMAT_STRING ProcString;
    const unsigned short *FmtStringOffset;
    const STUB_THUNK *ThunkTable;
    void *pTransferSyntax;
    ULONG_PTR nCount;
    void *pSyntaxInfo;
} MIDL_SERVER_INFO;
typedef union _CLIENT_CALL_RETURN {
    void *Pointer;
    LONG_PTR Simple;
} CLIENT_CALL_RETURN;

/* The client side of a [call_as] method: arguments are scalars and pointers, which the IDL compiler sees to.
 */
MANTLE_API CLIENT_CALL_RETURN NdrClientCall2(PMIDL_STUB_DESC description, PFORMAT_STRING procedure, ...);
MANTLE_API void *NdrOleAllocate(SIZE_T size);
MANTLE_API void NdrOleFree(void *block);

MANTLE_API ULONG BSTR_UserSize(ULONG *flags, ULONG offset, BSTR *value);
MANTLE_API unsigned char *BSTR_UserMarshal(ULONG *flags, unsigned char *buffer, BSTR *value);
MANTLE_API unsigned char *BSTR_UserUnmarshal(ULONG *flags, unsigned char *buffer, BSTR *value);
MANTLE_API void BSTR_UserFree(ULONG *flags, BSTR *value);

/* By these the tables name VARIANT and SAFEARRAY. They are not for calling: RPC_S_CANNOT_SUPPORT is raised.
 */
MANTLE_API ULONG VARIANT_UserSize(ULONG *flags, ULONG offset, VARIANT *value);
MANTLE_API unsigned char *VARIANT_UserMarshal(ULONG *flags, unsigned char *buffer, VARIANT *value);
MANTLE_API unsigned char *VARIANT_UserUnmarshal(ULONG *flags, unsigned char *buffer, VARIANT *value);
MANTLE_API void VARIANT_UserFree(ULONG *flags, VARIANT *value);
MANTLE_API ULONG LPSAFEARRAY_UserSize(ULONG *flags, ULONG offset, LPSAFEARRAY *value);
MANTLE_API unsigned char *LPSAFEARRAY_UserMarshal(ULONG *flags, unsigned char *buffer, LPSAFEARRAY *value);
MANTLE_API unsigned char *LPSAFEARRAY_UserUnmarshal(ULONG *flags, unsigned char *buffer, LPSAFEARRAY *value);
MANTLE_API void LPSAFEARRAY_UserFree(ULONG *flags, LPSAFEARRAY *value);
