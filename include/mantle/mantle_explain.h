/* SPDX-License-Identifier: Apache-2.0 */
/* How calls are authenticated, in words: by which mechanism, as whom, and why it was that one. Not in the
 * Windows SDK. */
#pragma once
#include "unknwn.h"

/*
 * Says how the last call by an interface of a proxy was authenticated: as whom, to which principal, at which
 * levels, by which mechanism; and, where Negotiate did not take Kerberos, why not. "Last" is what was sent
 * last, by any thread, since the proxy was made or SetBlanket was called on it. Before that it says what
 * calls will use. It changes nothing and calls nobody.
 *
 * pProxy   an interface of a remote object; its IUnknown for the counting of references. A copy of
 *          CoCopyProxy speaks for itself
 * ppszText freed with CoTaskMemFree; one line of printable text, made for people: programs should ask
 *          CoQueryProxyBlanket
 *
 * S_OK; E_POINTER; E_INVALIDARG: pProxy is no interface of a remote object, or IClientSecurity or IMultiQI,
 * which are local; RPC_E_NO_GOOD_SECURITY_PACKAGES: the server offers no service that can be used here;
 * E_OUTOFMEMORY. GetErrorInfo has the sentence.
 */
MANTLE_API HRESULT MantleExplainProxy(IUnknown *pProxy, LPWSTR *ppszText);
