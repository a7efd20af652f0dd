/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before widl's -Os stubs: gcc has no __try, so exceptions are not caught; a program that raises one
 * dies, which is what a test wants.
 */
#pragma once
#define COBJMACROS
#include <windows.h>
#include <ole2.h>
#include <rpcproxy.h>

#undef RpcTryExcept
#undef RpcExcept
#undef RpcEndExcept
#undef RpcTryFinally
#undef RpcFinally
#undef RpcEndFinally
#undef RpcExceptionCode
#define RpcTryExcept if (1) {
#define RpcExcept(filter)                                                                                    \
    }                                                                                                        \
    else                                                                                                     \
    {
#define RpcEndExcept }
#define RpcTryFinally
#define RpcFinally
#define RpcEndFinally
#define RpcExceptionCode() RPC_S_INTERNAL_ERROR

/* Not in mingw's headers. The stubs assign to arguments, which mingw's own REFIID forbids. */
typedef signed char small;
HRESULT WINAPI IUnknown_QueryInterface_Proxy(IUnknown *This, const IID *iid, void **ret);
ULONG WINAPI IUnknown_AddRef_Proxy(IUnknown *This);
ULONG WINAPI IUnknown_Release_Proxy(IUnknown *This);
#undef REFIID
#define REFIID const IID *

/*
 * Room to spare: Wine 8 reckons pointers in unions too small ("BufferLength == 0??"), and then refuses to
 * write what it has to. What is sent is what was written.
 */
#define WIDL_ROOM 4096
#define NdrProxyGetBuffer(proxy, message)                                                                    \
    ((message)->BufferLength += WIDL_ROOM, NdrProxyGetBuffer(proxy, message))
#define NdrStubGetBuffer(stub, channel, message)                                                             \
    ((message)->BufferLength += WIDL_ROOM, NdrStubGetBuffer(stub, channel, message))
