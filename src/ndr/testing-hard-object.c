/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/testing-hard.h"

size_t hard_text_length(const WCHAR *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

WCHAR *hard_text_dup(const WCHAR *text)
{
    size_t size = (hard_text_length(text) + 1) * sizeof(WCHAR);
    WCHAR *copy = CoTaskMemAlloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

static void text_touch(const WCHAR *text)
{
    if (text) test_touch(text, (hard_text_length(text) + 1) * sizeof(WCHAR));
}

static void bstr_touch(BSTR text)
{
    if (text) test_touch(text, SysStringByteLen(text) + sizeof(WCHAR));
}

void hard_tree_touch(const Tree *tree)
{
    if (!tree) return;
    test_touch(tree, sizeof(*tree));
    hard_tree_touch(tree->l);
    hard_tree_touch(tree->r);
}

void hard_tree_free(Tree *tree)
{
    if (!tree) return;
    hard_tree_free(tree->l);
    hard_tree_free(tree->r);
    CoTaskMemFree(tree);
}

/* Adds one to every value. */
Tree *hard_tree_dup(const Tree *tree)
{
    Tree *copy = tree ? CoTaskMemAlloc(sizeof(*copy)) : NULL;
    if (!copy) return NULL;
    copy->v = (LONG)((ULONG)tree->v + 1);
    copy->l = hard_tree_dup(tree->l);
    copy->r = hard_tree_dup(tree->r);
    return copy;
}

static HRESULT query(IHard *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(IHard *This)
{
    return 1;
}

static void enc_touch(const Enc *e)
{
    if (e->tag == 2)
        text_touch(e->u.s);
    else if (e->tag != 4)
        test_touch(&e->u, e->tag == 1 ? sizeof(LONG) : e->tag == 3 ? sizeof(double) : 1);
}

static HRESULT enc_in(IHard *This, Enc *e, Enc *io, Enc *o)
{
    enc_touch(e);
    enc_touch(io);
    *o = *e;
    if (e->tag == 2 && e->u.s) o->u.s = hard_text_dup(e->u.s);
    if (io->tag == 2) {
        CoTaskMemFree(io->u.s);
        io->tag = 1;
        io->u.l = 77;
    } else if (io->tag == 1) {
        io->tag = 2;
        io->u.s = hard_text_dup(u"from server");
    }
    return S_OK;
}

static void non_touch(LONG vt, const Non *n)
{
    size_t length;
    if (vt == 1) test_touch(&n->l, sizeof(n->l));
    if (vt == 2) hard_tree_touch(n->t);
    if (vt == 3) test_touch(&n->h, sizeof(n->h));
    if (vt == 4 && n->punk) test_touch(test_object_data(n->punk, &length), 0);
    if (vt == 5 || vt == 6) bstr_touch(n->bs);
}

static HRESULT non_in(IHard *This, unsigned short vt, Arm *n, HasNon *h, HasNon *o)
{
    if (vt == 1) test_touch(&n->l, sizeof(n->l));
    if (vt == 2) hard_tree_touch(n->t);
    if (vt == 5 || vt == 6) bstr_touch(n->bs);
    non_touch(h->vt, &h->n);
    *o = *h;
    if (h->vt == 2) o->n.t = hard_tree_dup(h->n.t);
    if (h->vt == 4 && o->n.punk) o->n.punk->lpVtbl->AddRef(o->n.punk);
    if (h->vt == 5 || h->vt == 6)
        o->n.bs = h->n.bs ? SysAllocStringLen(h->n.bs, SysStringLen(h->n.bs)) : NULL;
    return S_OK;
}

static void cs_touch(const Cs *c)
{
    if (c) test_touch(c, offsetof(Cs, a) + c->n * sizeof(c->a[0]));
}

static void cvs_touch(const Cvs *v)
{
    if (v) test_touch(v, offsetof(Cvs, a) + v->len * sizeof(v->a[0]));
}

static HRESULT conf_s(IHard *This, Cs *c, Cs *u, HasCs *h, CsEnd *e, Cs **o)
{
    cs_touch(c);
    cs_touch(u);
    cs_touch(h->c1);
    cs_touch(h->c2);
    cvs_touch(h->v);
    cs_touch(&e->c);
    size_t size = offsetof(Cs, a) + c->n * sizeof(c->a[0]);
    *o = CoTaskMemAlloc(size);
    if (!*o) return E_OUTOFMEMORY;
    memcpy(*o, c, size);
    return u ? S_OK : S_FALSE;
}

static HRESULT conf_p(IHard *This, Csp *c, Csp **o)
{
    for (unsigned i = 0; i < c->n; i++)
        hard_tree_touch(c->a[i]);
    Csp *copy = *o = CoTaskMemAlloc(offsetof(Csp, a) + c->n * sizeof(c->a[0]));
    if (!copy) return E_OUTOFMEMORY;
    copy->k = c->k;
    copy->n = c->n;
    for (unsigned i = 0; i < c->n; i++)
        copy->a[i] = hard_tree_dup(c->a[i]);
    return S_OK;
}

static HRESULT conf_v(IHard *This, Cvs *c, Cvs *io)
{
    cvs_touch(c);
    cvs_touch(io);
    if (io->len > 0) io->a[0] = (short)(io->a[0] + 5);
    return S_OK;
}

static HRESULT fix_o(IHard *This, Fix *f, Odd *o, Fix *fo, Odd *oo, Odd byval, Pad pad, GUID g)
{
    text_touch(f->name);
    *fo = *f;
    *oo = byval;
    oo->d += o->d + pad.l + g.Data1;
    return S_OK;
}

static HRESULT um(IHard *This, UmHold *u, BSTR *pb, BSTR *io, UmHold *o, BSTR plain)
{
    bstr_touch(u->s);
    bstr_touch(u->t);
    bstr_touch(plain);
    if (pb) bstr_touch(*pb);
    o->b = u->b;
    o->h = u->h;
    o->s = SysAllocStringLen(u->t, SysStringLen(u->t));
    o->t = NULL;
    SysFreeString(*io);
    *io = SysAllocStringLen(u"new", 3);
    return S_OK;
}

static HRESULT st(IHard *This, Strs *s, char *a, const WCHAR *w, LONG nn, LPWSTR *arr, WCHAR **o, WCHAR *io,
                  ULONG *cb)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->names) text_touch(s->names[i]);
        if (s->bs) bstr_touch(s->bs[i]);
    }
    test_touch(a, strlen(a));
    text_touch(w);
    for (LONG i = 0; i < nn; i++)
        text_touch(arr[i]);
    *o = w ? hard_text_dup(w) : NULL;
    text_touch(io);
    if (*cb > 2) io[0] = u'Z';
    return S_OK;
}

static HRESULT arr(IHard *This, ULONG n, IUnknown **in, ULONG cap, ULONG *got, IUnknown **o)
{
    *got = 0;
    for (ULONG i = 0; i < n; i++) {
        size_t length;
        if (!in[i]) continue;
        test_touch(test_object_data(in[i], &length), 1);
        if (i >= cap) continue;
        o[i] = in[i];
        o[i]->lpVtbl->AddRef(o[i]);
        *got = i + 1;
    }
    for (ULONG i = 0; i < cap; i++)
        test_touch(&o[i], sizeof(o[i]));
    return S_OK;
}

static HRESULT arr2(IHard *This, ULONG n, LONG *u, LONG m, short *sl, hyper *sum, LONG *q, short *r)
{
    *sum = 0;
    for (ULONG i = 0; u && i < n; i++)
        *sum += u[i];
    for (LONG i = 0; i < m && i < 8; i++)
        *sum += sl[i];
    *sum += (hyper)q[0] + q[3];
    r[0] = 1;
    r[1] = 2;
    return S_OK;
}

static HRESULT ptrs(IHard *This, Tree *t, Tree *u, Tree **io, Tree **o, LONG *pl, LONG **ppl, LONG *cell)
{
    hard_tree_touch(t);
    hard_tree_touch(u);
    if (io) {
        hard_tree_touch(*io);
        Tree *copy = hard_tree_dup(*io);
        hard_tree_free(*io);
        *io = copy;
    }
    *o = hard_tree_dup(t);
    if (pl) test_touch(pl, sizeof(*pl));
    if (ppl && *ppl) test_touch(*ppl, sizeof(**ppl));
    if (cell) *cell = 99;
    return S_OK;
}

static HRESULT ens(IHard *This, En *e, E16 *x, E32 y, En *o, LONG r, __int3264 wide)
{
    *o = *e;
    *x = E7;
    if (r < 2 || r > 5) abort(); /* [range] was not enforced */
    return wide == -7 ? (HRESULT)y : E_INVALIDARG;
}

static HRESULT iid(IHard *This, REFIID riid, IUnknown *p, IUnknown **o, IUnknown **io)
{
    test_touch(riid, sizeof(*riid));
    *o = p;
    if (p) p->lpVtbl->AddRef(p);
    if (*io) (*io)->lpVtbl->Release(*io);
    *io = test_object_new(&IID_IUnknown, "io", 2);
    return S_OK;
}

static HRESULT blob(IHard *This, ULONG n, byte *p, ULONG *m, byte **q)
{
    test_touch(p, n);
    *q = CoTaskMemAlloc(n);
    if (!*q) return E_OUTOFMEMORY;
    memcpy(*q, p, n);
    *m = n;
    return S_OK;
}

static HRESULT scalars(IHard *This, small a, short b, LONG c, hyper d, float e, double f, boolean g,
                       MIDL_uhyper h, byte i, char j, hyper *sum, double *real)
{
    *sum = (hyper)((uint64_t)a + (uint64_t)b + (uint64_t)c + (uint64_t)d + g + h + i + (uint64_t)j);
    *real = (double)e + f;
    return S_OK;
}

static HRESULT sizes(IHard *This, Ops *ops, LONG n, LONG *more, LONG *sum)
{
    uint32_t count = (uint32_t)ops->n;
    if (ops->plus) test_touch(ops->plus, count + 1);
    if (ops->minus) test_touch(ops->minus, count - 1);
    if (ops->twice) test_touch(ops->twice, count * (size_t)2);
    if (ops->half) test_touch(ops->half, count / 2);
    if (ops->rounded) test_touch(ops->rounded, (count + 7) & ~7u);
    *sum = 0;
    for (LONG i = 0; i <= n; i++)
        *sum = (LONG)((ULONG)*sum + (ULONG)more[i]);
    return S_OK;
}

static HRESULT loc(IHard *This, void *p, ULONG cb)
{
    test_touch(p, cb);
    return (HRESULT)cb;
}

/* The two sides of [call_as] that a program writes */
HRESULT CALLBACK IHard_Loc_Proxy(IHard *This, void *p, ULONG cb)
{
    return IHard_RemLoc_Proxy(This, p, cb);
}
HRESULT __RPC_STUB IHard_Loc_Stub(IHard *This, byte *p, ULONG cb)
{
    return This->lpVtbl->Loc(This, p, cb);
}

static Narrow narrow_dup(Narrow text)
{
    Narrow copy = text ? CoTaskMemAlloc(strlen(text) + 1) : NULL;
    if (copy) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static HRESULT own(IHard *This, Narrow a, Narrow *b, Narrow *c)
{
    if (a) test_touch(a, strlen(a) + 1);
    *c = *b;
    *b = narrow_dup(a);
    return S_OK;
}

/* ---- the program's own routines for Narrow, made of BSTR's ---- */

static BSTR narrow_widen(Narrow text)
{
    if (!text) return NULL;
    BSTR wide = SysAllocStringLen(NULL, (UINT)strlen(text));
    if (!wide) RpcRaiseException(RPC_S_OUT_OF_MEMORY);
    for (size_t i = 0; text[i]; i++)
        wide[i] = (WCHAR)text[i];
    return wide;
}

ULONG __RPC_USER Narrow_UserSize(ULONG *flags, ULONG offset, Narrow *value)
{
    BSTR wide = narrow_widen(*value);
    ULONG end = BSTR_UserSize(flags, offset, &wide);
    SysFreeString(wide);
    return end;
}

unsigned char *__RPC_USER Narrow_UserMarshal(ULONG *flags, unsigned char *buffer, Narrow *value)
{
    BSTR wide = narrow_widen(*value);
    unsigned char *end = BSTR_UserMarshal(flags, buffer, &wide);
    BSTR_UserFree(flags, &wide);
    return end;
}

unsigned char *__RPC_USER Narrow_UserUnmarshal(ULONG *flags, unsigned char *buffer, Narrow *value)
{
    BSTR wide = NULL;
    unsigned char *end = BSTR_UserUnmarshal(flags, buffer, &wide);
    UINT length = SysStringLen(wide);
    Narrow text = wide ? CoTaskMemAlloc(length + 1) : NULL;
    bool failed = wide && !text;
    for (UINT i = 0; text && i < length; i++)
        text[i] = (char)wide[i];
    if (text) text[length] = 0;
    SysFreeString(wide);
    if (failed) RpcRaiseException(RPC_S_OUT_OF_MEMORY);
    *value = text;
    return end;
}

void __RPC_USER Narrow_UserFree(ULONG *flags, Narrow *value)
{
    CoTaskMemFree(*value);
    *value = NULL;
}

static IHardVtbl vtable = {query, count, count, enc_in, non_in, conf_s, conf_p,  conf_v, fix_o, um, st,
                           arr,   arr2,  ptrs,  ens,    iid,    blob,   scalars, sizes,  loc,   own};
IHard hard_object = {&vtable};
